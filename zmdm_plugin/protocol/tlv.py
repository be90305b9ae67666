"""Tag, length, value: the few lines of ASN.1 that signatures, envelopes and requests need.

Devices sign with indefinite lengths, so one walk reads DER and BER alike; what is written is DER.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from zmdm_plugin.errors import ProtocolError

INTEGER = 0x02
BIT_STRING = 0x03
OCTETS = 0x04
NULL = 0x05
OID = 0x06
UTF8 = 0x0C
PRINTABLE = 0x13
SEQUENCE = 0x30
SET = 0x31
CONSTRUCTED = 0x20

_MAX_MEMBERS = 65_536  # of one element; a profile of 16 MB in pieces of 1 kB has 16,384
_MAX_NESTING = 16  # constructed octet strings inside each other; real ones have one level
_STRINGS = {
    UTF8: "utf-8",
    PRINTABLE: "ascii",
    0x12: "ascii",  # NumericString
    0x14: "latin-1",  # TeletexString as everybody writes it
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


class MalformedAsn1(ProtocolError):
    """The bytes are not the ASN.1 structure that belongs there."""


class Tlv(NamedTuple):
    """One element: its tag byte, its content without header or end mark, and all of its bytes."""

    tag: int
    content: bytes
    raw: bytes


def read_all(data: bytes) -> list[Tlv]:
    """Read the elements that lie side by side in `data`, which must be used up exactly."""
    found: list[Tlv] = []
    at, size = 0, len(data)
    while at < size:
        if len(found) == _MAX_MEMBERS:
            raise MalformedAsn1("an ASN.1 element has too many members")
        element = read(data, at)
        found.append(element)
        at += len(element.raw)
    return found


def read(data: bytes, at: int = 0) -> Tlv:
    """Read the element that starts at byte `at`; what follows it is left alone."""
    try:
        tag = data[at]
        length = data[at + 1]
    except IndexError:
        raise MalformedAsn1("an ASN.1 element is cut short") from None
    start = at + 2
    if tag & 0x1F == 0x1F:
        raise MalformedAsn1("an ASN.1 tag has more than one byte")
    if length >= 0x80:
        if length == 0x80:
            if not tag & CONSTRUCTED:
                raise MalformedAsn1("a primitive ASN.1 element has no length")
            stop = _end_of_contents(data, start)
            return Tlv(tag, data[start:stop], data[at : stop + 2])
        start, length = _long_length(data, start, count=length & 0x7F)
    stop = start + length
    if stop > len(data):
        raise MalformedAsn1("an ASN.1 element is cut short")
    return Tlv(tag, data[start:stop], data[at:stop])


def _long_length(data: bytes, at: int, *, count: int) -> tuple[int, int]:
    digits = data[at : at + count]
    if len(digits) != count or count > 8:
        raise MalformedAsn1("an ASN.1 length cannot be read")
    return at + count, int.from_bytes(digits, "big")


def _end_of_contents(data: bytes, at: int) -> int:
    """Where the indefinite content that starts at `at` ends (its end mark starts there)."""
    open_elements = 1
    size = len(data)
    while at + 1 < size:
        tag, length = data[at], data[at + 1]
        if tag == 0 and length == 0:
            open_elements -= 1
            if not open_elements:
                return at
            at += 2
        elif length == 0x80:
            open_elements += 1
            at += 2
        elif length > 0x80:
            at, length = _long_length(data, at + 2, count=length & 0x7F)
            at += length
        else:
            at += 2 + length
    raise MalformedAsn1("an ASN.1 element has no end")


def expect(element: Tlv, tag: int) -> Tlv:
    """The element itself, if it carries the tag that belongs there."""
    if element.tag != tag:
        raise MalformedAsn1(f"ASN.1 tag {tag:#04x} expected, not {element.tag:#04x}")
    return element


def inside(element: Tlv, tag: int = SEQUENCE) -> list[Tlv]:
    """The members of a constructed element that must carry `tag`."""
    return read_all(expect(element, tag).content)


def octets(element: Tlv, tag: int = OCTETS, *, depth: int = 0) -> bytes:
    """The bytes of an octet string, joined when the sender cut it into pieces (BER)."""
    if element.tag == tag:
        return element.content
    if element.tag != tag | CONSTRUCTED or depth > _MAX_NESTING:
        raise MalformedAsn1("an ASN.1 octet string expected")
    return b"".join(octets(piece, depth=depth + 1) for piece in read_all(element.content))


def text(element: Tlv) -> str:
    """The characters of any ASN.1 string type."""
    encoding = _STRINGS.get(element.tag)
    if encoding is None:
        raise MalformedAsn1("an ASN.1 string expected")
    try:
        decoded = element.content.decode(encoding)
    except UnicodeDecodeError:
        raise MalformedAsn1("an ASN.1 string has bytes outside its alphabet") from None
    if "\0" in decoded:  # the oldest trick with certificate names, and no database takes it
        raise MalformedAsn1("an ASN.1 string has a NUL")
    return decoded


def write(tag: int, *parts: bytes) -> bytes:
    """Write one DER element around the concatenated parts."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content


def write_set(tag: int, members: Iterable[bytes]) -> bytes:
    """Write a SET OF in the order that DER demands (by encoded bytes)."""
    return write(tag, *sorted(members))


def integer(value: int) -> bytes:
    """Write an INTEGER."""
    return write(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid_content(dotted: str) -> bytes:
    """The content bytes of an object identifier, for comparing without decoding."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(arc & 0x7F | 0x80)
        out.extend(reversed(group))
    return bytes(out)


def oid(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER."""
    return write(OID, oid_content(dotted))
