"""One conversation partner of the server: the device itself, or one of its users."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from enum import Enum

from zmdm_simulator.declared import Declared
from zmdm_simulator.facts import User
from zmdm_simulator.profile import Profile

DEVICE = "device"
# Shared iPad says it with this UserID that nobody authenticates.
SHARED_USER_ID = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"


class After(Enum):
    """What a device does once the server has taken its answer."""

    RESTART = "restart"
    SHUT_DOWN = "shut_down"
    LOCK = "lock"
    ERASE = "erase"
    LEAVE = "leave"


@dataclass(slots=True)
class Channel:
    """A channel's push address, its profiles, and the answer that the server has yet to accept."""

    user: User | None = None
    token: bytes = field(default_factory=lambda: os.urandom(32))
    magic: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    profiles: dict[str, Profile] = field(default_factory=dict)
    provisioning_profiles: dict[str, bytes] = field(default_factory=dict)  # by UUID
    unaccepted: bytes | None = None  # sent (perhaps), but never answered with 2xx
    after: After | None = None  # what happens once it is accepted
    last_answer: bytes | None = None
    notnow_last: bool = False
    announced: bool = False  # a TokenUpdate was accepted
    declarative: bool = False  # DeclarativeManagement was received
    declared: Declared = field(default_factory=Declared)
    awaiting: bool = False  # the person waits to be let in (Shared iPad)
    declined: bool = False  # the server said 410: not this user, not in this login session

    @property
    def kind(self) -> str:
        """Apple's two kinds of channel, in lower case."""
        return "user" if self.user else DEVICE

    @property
    def name(self) -> str:
        """Key of this channel within its device."""
        return self.user.short_name if self.user else DEVICE


@dataclass(frozen=True, slots=True)
class PushAddress:
    """Where a push for a channel goes."""

    topic: str
    token: bytes
    magic: str
    channel: str
