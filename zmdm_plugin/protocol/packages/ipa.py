"""Applications for iPhone, iPad, Apple TV and Vision: a zip archive with Payload/Name.app in it."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.packages.values import (
    IPA,
    Bundle,
    Package,
    PackageError,
    optional,
    text,
)

MAGIC: Final = b"PK\x03\x04"
MAX_DIRECTORY: Final = 64 * 1024 * 1024
MAX_ENTRIES: Final = 300_000
MAX_INFO: Final = 4 * 1024 * 1024
MAX_UNPACKED: Final = 64 * 1024 * 1024 * 1024
MAX_RATIO: Final = 200
"""Deflate comes to a thousand; what is in an application does not."""
_INFO: Final = re.compile(r"Payload/[^/]+\.app/Info\.plist\Z")
_EOCD: Final = struct.Struct("<4s4H2LH")
_EOCD_MAGIC: Final = b"PK\x05\x06"
_EOCD64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_FAMILIES: Final = {1: ("iOS", "iPadOS"), 2: ("iPadOS",), 3: ("tvOS",), 7: ("visionOS",)}
_BY_BUILD: Final = {
    "iPhoneOS": ("iOS", "iPadOS"),
    "AppleTVOS": ("tvOS",),
    "XROS": ("visionOS",),
}
_LEAKS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,  # a password is asked for
    ValueError,
    LookupError,
    OSError,
    EOFError,
    struct.error,
)


def read(file: BinaryIO) -> Package:
    """What an application says of itself; PackageError if it is none, and why."""
    _bounded_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(entries)
            info = _info(archive, entries)
            provisioned = _is_provisioned(entries)
    except _LEAKS as error:
        raise PackageError(f"it is no readable zip archive: {error}") from None
    identifier = text(info.get("CFBundleIdentifier"), "CFBundleIdentifier")
    version = text(info.get("CFBundleVersion"), "CFBundleVersion")
    short = optional(info.get("CFBundleShortVersionString"))
    names = (info.get(key) for key in ("CFBundleDisplayName", "CFBundleName", "CFBundleExecutable"))
    return Package(
        kind=IPA,
        product_id=identifier,
        product_version=version,
        title=next((name for one in names if (name := optional(one))), identifier),
        platforms=_platforms(info),
        bundles=(Bundle(identifier=identifier, version=version, short_version=short),),
        minimum_os=optional(info.get("MinimumOSVersion")) or None,
        facts={"provisioned": provisioned},
    )


def _bounded_directory(file: BinaryIO) -> None:
    """Look at the end of the archive first: the whole directory is read into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 0xFFFF - _EOCD.size))
    tail = file.read()
    at = tail.rfind(_EOCD_MAGIC)
    if at < 0 or len(tail) - at < _EOCD.size:
        raise PackageError("it is no zip archive, or it is cut short")
    *_, entries, length, _offset, _comment = _EOCD.unpack_from(tail, at)
    locator = at - _LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        entries, length = _zip64(file, size, _LOCATOR.unpack_from(tail, locator)[2])
    if length > MAX_DIRECTORY or entries > MAX_ENTRIES:
        raise PackageError("it has more files than any application")
    file.seek(0)


def _zip64(file: BinaryIO, size: int, offset: int) -> tuple[int, int]:
    if offset + _EOCD64.size > size:
        raise PackageError("it is cut short: its directory lies beyond the file")
    file.seek(offset)
    found = _EOCD64.unpack(file.read(_EOCD64.size))
    return found[7], found[8]


def _check(entries: list[zipfile.ZipInfo]) -> None:
    """No name leads out of the archive, and nothing unpacks to more than a device has room for."""
    if len(entries) > MAX_ENTRIES:
        raise PackageError("it has more files than any application")
    total = packed = 0
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith("/") or ".." in parts:
            raise PackageError("a file in it has a name that leads out of its folder")
        total += entry.file_size
        packed += entry.compress_size
    if total > MAX_UNPACKED or total > (packed + 1024 * 1024) * MAX_RATIO:
        raise PackageError("it unpacks to more than any application")


def _info(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Mapping[str, Any]:
    found = [entry for entry in entries if _INFO.match(entry.filename)]
    if len(found) != 1:
        many = "more than one" if found else "no"
        raise PackageError(f"it has {many} Payload/….app/Info.plist: it is no application")
    if found[0].file_size > MAX_INFO:
        raise PackageError("its Info.plist is larger than that of any application")
    with archive.open(found[0]) as stream:
        raw = stream.read(MAX_INFO + 1)
    try:
        info = plist.loads(raw)
    except ProtocolError as error:
        raise PackageError(f"its Info.plist cannot be read: {error}") from None
    if not isinstance(info, Mapping):
        raise PackageError("its Info.plist is no dictionary")
    return info


def _is_provisioned(entries: list[zipfile.ZipInfo]) -> bool:
    return any(entry.filename.endswith(".app/embedded.mobileprovision") for entry in entries)


def _platforms(info: Mapping[str, Any]) -> tuple[str, ...]:
    """For which devices it was built: by family, else by the platform of the build."""
    families = info.get("UIDeviceFamily")
    found: list[str] = []
    for family in families if isinstance(families, list) else ():
        found += _FAMILIES.get(family, ()) if isinstance(family, int) else ()
    if not found:
        built = info.get("CFBundleSupportedPlatforms")
        for name in built if isinstance(built, list) else ():
            found += _BY_BUILD.get(name, ()) if isinstance(name, str) else ()
    if not found:
        raise PackageError("its Info.plist does not say for which devices it is")
    return tuple(sorted(set(found)))
