"""How a device comes back after it was erased: by itself, with what it was given for that.

https://developer.apple.com/documentation/devicemanagement/erase-a-device
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KINDS: Mapping[str, type] = {
    "Enabled": bool,
    "WiFiProfileData": bytes,
    "MDMProfileData": bytes,
    "BootstrapToken": bytes,
    "ShouldRetryEnrollment": bool,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """The dictionary of EraseDevice, and of the answer to a ReturnToService check-in."""

    wifi_profile: bytes | None = None
    mdm_profile: bytes | None = None
    bootstrap_token: bytes | None = field(default=None, repr=False)
    retries: bool = False

    def keeps_apps(self, escrowed: bytes | None) -> bool:
        """Whether the token is the one that the device had escrowed."""
        return self.bootstrap_token is not None and self.bootstrap_token == escrowed


def read(given: Any) -> Return | None:
    """None where it is not to come back; TypeError or ValueError for what a device would refuse."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or "Enabled" not in given:
        raise TypeError("no dictionary with Enabled")
    for key, value in given.items():
        if not isinstance(value, _KINDS.get(key, ())):
            raise TypeError(f"{key} is unknown, or of another type")
    if not given["Enabled"]:
        return None
    return Return(
        wifi_profile=given.get("WiFiProfileData"),
        mdm_profile=given.get("MDMProfileData"),
        bootstrap_token=given.get("BootstrapToken"),
        retries=given.get("ShouldRetryEnrollment", False),
    )
