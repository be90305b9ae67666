"""Distinguished names: read leniently, compared as people mean them, written from short names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.tlv import OID, SET, expect, inside, oid_content, read, text

_OIDS: Final = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "C": NameOID.COUNTRY_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "UID": NameOID.USER_ID,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "title": NameOID.TITLE,
}
_SHORT: Final = {oid_content(oid.dotted_string): short for short, oid in _OIDS.items()}

Subject = tuple[tuple[str, str], ...]


class BadName(ProtocolError):
    """A name that cannot stand in a certificate."""


def read_name(der: bytes) -> Subject:
    """The parts of an encoded name in order; parts of unknown kind appear as their OID in hex."""
    parts = []
    for group in inside(read(der)):
        for pair in inside(group, SET):
            kind, value = inside(pair)
            code = expect(kind, OID).content
            parts.append((_SHORT.get(code, code.hex()), text(value)))
    return tuple(parts)


def same_name(left: bytes, right: bytes) -> bool:
    """Whether two encoded names say the same, for senders that re-encode strings (RFC 5280 7.1)."""
    return _folded(left) == _folded(right)


def _folded(der: bytes) -> list[tuple[str, str]]:
    return [(kind, " ".join(value.split()).casefold()) for kind, value in read_name(der)]


def write_name(parts: Iterable[tuple[str, str]]) -> x509.Name:
    """A name from (short name, value) pairs, e.g. (("CN", "device"), ("O", "Example"))."""
    attributes = []
    for short, value in parts:
        oid = _OIDS.get(short)
        if oid is None:
            raise BadName(f"the name part {short!r} is not known")
        try:
            attributes.append(x509.NameAttribute(oid, value))
        except (ValueError, TypeError):
            raise BadName(f"the name part {short!r} has a value that does not fit") from None
    return x509.Name(attributes)
