"""A vendor certificate as Apple would issue it, with its chain; and openssl, which checks what is
signed with it."""

from __future__ import annotations

import base64
import plistlib
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Vendor:
    """PEM texts; the chain is intermediate and root."""

    certificate: str
    key: str
    chain: str


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(
    subject: str,
    public: rsa.RSAPublicKey,
    *,
    issuer: str,
    key: rsa.RSAPrivateKey,
    days: int = 365,
) -> x509.Certificate:
    builder = x509.CertificateBuilder(name(issuer), name(subject), public, 7 + days)
    dated = builder.not_valid_before(NOW - timedelta(days=9)).not_valid_after(
        NOW + timedelta(days=days)
    )
    authority = x509.BasicConstraints(ca=subject != "Vendor", path_length=None)
    return dated.add_extension(authority, critical=True).sign(key, hashes.SHA256())


@cache
def keys() -> tuple[rsa.RSAPrivateKey, ...]:
    """Root, intermediate, vendor: made once, for they take long."""
    return tuple(rsa.generate_private_key(65537, 2048) for _ in range(3))


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(PEM).decode()


def issue(public: rsa.RSAPublicKey, *, days: int = 365) -> str:
    """A vendor certificate (PEM) for a key."""
    return pem(signed("Vendor", public, issuer="Intermediate", key=keys()[1], days=days))


def chain() -> str:
    """Root before intermediate, as a careless person puts them together."""
    root, intermediate, _ = keys()
    above = signed("Intermediate", intermediate.public_key(), issuer="Root", key=root)
    return pem(signed("Root", root.public_key(), issuer="Root", key=root)) + pem(above)


@cache
def vendor() -> Vendor:
    key = keys()[2]
    return Vendor(issue(key.public_key()), plain(key), chain())


def plain(key: rsa.RSAPrivateKey) -> str:
    """A key as PEM, without a password."""
    unsealed = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, unsealed).decode()


def settings(made: Vendor) -> dict[str, object]:
    """What configures it."""
    return {
        "ZMDM_VENDOR_CERTIFICATE": made.certificate,
        "ZMDM_VENDOR_KEY": made.key,
        "ZMDM_VENDOR_CHAIN": made.chain,
    }


def openssl(*arguments: str | Path) -> str:
    """Run openssl; its complaint is the message of the failure."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def opened(request: bytes) -> dict[str, Any]:
    """The property list of a signed request."""
    found: dict[str, Any] = plistlib.loads(base64.b64decode(request, validate=True))
    return found


def verify_with_openssl(request: bytes, folder: Path) -> bytes:
    """Check chain, signature and CSR of a signed request; returns the CSR (DER)."""
    parts = opened(request)
    blocks = parts["PushCertCertificateChain"].split("-----END CERTIFICATE-----\n")[:-1]
    leaf, above, root = (f"{block}-----END CERTIFICATE-----\n" for block in blocks)
    for file, text in (("leaf", leaf), ("above", above), ("root", root)):
        (folder / file).write_text(text)
    verify = ("verify", "-CAfile", folder / "root", "-partial_chain")
    openssl(*verify, "-untrusted", folder / "above", folder / "leaf")
    (folder / "public").write_text(openssl("x509", "-in", folder / "leaf", "-pubkey", "-noout"))
    (folder / "csr").write_bytes(base64.b64decode(parts["PushCertRequestCSR"], validate=True))
    signature = base64.b64decode(parts["PushCertSignature"], validate=True)
    (folder / "signature").write_bytes(signature)
    check = ("dgst", "-sha256", "-verify", folder / "public", "-signature", folder / "signature")
    openssl(*check, folder / "csr")
    openssl("req", "-inform", "DER", "-in", folder / "csr", "-verify", "-noout")
    return (folder / "csr").read_bytes()
