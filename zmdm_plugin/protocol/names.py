"""Distinguished names: read leniently, compared as people mean them, written from short names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.tlv import OID, SET, expect, inside, oid_content, read, text, write

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
    """A name from (short name or OID, value) pairs, e.g. (("CN", "device"), ("2.5.4.5", "7"))."""
    attributes = []
    for short, value in parts:
        try:
            oid = _OIDS.get(short) or x509.ObjectIdentifier(short)
        except ValueError:
            raise BadName(f"the name part {short!r} is not known") from None
        try:
            attributes.append(x509.NameAttribute(oid, value))
        except (ValueError, TypeError):
            raise BadName(f"the name part {short!r} has a value that does not fit") from None
    return x509.Name(attributes)


_PRINCIPAL: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8: Final = 0x0C


def alternative_names(parts: Mapping[str, str]) -> list[x509.GeneralName]:
    """Subject alternative names by the keys of Apple's SCEP payload.

    https://developer.apple.com/documentation/devicemanagement/scep/payloadcontent-data.dictionary/subjectaltname-data.dictionary
    """
    found: list[x509.GeneralName] = []
    for kind, value in parts.items():
        try:
            match kind:
                case "rfc822Name":
                    found.append(x509.RFC822Name(value))
                case "dNSName":
                    found.append(x509.DNSName(value))
                case "uniformResourceIdentifier":
                    found.append(x509.UniformResourceIdentifier(value))
                case "ntPrincipalName":
                    found.append(x509.OtherName(_PRINCIPAL, write(_UTF8, value.encode())))
                case _:
                    raise BadName(f"the alternative name {kind!r} is not known")
        except (ValueError, TypeError):
            raise BadName(f"the alternative name {kind!r} has a value that does not fit") from None
    return found
