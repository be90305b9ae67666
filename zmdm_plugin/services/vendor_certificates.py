"""The MDM vendor certificate: what Apple wants under every request for a push certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.errors import Conflict, ProtocolError, Refused
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import pem, push_request, x509
from zmdm_plugin.state import state


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor certificate with its chain (DER, the root last) and its key."""

    chain: tuple[bytes, ...]
    key: rsa.RSAPrivateKey = field(repr=False)


def configured() -> bool:
    """Whether the settings name a vendor certificate."""
    return bool(state().settings.vendor_certificate)


def of_settings() -> Vendor:
    """The vendor certificate of the settings; Conflict if there is none."""
    settings = state().settings
    if not configured():
        raise Conflict(
            "no vendor certificate is configured (ZMDM_VENDOR_CERTIFICATE, ZMDM_VENDOR_KEY)"
        )
    return load(
        settings.vendor_certificate.encode(),
        settings.vendor_key.encode(),
        chain=settings.vendor_chain.encode(),
        password=settings.vendor_key_password.encode() or None,
    )


def load(
    certificate: bytes, key: bytes, *, chain: bytes = b"", password: bytes | None = None
) -> Vendor:
    """Read PEM or DER files; Refused with (vendor_certificate | vendor_key | vendor_chain, why).

    `chain` holds the intermediates and the root as PEM; what `certificate` brings counts too.
    """
    own = _certificates("vendor_certificate", certificate)
    others = _certificates("vendor_chain", chain) if chain.strip() else ()
    try:
        private_key = push_request.vendor_key(own[0], pem.private_key(key, password))
    except ProtocolError as error:
        raise Refused("vendor_key", str(error)) from error
    ends = x509.facts(own[0]).not_after
    if ends <= utcnow():
        raise Refused("vendor_certificate", f"expired on {ends:%Y-%m-%d}")
    try:
        return Vendor(push_request.vendor_chain(own[0], (*own[1:], *others)), private_key)
    except ProtocolError as error:
        raise Refused("vendor_chain", str(error)) from error


def sign(csr: bytes, vendor: Vendor) -> bytes:
    """The signed request for a CSR (DER), as Apple's push certificates portal takes it."""
    return push_request.signed_request(csr, vendor.key, chain=vendor.chain)


def _certificates(name: str, data: bytes) -> tuple[bytes, ...]:
    try:
        return pem.certificates(data)
    except ProtocolError as error:
        raise Refused(name, str(error)) from error
