"""Whether a certificate chains to someone we trust (RFC 5280 section 6, as far as devices go).

Own code, because the verifier of `cryptography` wants web certificates: it knows no bare keys as
anchors, enforces the dates of authorities, and Apple signs with one that expired in 2014.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.algorithms import (
    BadSignature,
    UnsupportedAlgorithm,
    signature_scheme,
    usable_key,
    verify,
)
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.names import same_name
from zmdm_plugin.protocol.tlv import inside, read

T = TypeVar("T", bound=x509.ExtensionType)

_MAX_LENGTH: Final = 8
_MAX_CHECKS: Final = 64  # signatures tried in all, so that a bag of look-alikes costs no time
_APPLE_ARC: Final = "1.2.840.113635.100."
_HANDLED: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_CLIENT: Final = frozenset(
    {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)


class UntrustedCertificate(ProtocolError):
    """The certificate chains to none of the anchors; the message says what came nearest."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Someone we trust: a certificate (DER), or a bare public key (SPKI, DER) with its name."""

    certificate: bytes | None = None
    spki: bytes | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class ChainPolicy:
    """What is asked of a chain beside its signatures.

    `ignore_ca_expiry` skips the dates of authorities alone, `ignore_leaf_expiry` those of the
    device. Anchors were chosen by hand, so the size of their keys is not judged.
    """

    minimum_rsa_bits: int = 2048
    allow_sha1: bool = False
    ignore_ca_expiry: bool = False
    ignore_leaf_expiry: bool = False
    client_usage: bool = True


DEFAULT_POLICY: Final = ChainPolicy()


@refuses(UntrustedCertificate, "the certificate chain cannot be read")
def verify_chain(
    leaf: bytes,
    intermediates: Sequence[bytes],
    *,
    anchors: Sequence[Anchor],
    at: datetime,
    policy: ChainPolicy = DEFAULT_POLICY,
) -> tuple[bytes, ...]:
    """The chain (DER) from the leaf to the last certificate below or at its anchor.

    Intermediates may come in any order and be of no use. Raises UntrustedCertificate.
    """
    search = _Search(
        [x509.load_der_x509_certificate(der) for der in intermediates if der != leaf],
        [_Issuer.of_anchor(anchor) for anchor in anchors],
        at=at,
        policy=policy,
    )
    certificate = x509.load_der_x509_certificate(leaf)
    search.check_leaf(certificate)
    chain = search.climb((certificate,))
    if chain is None:
        raise UntrustedCertificate(search.why)
    return tuple([one.public_bytes(serialization.Encoding.DER) for one in chain])


@dataclass(frozen=True, slots=True)
class _Issuer:
    """A candidate above: its certificate if there is one, its key, and whether it is trusted."""

    certificate: x509.Certificate | None
    key: PublicKeyTypes
    trusted: bool

    @classmethod
    def of_anchor(cls, anchor: Anchor) -> _Issuer:
        if anchor.certificate is not None:
            certificate = x509.load_der_x509_certificate(anchor.certificate)
            return cls(certificate, certificate.public_key(), trusted=True)
        if anchor.spki is None:
            raise UntrustedCertificate("a trust anchor is empty")
        return cls(None, serialization.load_der_public_key(anchor.spki), trusted=True)


