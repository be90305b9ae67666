"""What a device is, read from the names it gives itself, and what a profile lets us do to it."""

from __future__ import annotations

import re
from enum import IntFlag, StrEnum

_MODEL = re.compile(r"([A-Za-z]+)(\d+),(\d+)")
_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,4}", re.ASCII)

_T2 = frozenset(
    "iMac20,1 iMac20,2 iMacPro1,1 MacPro7,1 Macmini8,1 MacBookAir8,1 MacBookAir8,2 MacBookAir9,1"
    " MacBookPro15,1 MacBookPro15,2 MacBookPro15,3 MacBookPro15,4"
    " MacBookPro16,1 MacBookPro16,2 MacBookPro16,3 MacBookPro16,4".split()
)
#: The first generation on Apple silicon of the Mac families whose names did not change with it.
_FIRST_APPLE_SILICON = {"MacBookPro": 17, "MacBookAir": 10, "iMac": 21, "Macmini": 9}
_ALWAYS_APPLE_SILICON = frozenset({"Mac", "VirtualMac", "ADP"})


class Platform(StrEnum):
    """Apple's names. Apple's tables say iOS for iPadOS too: see `family`."""

    IOS = "iOS"
    IPADOS = "iPadOS"
    MACOS = "macOS"
    TVOS = "tvOS"
    VISIONOS = "visionOS"
    WATCHOS = "watchOS"

    @property
    def family(self) -> Platform:
        """The platform whose version numbers and tables this one shares."""
        return Platform.IOS if self is Platform.IPADOS else self


class AccessRights(IntFlag):
    """The AccessRights of a com.apple.mdm payload."""

    INSPECT_PROFILES = 1
    INSTALL_PROFILES = 2
    LOCK_AND_PASSCODE = 4
    ERASE = 8
    DEVICE_INFORMATION = 16
    NETWORK_INFORMATION = 32
    INSPECT_PROVISIONING = 64
    INSTALL_PROVISIONING = 128
    INSTALLED_APPS = 256
    RESTRICTIONS = 512
    SECURITY = 1024
    SETTINGS = 2048
    APPS = 4096


ALL_RIGHTS = 8191

_PREFIXES = (
    ("iPod", Platform.IOS),
    ("iPhone", Platform.IOS),
    ("iPad", Platform.IPADOS),
    ("AppleTV", Platform.TVOS),
    ("Apple TV", Platform.TVOS),
    ("RealityDevice", Platform.VISIONOS),
    ("Apple Vision", Platform.VISIONOS),
    ("Watch", Platform.WATCHOS),
    ("Apple Watch", Platform.WATCHOS),
)


def platform_of(*names: str | None, os_version: str | None = None) -> Platform | None:
    """The platform from product and model names, best first (ProductName, ModelName, Model).

    What no mobile name fits is a Mac, for Macs have many names; None if there is no name at all.
    """
    given = [name for name in names if name]
    for name in given:
        for prefix, platform in _PREFIXES:
            if name.startswith(prefix):
                return _by_version(platform, os_version)
    return Platform.MACOS if given else None


def _by_version(platform: Platform, os_version: str | None) -> Platform:
    """An iPad ran iOS before version 13."""
    numbers = version(os_version)
    if platform is Platform.IPADOS and numbers and numbers < (13,):
        return Platform.IOS
    return platform


def is_apple_silicon(product_name: str | None) -> bool | None:
    """Whether a Mac with this product name has Apple silicon; None if the name tells nothing."""
    if not product_name or (model := _MODEL.match(product_name)) is None:
        return None
    family, generation = model.group(1), int(model.group(2)[:6])
    if family in _ALWAYS_APPLE_SILICON:
        return True
    first = _FIRST_APPLE_SILICON.get(family)
    return first is not None and generation >= first


def has_t2(product_name: str | None) -> bool:
    """Whether this is an Intel Mac with Apple's T2 security chip."""
    return product_name in _T2


def version(text: str | None) -> tuple[int, ...]:
    """The numbers of an OS version, without trailing zeros; empty if there is none.

    `17.4.1 (a)` is (17, 4, 1): a supplement never decides what a device understands.
    """
    found = _NUMBERS.match((text or "").strip())
    numbers = [int(part) for part in found.group().split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def at_least(actual: str | None, minimum: str) -> bool:
    """Whether a version is the minimum or newer; an unknown one counts as new.

    A device that does not know a command says so; a wrong refusal of ours could not be overruled.
    """
    numbers = version(actual)
    return not numbers or numbers >= version(minimum)
