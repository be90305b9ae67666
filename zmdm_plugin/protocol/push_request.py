"""Requests for push certificates: the CSR, and what an MDM vendor signs of it for Apple's portal.

https://developer.apple.com/documentation/devicemanagement/setting-up-push-notifications-for-your-mdm-customers
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import pem, plist
from zmdm_plugin.protocol.algorithms import PrivateKey
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.csr import BadCsr, parse_csr
from zmdm_plugin.protocol.names import write_name

_LABELS: Final = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_LONGEST: Final = 10  # certificates of a chain


class BadVendor(ProtocolError):
    """The vendor's certificate, key or chain cannot sign requests that Apple would take."""


def make_csr(key: PrivateKey, subject: Iterable[tuple[str, str]]) -> bytes:
    """A certificate request (DER); the same key and subject give the same bytes for RSA."""
    builder = x509.CertificateSigningRequestBuilder(write_name(subject))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def csr_pem(der: bytes) -> str:
    """A certificate request as PEM text with lines of 64 characters."""
    lines = base64.encodebytes(der).decode("ascii").replace("\n", "")
    body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n"


def read_csr(data: bytes) -> bytes:
    """The request (DER) in a PEM or DER file; its signature is checked."""
    der = data
    if data[:1] != b"\x30":
        found = [block.der for block in pem.split(data) if block.label in _LABELS]
        if len(found) != 1:
            raise BadCsr(f"there are {len(found)} certificate requests in the PEM text, not one")
        der = found[0]
    return parse_csr(der).der


@refuses(BadVendor, "the vendor certificate or its chain cannot be read")
def vendor_chain(certificate: bytes, others: Sequence[bytes]) -> tuple[bytes, ...]:
    """Vendor certificate, intermediates and root (DER) in order, out of `others` in any order.

    Apple's portal refuses a chain that does not reach the root.
    """
    known = [x509.load_der_x509_certificate(der) for der in others]
    chain = [x509.load_der_x509_certificate(certificate)]
    while chain[-1].subject != chain[-1].issuer and len(chain) < _LONGEST:
        issuer = next((one for one in known if _issued(chain[-1], one)), None)
        if issuer is None:
            raise BadVendor(
                f"the chain of the vendor certificate lacks {chain[-1].issuer.rfc4514_string()}"
            )
        chain.append(issuer)
    return tuple([one.public_bytes(serialization.Encoding.DER) for one in chain])


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` signed it: Apple's intermediates share names across generations."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@refuses(BadVendor, "the vendor certificate or its key cannot be read")
def vendor_key(certificate: bytes, key: PrivateKey) -> rsa.RSAPrivateKey:
    """The key, if it is the one of the vendor certificate (DER) and can sign as Apple asks."""
    if not pem.fits(certificate, key):
        raise BadVendor("the vendor certificate and the vendor key do not belong together")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadVendor("the vendor key must be an RSA key")
    return key


def signed_request(csr: bytes, key: rsa.RSAPrivateKey, *, chain: Sequence[bytes]) -> bytes:
    """What identity.apple.com/pushcert takes: a property list in base64.

    `csr` and `chain` (vendor certificate first, root last) are DER.
    """
    signature = key.sign(csr, padding.PKCS1v15(), hashes.SHA256())
    request = {
        "PushCertRequestCSR": base64.b64encode(csr).decode("ascii"),
        "PushCertCertificateChain": "".join(pem.certificate_pem(der) for der in chain),
        "PushCertSignature": base64.b64encode(signature).decode("ascii"),
    }
    return base64.b64encode(plist.dumps(request))