class _Search:
    """One depth-first climb with its budget; `why` keeps the most telling refusal."""

    def __init__(
        self,
        intermediates: list[x509.Certificate],
        anchors: list[_Issuer],
        *,
        at: datetime,
        policy: ChainPolicy,
    ) -> None:
        self.issuers = anchors + [
            _Issuer(one, one.public_key(), trusted=False) for one in intermediates
        ]
        self.at = at
        self.policy = policy
        self.checks = 0
        self.why = "the certificate was not issued by anyone we trust"

    def check_leaf(self, leaf: x509.Certificate) -> None:
        """The leaf's own limits: key, dates, and that it may sign for a client."""
        usable_key(leaf.public_key(), minimum_rsa_bits=self.policy.minimum_rsa_bits)
        _check_critical(leaf)
        if not self.policy.ignore_leaf_expiry:
            _check_dates(leaf, self.at)
        usage = _extension(leaf, x509.KeyUsage)
        if usage is not None and not (usage.digital_signature or usage.content_commitment):
            raise UntrustedCertificate("the certificate may not sign")
        self._check_purpose(leaf)

    def climb(self, chain: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...] | None:
        """Go one step up from the end of `chain`, anchors first, until one is trusted."""
        for issuer in self._named(chain[-1]):
            if issuer.certificate in chain or len(chain) > _MAX_LENGTH:
                continue
            try:
                self._check_step(chain, issuer)
            except (UntrustedCertificate, UnsupportedAlgorithm) as refusal:
                self.why = str(refusal)
                continue
            except BadSignature:
                continue
            above = chain if issuer.certificate is None else (*chain, issuer.certificate)
            if issuer.trusted:
                return above
            if (found := self.climb(above)) is not None:
                return found
        return None

    def _named(self, certificate: x509.Certificate) -> Iterator[_Issuer]:
        """Candidates that bear the issuer's name; a bare key has none and is always tried."""
        name = certificate.issuer.public_bytes()
        for issuer in self.issuers:
            if issuer.certificate is None or same_name(
                issuer.certificate.subject.public_bytes(), name
            ):
                yield issuer

    def _check_step(self, chain: tuple[x509.Certificate, ...], issuer: _Issuer) -> None:
        self.checks += 1
        if self.checks > _MAX_CHECKS:
            raise UntrustedCertificate("too many certificates could have issued this one")
        minimum = 512 if issuer.trusted else self.policy.minimum_rsa_bits
        _, algorithm, _ = inside(read(chain[-1].public_bytes(serialization.Encoding.DER)))
        scheme = signature_scheme(algorithm)
        verify(
            usable_key(issuer.key, minimum_rsa_bits=minimum),
            chain[-1].signature,
            message=chain[-1].tbs_certificate_bytes,
            scheme=scheme,
        )
        if scheme.digest == "sha1" and not self.policy.allow_sha1:
            raise UntrustedCertificate("a certificate of the chain is signed with SHA-1")
        if issuer.certificate is not None:
            self._check_authority(issuer.certificate, below=len(chain) - 1)

    def _check_authority(self, certificate: x509.Certificate, *, below: int) -> None:
        """That a certificate may issue; `below` counts the authorities under it."""
        _check_critical(certificate)
        constraints = _extension(certificate, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            raise UntrustedCertificate("the issuer is no certificate authority")
        if constraints.path_length is not None and below > constraints.path_length:
            raise UntrustedCertificate("the chain is longer than an authority allows")
        usage = _extension(certificate, x509.KeyUsage)
        if usage is not None and not usage.key_cert_sign:
            raise UntrustedCertificate("the issuer may not sign certificates")
        self._check_purpose(certificate)
        if not self.policy.ignore_ca_expiry:
            _check_dates(certificate, self.at)

    def _check_purpose(self, certificate: x509.Certificate) -> None:
        """A certificate limited to other purposes (a web server's, say) identifies no client."""
        purposes = _extension(certificate, x509.ExtendedKeyUsage)
        if purposes is None or not _CLIENT.isdisjoint(purposes):
            return
        if self.policy.client_usage or ExtendedKeyUsageOID.SERVER_AUTH in purposes:
            raise UntrustedCertificate("the certificate is not meant for clients")


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _check_critical(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        known = extension.oid in _HANDLED or extension.oid.dotted_string.startswith(_APPLE_ARC)
        if extension.critical and not known:
            raise UntrustedCertificate("the certificate has a limit that we do not understand")


def _check_dates(certificate: x509.Certificate, at: datetime) -> None:
    if at < certificate.not_valid_before_utc:
        raise UntrustedCertificate("the certificate is not valid yet")
    if at > certificate.not_valid_after_utc:
        raise UntrustedCertificate("the certificate has expired")
