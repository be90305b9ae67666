"""What management has done to a device that is neither a profile nor an app: lost, renamed, shared.

It is the device's own: an erase ends it, leaving management does not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Condition:
    """How a device stands, as Settings, Lost Mode, remote desktop and accounts left it."""

    lost: dict[str, str] | None = None  # what its lock screen shows in Lost Mode
    sounded: int = 0  # how often it was made heard
    remote_desktop: bool = False
    host_name: str | None = None
    time_zone: str = "Europe/Berlin"
    switches: dict[str, bool] = field(default_factory=dict)  # Bluetooth, DataRoaming …
    options: dict[str, bool] = field(default_factory=dict)  # MDMOptions
    wallpapers: dict[int, int] = field(default_factory=dict)  # where -> bytes of the picture
    deleted: set[str] = field(default_factory=set)  # accounts that are gone
    unlocked: list[str] = field(default_factory=list)  # accounts that were let in again
    logged_out: bool = False  # the user of a Shared iPad

    def to_json(self) -> dict[str, Any]:
        """Everything, in JSON's types."""
        return {**asdict(self), "deleted": sorted(self.deleted)}

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> Condition:
        """What `to_json` gave; a new device's for None."""
        if data is None:
            return cls()
        wallpapers = {int(where): size for where, size in data["wallpapers"].items()}
        return cls(**{**data, "deleted": set(data["deleted"]), "wallpapers": wallpapers})
