"""ASN.1 encoding, by hand: DER, and the indefinite lengths that real devices send.

An encoder of its own lets the simulator produce what no library would: unsorted sets, version 2
requests, chunked octet strings.
"""

from __future__ import annotations

INTEGER, OCTETS, NULL, OID, UTF8, PRINTABLE, IA5 = 0x02, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x16
BITS, UTC_TIME, SEQUENCE, SET = 0x03, 0x17, 0x30, 0x31
CONSTRUCTED_OCTETS = 0x24
END_OF_CONTENTS = b"\x00\x00"


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one value with a definite length."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def indefinite(tag: int, *parts: bytes) -> bytes:
    """Encode one constructed value whose length was not known when it began (BER)."""
    return bytes((tag, 0x80)) + b"".join(parts) + END_OF_CONTENTS


def seq(*parts: bytes) -> bytes:
    """Encode a SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes, ordered: bool = True) -> bytes:
    """Encode a SET OF; DER wants its members sorted, some clients never cared."""
    return tlv(SET, *(sorted(parts) if ordered else parts))


def context(number: int, *parts: bytes, constructed: bool = True) -> bytes:
    """Encode a context-specific tag."""
    return tlv((0xA0 if constructed else 0x80) | number, *parts)


def integer(value: int) -> bytes:
    """Encode a non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(OCTETS, value)


def bits(value: bytes) -> bytes:
    """Encode a BIT STRING of whole bytes."""
    return tlv(BITS, b"\x00", value)


def null() -> bytes:
    """Encode NULL, the parameters of the RSA algorithms."""
    return tlv(NULL)


def text(value: str) -> bytes:
    """Encode a string as devices do: PrintableString where its alphabet suffices, else UTF8."""
    plain = all(char.isascii() and (char.isalnum() or char in " '()+,-./:=?") for char in value)
    return tlv(PRINTABLE if plain else UTF8, value.encode())


def oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    encoded = bytearray()
    for arc in (first * 40 + second, *rest):
        chunk = [arc & 0x7F]
        while arc := arc >> 7:
            chunk.append(0x80 | (arc & 0x7F))
        encoded += bytes(reversed(chunk))
    return tlv(OID, bytes(encoded))


def algorithm(dotted: str, parameters: bytes | None = None) -> bytes:
    """Encode an AlgorithmIdentifier; without parameters it carries NULL."""
    return seq(oid(dotted), null() if parameters is None else parameters)


def chunked_octets(value: bytes, size: int = 1000) -> bytes:
    """Encode an OCTET STRING in pieces, as streaming encoders do (BER)."""
    pieces = (octets(value[start : start + size]) for start in range(0, len(value), size))
    return indefinite(CONSTRUCTED_OCTETS, *pieces)
