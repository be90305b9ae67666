"""Who is speaking: the device and, on a user channel, the user.

A certificate belongs to the device; which of its channels a message is about is said in the
body alone, in one of four ways (device enrollment, user enrollment, macOS user, Shared iPad).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from zmdm_plugin.protocol import fields
from zmdm_plugin.protocol.fields import FieldError

#: The UserID of every Shared iPad user; the Managed Apple Account is in UserShortName.
SHARED_IPAD_USER_ID = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
_KEYS = ("UDID", "EnrollmentID", "UserID", "EnrollmentUserID", "UserShortName", "UserLongName")


class ChannelKind(StrEnum):
    """The two kinds of conversation a device keeps up."""

    DEVICE = "device"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """The identifiers of a message, as Apple names them; empty ones are None."""

    udid: str | None = None
    enrollment_id: str | None = None
    user_id: str | None = None
    enrollment_user_id: str | None = None
    user_short_name: str | None = None
    user_long_name: str | None = None

    @property
    def kind(self) -> ChannelKind:
        return ChannelKind.USER if self.user_key else ChannelKind.DEVICE

    @property
    def device_key(self) -> str:
        """The identifier of the device: its UDID, or the EnrollmentID of a user enrollment."""
        return self.udid or self.enrollment_id or ""

    @property
    def user_key(self) -> str:
        """The identifier of the user on this device; empty on the device channel.

        In one spelling (GUIDs upper case, Managed Apple Accounts lower case), since the column
        that holds it is unique per device.
        """
        if self.enrollment_user_id:
            return self.enrollment_user_id.upper()
        if self.shared_ipad:
            return (self.user_short_name or "").lower()
        return (self.user_id or "").upper()

    @property
    def shared_ipad(self) -> bool:
        return (self.user_id or "").upper() == SHARED_IPAD_USER_ID

    @property
    def user_enrollment(self) -> bool:
        return self.udid is None and self.enrollment_id is not None


def read(body: Mapping[str, Any]) -> Who:
    """Read the identifiers; FieldError without a device, or with a user one cannot tell apart."""
    who = Who(
        udid=fields.text(body, "UDID"),
        enrollment_id=fields.text(body, "EnrollmentID"),
        user_id=fields.text(body, "UserID"),
        enrollment_user_id=fields.text(body, "EnrollmentUserID"),
        user_short_name=fields.text(body, "UserShortName"),
        user_long_name=fields.name(body, "UserLongName"),
    )
    if not who.device_key:
        raise FieldError("UDID", "and EnrollmentID are missing: one of them must be there")
    if who.shared_ipad and not who.user_short_name:
        raise FieldError("UserShortName", "is missing: on Shared iPad it names the user")
    return who


def read_leniently(body: Mapping[str, Any]) -> Who | None:
    """What can be read of the identifiers; None if that does not name a device."""
    kept = {
        key: value
        for key in _KEYS
        if isinstance(value := body.get(key), str) and len(value) <= fields.MAX_IDENTIFIER
    }
    try:
        return read(kept)
    except FieldError:
        return None
