"""The hardware that can be played: facts that a device of each model reports.

Data only. Versions are of late 2026, on purpose not all the newest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MACOS, IOS, IPADOS, TVOS, VISIONOS = "macOS", "iOS", "iPadOS", "tvOS", "visionOS"


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One model, with the system it ships with in this world; capacity in GB."""

    identifier: str  # ProductName on the wire, and Model on Macs
    platform: str
    family: str  # ModelName on the wire
    marketing_name: str
    model_number: str
    os_version: str
    build: str
    capacity: int
    software_update_id: str
    apple_silicon: bool = False
    t2: bool = False
    battery: bool = True
    cellular: bool = False

    @property
    def is_mac(self) -> bool:
        """Macs have user channels, Macs and only Macs name themselves at Authenticate."""
        return self.platform == MACOS

    @property
    def version(self) -> tuple[int, ...]:
        """The system's version as numbers."""
        return tuple(int(part) for part in self.os_version.split("."))

    def running(self, system: tuple[str, str] | None) -> DeviceModel:
        """Return the same model with another system (version, build), if one is given."""
        return replace(self, os_version=system[0], build=system[1]) if system else self


def _mac(
    identifier: str,
    family: str,
    name: str,
    number: str,
    system: tuple[str, str],
    capacity: int,
    update_id: str,
    **more: bool,
) -> DeviceModel:
    version, build = system
    return DeviceModel(
        identifier, MACOS, family, name, number, version, build, capacity, update_id, **more
    )


TAHOE, SEQUOIA, SONOMA, VENTURA = (
    ("26.1", "25B78"),
    ("15.7.2", "24G325"),
    ("14.8.2", "23J126"),
    ("13.7.8", "22H730"),
)
SILICON = {"apple_silicon": True}

MODELS = {
    model.identifier: model
    for model in (
        _mac(
            "MacBookPro18,3",
            "MacBook Pro",
            "MacBook Pro (14-inch, 2021)",
            "MKGR3D/A",
            TAHOE,
            512,
            "J314sAP",
            **SILICON,
        ),
        _mac(
            "Mac14,2",
            "MacBook Air",
            "MacBook Air (M2, 2022)",
            "MLXW3D/A",
            TAHOE,
            256,
            "J413AP",
            **SILICON,
        ),
        _mac(
            "Macmini9,1",
            "Mac mini",
            "Mac mini (M1, 2020)",
            "MGNR3D/A",
            SEQUOIA,
            256,
            "J274AP",
            apple_silicon=True,
            battery=False,
        ),
        _mac(
            "MacBookPro16,1",
            "MacBook Pro",
            "MacBook Pro (16-inch, 2019)",
            "MVVJ2D/A",
            SEQUOIA,
            512,
            "J152f",
            t2=True,
        ),
        _mac(
            "iMac19,1",
            "iMac",
            "iMac (Retina 5K, 27-inch, 2019)",
            "MRQY2D/A",
            SONOMA,
            1000,
            "Mac-AA95B1DDAB278B95",
            battery=False,
        ),
        _mac(
            "MacBookPro14,1",
            "MacBook Pro",
            "MacBook Pro (13-inch, 2017)",
            "MPXQ2D/A",
            VENTURA,
            128,
            "Mac-B4831CEBD52A0C4C",
        ),
        DeviceModel(
            "iPhone15,2",
            IOS,
            "iPhone",
            "iPhone 14 Pro",
            "MQ023ZD/A",
            "26.1",
            "23B85",
            128,
            "D73AP",
            cellular=True,
        ),
        DeviceModel(
            "iPhone14,6",
            IOS,
            "iPhone",
            "iPhone SE (3rd generation)",
            "MMXF3ZD/A",
            "18.7.2",
            "22H124",
            64,
            "D49AP",
            cellular=True,
        ),
        DeviceModel(
            "iPad13,18",
            IPADOS,
            "iPad",
            "iPad (10th generation)",
            "MPQ03FD/A",
            "26.1",
            "23B85",
            64,
            "J271AP",
        ),
        DeviceModel(
            "iPad13,4",
            IPADOS,
            "iPad",
            "iPad Pro (11-inch) (3rd generation)",
            "MHW53FD/A",
            "17.7.10",
            "21H450",
            128,
            "J517AP",
            cellular=True,
        ),
        DeviceModel(
            "AppleTV14,1",
            TVOS,
            "Apple TV",
            "Apple TV 4K (3rd generation)",
            "MN893FD/A",
            "26.1",
            "23J582",
            128,
            "J255AP",
            battery=False,
        ),
        DeviceModel(
            "RealityDevice14,1",
            VISIONOS,
            "Apple Vision Pro",
            "Apple Vision Pro",
            "MQL83LL/A",
            "26.1",
            "23N47",
            256,
            "N301AP",
        ),
    )
}

# The demo's fleet, in this order and round again: twelve devices show every kind.
FLEET = (
    "MacBookPro18,3",
    "iPhone15,2",
    "iPad13,18",
    "Mac14,2",
    "MacBookPro16,1",
    "AppleTV14,1",
    "iPhone14,6",
    "Macmini9,1",
    "iMac19,1",
    "iPad13,4",
    "MacBookPro14,1",
    "RealityDevice14,1",
)
