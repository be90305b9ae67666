"""What the choice of an update looks at and what it answers: frozen values, no rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from zmdm_plugin.protocol.platform import Platform, version

DECLARATION = "com.apple.configuration.softwareupdate.enforcement.specific"
_BUILD = re.compile(r"(\d{1,6})([A-Z])(\d{1,9})([a-z]?)\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A device as far as updates look at it."""

    platform: str | None
    os_version: str | None
    builds: frozenset[str] = frozenset()
    """Its build, and the one of a background security improvement on top of it."""
    device_ids: tuple[str, ...] = ()
    """What the feed may list it as: software update device id, product name."""
    tags: frozenset[int] = frozenset()
    supervised: bool | None = None
    user_enrollment: bool | None = None
    time_zone: str | None = None
    """IANA name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that the feed lists, or listed, for this device."""

    platform: str
    version: str
    build: str
    extra: str = ""
    prerequisite_build: str = ""
    managed: bool = True
    posted_on: date | None = None
    expires_on: date | None = None
    withdrawn: bool = False

    @property
    def order(self) -> tuple[tuple[int, ...], str, Build]:
        """Newer releases compare greater."""
        return version(self.version), self.extra, build_order(self.build) or (0, "", 0, "")

    def live(self, today: date) -> bool:
        """Whether it can be installed today; without an expiration date it can."""
        expired = self.expires_on is not None and self.expires_on < today
        return not (self.withdrawn or expired) and (self.posted_on or today) <= today


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The releases for one device, live ones and former ones."""

    releases: tuple[Release, ...] = ()
    read: bool = False
    """Whether the feed was ever read: nothing listed and nothing known are two things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTime:
    """This version by this moment of the device's own time."""

    os_version: str
    build: str
    local: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """Always the newest below a version, so many days after its release."""

    below: str
    delay_days: int
    at: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """What an operator wants to be installed."""

    id: int
    uid: str
    name: str
    platforms: frozenset[str]
    tags: frozenset[int] = frozenset()
    details_url: str = ""
    what: OneTime | Latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A version by a date, as one declaration says it to one device."""

    enforcement_id: int | None
    identifier: str
    """At most 64 characters; the same for every device with this enforcement and version."""
    os_version: str
    build: str
    local: datetime
    """Naive: the device's own time."""
    basis: str
    """What the date was made from: as long as that holds, the date holds."""
    details_url: str = ""
    why: str = ""

    def payload(self) -> dict[str, Any]:
        """The declaration's payload."""
        found = {
            "TargetOSVersion": self.os_version,
            "TargetLocalDateTime": self.local.isoformat(timespec="seconds"),
        }
        if self.build:
            found["TargetBuildVersion"] = self.build
        if self.details_url:
            found["DetailsURL"] = self.details_url
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A target that is no longer advertised, and why."""

    identifier: str
    how: str
    """installed | withdrawn | replaced | dropped"""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything that one device should be told, and why it is this and nothing else."""

    targets: tuple[Target, ...] = ()
    ended: tuple[Ended, ...] = ()
    enforcement: Enforcement | None = None
    conflict: tuple[str, ...] = ()
    """Names of enforcements that apply just as well and do not count."""
    why: str


Build = tuple[int, str, int, str]


def build_order(build: str) -> Build | None:
    """`25B78a` as a value that compares; None if it has another form."""
    found = _BUILD.match(build)
    return (int(found[1]), found[2], int(found[3]), found[4]) if found else None


def family(platform: str | None) -> str:
    """Under which name the feed lists a platform."""
    if platform in (Platform.IPADOS, Platform.TVOS, Platform.WATCHOS):
        return Platform.IOS.value
    return platform or ""


def identifier(enforcement_uid: str, os_version: str, build: str) -> str:
    """The declaration's identifier: one per enforcement and version."""
    text = "\0".join((enforcement_uid, os_version, build))
    return f"zmdm.softwareupdate.{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def server_token(payload: Mapping[str, Any]) -> str:
    """Made from the content, so that it changes with it and never by itself."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
