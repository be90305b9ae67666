"""Zip archives, as far as an application is one: what is in it, and one small file of it.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

The standard library reads the whole directory, wherever and as long as it says to be, before it
lets anybody look: a hostile one costs gigabytes. Here the directory has to end where the archive
ends, and no more is read of it than an application may have.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from zmdm_plugin.protocol.packages.values import PackageError

MAGIC: Final = b"PK\x03\x04"
MAX_DIRECTORY: Final = 64 * 1024 * 1024
MAX_ENTRIES: Final = 300_000
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT: Final = 0xFFFF
_IN_EXTRA: Final = 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED: Final = 0x1
_CUT: Final = "it is no zip archive, or it is cut short"
_MANY: Final = "it has more files than any application"


class Entry(NamedTuple):
    """A file in the archive: what the directory says of it."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    """Bytes that it takes in the archive."""
    size: int
    offset: int
    """Of its header in the archive."""


def entries(file: BinaryIO) -> Iterator[Entry]:
    """What the directory lists, in its order; PackageError if it is damaged or beyond bounds."""
    start, length = _directory(file)
    if length > MAX_DIRECTORY:
        raise PackageError(_MANY)
    file.seek(start)
    found = file.read(length)
    at = number = 0
    while at < length:
        number += 1
        if number > MAX_ENTRIES:
            raise PackageError(_MANY)
        entry, at = _entry(found, at)
        yield entry


def read(file: BinaryIO, entry: Entry, *, most: int) -> bytes:
    """One file, unpacked and compared with its checksum; `most`: bytes that it may have."""
    if entry.flags & _ENCRYPTED or entry.method not in (_STORED, _DEFLATED):
        raise PackageError(f"{entry.name[:100]} is encrypted, or packed in an unknown way")
    if entry.size > most or entry.packed > most:
        raise PackageError(f"{entry.name[:100]} is larger than that of any application")
    file.seek(entry.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(MAGIC):
        raise PackageError(f"{entry.name[:100]} is not where the directory says")
    *_, name_length, extra_length = _LOCAL.unpack(header)
    if file.read(name_length) != entry.raw_name:
        raise PackageError(f"{entry.name[:100]} has another name in its own header")
    file.seek(extra_length, 1)
    data = _unpacked(file.read(entry.packed), entry)
    if len(data) != entry.size or zlib.crc32(data) != entry.crc:
        raise PackageError(f"{entry.name[:100]} is damaged: its checksum or size is another one")
    return data


def _unpacked(packed: bytes, entry: Entry) -> bytes:
    if entry.method == _STORED:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.size + 1)
    except zlib.error:
        raise PackageError(f"{entry.name[:100]} is damaged and cannot be unpacked") from None


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Where the directory begins and how long it is: it ends where what ends the archive begins."""
    size = file.seek(0, 2)
    tail_at = max(0, size - _LONGEST_COMMENT - _END.size - _LOCATOR.size)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise PackageError(_CUT)
    *_, length, start, _comment = _END.unpack_from(tail, at)
    end = tail_at + at
    locator = at - _LOCATOR.size
    if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
        end = _LOCATOR.unpack_from(tail, locator)[2]
        start, length = _directory64(file, end, before=tail_at + locator)
    if start + length != end:
        raise PackageError("its directory is not where it says, or it is cut short")
    return start, length


def _directory64(file: BinaryIO, at: int, *, before: int) -> tuple[int, int]:
    """The same of an archive that is too long for the shorter numbers."""
    if at + _END64.size > before:
        raise PackageError("it is cut short: its directory lies beyond the file")
    file.seek(at)
    signature, *_, length, start = _END64.unpack(file.read(_END64.size))
    if signature != b"PK\x06\x06":
        raise PackageError(_CUT)
    return start, length


def _entry(directory: bytes, at: int) -> tuple[Entry, int]:
    """One entry, and where the next one begins."""
    if len(directory) - at < _ENTRY.size or not directory.startswith(b"PK\x01\x02", at):
        raise PackageError("its directory is damaged")
    given = _ENTRY.unpack_from(directory, at)
    _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment = given[:13]
    name_at = at + _ENTRY.size
    extra_at = name_at + name_length
    following = extra_at + extra_length + comment
    if following > len(directory):
        raise PackageError("its directory is damaged")
    raw_name = directory[name_at:extra_at]
    extra = directory[extra_at : extra_at + extra_length]
    size, packed, offset = _lengths(size, packed, given[16], extra)
    name = raw_name.decode("utf-8", "replace")
    return Entry(name, raw_name, flags, method, crc, packed, size, offset), following


def _lengths(size: int, packed: int, offset: int, extra: bytes) -> tuple[int, int, int]:
    """Numbers that are too large for their place stand in the extra field, in this order."""
    if _IN_EXTRA not in (size, packed, offset):
        return size, packed, offset
    longer = iter(_longer(extra))
    found = [next(longer, one) if one == _IN_EXTRA else one for one in (size, packed, offset)]
    return found[0], found[1], found[2]


def _longer(extra: bytes) -> tuple[int, ...]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == 1:
            number = min(len(body) // 8, 3)
            return struct.unpack_from(f"<{number}Q", body)
        at += 4 + length
    return ()
