"""The channel a command is meant for, as far as a command may know it."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.protocol.platform import ALL_RIGHTS, AccessRights, Platform, at_least
from zmdm_plugin.protocol.who import ChannelKind


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order cannot be carried out, word for word for the operator.

    `field` is the argument at fault, or empty when it is the order as a whole.
    """

    field: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A channel and its device; None is "not known yet", and never refused for but by `supervised`.

    `access_rights` is None where the profile has none (user enrollments): the OS decides then.
    """

    platform: Platform | None = None
    os_version: str | None = None
    model: str | None = None
    channel: ChannelKind = ChannelKind.DEVICE
    apple_silicon: bool | None = None
    t2: bool = False
    supervised: bool | None = None
    user_enrollment: bool = False
    account_driven: bool = False
    """Its person signed in to enroll it, with a Managed Apple Account."""
    dep_enrollment: bool = False
    user_approved: bool | None = None
    shared_ipad: bool = False
    lost_mode: bool | None = None
    awaiting: bool = False
    access_rights: int | None = ALL_RIGHTS
    pin_required_for_erase: bool | None = None
    pin_required_for_lock: bool | None = None
    unlock_token: bool = False
    """Whether we have the token that clears its passcode."""
    bootstrap_token: bool = False
    """Whether it has escrowed one."""
    activation_lock: bool | None = None

    @property
    def family(self) -> Platform | None:
        return self.platform.family if self.platform else None

    @property
    def is_mac(self) -> bool:
        return self.platform is Platform.MACOS

    @property
    def label(self) -> str:
        """The platform with its version, for a sentence that an operator reads."""
        return f"{self.platform or 'this platform'} {self.os_version or ''}".strip()

    def has(self, rights: AccessRights) -> bool:
        """Whether the profile grants all of these rights."""
        return self.access_rights is None or (self.access_rights & rights) == rights

    def knows(self, since: dict[Platform, str]) -> bool:
        """Whether its OS has something that came to each platform with a version."""
        if self.platform is None:
            return True
        minimum = since.get(self.platform, since.get(self.platform.family))
        return minimum is not None and at_least(self.os_version, minimum)
