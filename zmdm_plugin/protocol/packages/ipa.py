"""Applications for iPhone, iPad, Apple TV and Vision: a zip archive with Payload/Name.app in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.packages import archive
from zmdm_plugin.protocol.packages.archive import Entry
from zmdm_plugin.protocol.packages.values import (
    IPA,
    Bundle,
    Package,
    PackageError,
    optional,
    text,
)

MAGIC: Final = archive.MAGIC
MAX_INFO: Final = 4 * 1024 * 1024
MAX_UNPACKED: Final = 64 * 1024 * 1024 * 1024
MAX_RATIO: Final = 200
"""Deflate comes to a thousand; what is in an application does not."""
_INFO: Final = re.compile(r"Payload/[^/]+\.app/Info\.plist\Z")
_FAMILIES: Final = {1: ("iOS", "iPadOS"), 2: ("iPadOS",), 3: ("tvOS",), 7: ("visionOS",)}
_BY_BUILD: Final = {
    "iPhoneOS": ("iOS", "iPadOS"),
    "AppleTVOS": ("tvOS",),
    "XROS": ("visionOS",),
}


def read(file: BinaryIO) -> Package:
    """What an application says of itself; PackageError if it is none, and why."""
    info_entry, provisioned = _looked_through(file)
    info = _info(archive.read(file, info_entry, most=MAX_INFO))
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


def _looked_through(file: BinaryIO) -> tuple[Entry, bool]:
    """The one Info.plist, and whether there is a provisioning profile.

    No name leads out of the archive, and nothing unpacks to more than a device has room for.
    """
    found: list[Entry] = []
    provisioned = False
    total = packed = 0
    for entry in archive.entries(file):
        parts = entry.name.replace("\\", "/").split("/")
        if parts[0] == "" or ".." in parts:
            raise PackageError("a file in it has a name that leads out of its folder")
        total += entry.size
        packed += entry.packed
        if _INFO.match(entry.name):
            found.append(entry)
        provisioned = provisioned or entry.name.endswith(".app/embedded.mobileprovision")
    if total > MAX_UNPACKED or total > (packed + 1024 * 1024) * MAX_RATIO:
        raise PackageError("it unpacks to more than any application")
    if len(found) != 1:
        many = "more than one" if found else "no"
        raise PackageError(f"it has {many} Payload/….app/Info.plist: it is no application")
    return found[0], provisioned


def _info(raw: bytes) -> Mapping[str, Any]:
    try:
        info = plist.loads(raw)
    except ProtocolError as error:
        raise PackageError(f"its Info.plist cannot be read: {error}") from None
    if not isinstance(info, Mapping):
        raise PackageError("its Info.plist is no dictionary")
    return info


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
