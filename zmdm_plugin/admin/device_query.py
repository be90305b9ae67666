"""What the address of the device list asks for: read from it, shown again, made a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zmdm_plugin.admin.screen import text
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import device_filter
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.keyset import MAX_ID

STATES = (
    ("enrolled", "Enrolled"),
    ("leaving", "Leaving"),
    ("not-enrolled", "Not enrolled"),
    ("never", "– never"),
    ("checked_out", "– checked out"),
    ("released", "– released"),
    ("blocked", "– blocked"),
    ("archived", "Archived"),
)
SEEN = (
    ("1h", "in the last hour"),
    ("1d", "in the last day"),
    ("7d", "in the last week"),
    ("30d", "in the last 30 days"),
    ("not-1d", "not for a day"),
    ("not-7d", "not for a week"),
    ("not-30d", "not for 30 days"),
)
SETUPS = (("waiting", "waits"), ("stalled", "waits too long"))
ENDS = (
    ("0d", "has ended"),
    ("7d", "within a week"),
    ("30d", "within 30 days"),
    ("90d", "within 90 days"),
)
"""When the identity in use ends."""
RENEWALS = (
    ("overdue", "Overdue"),
    ("failed", "Failed"),
    ("put_off", "Not now"),
    ("ordered", "Ordered"),
    ("taken", "Profile taken"),
    ("not_begun", "Not begun"),
    ("cancelled", "Cancelled"),
)
PUSH = (("dead", "dead token"), ("alive", "not dead"))
PLATFORMS = tuple(str(platform) for platform in Platform)
ORDERINGS = {"name", "serial_number", "last_seen", "id"}
_LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments, each under the name that it has in the address."""

    q: str = ""
    platform: str = ""
    state: str = ""
    seen: str = ""
    tag: str = ""
    blueprint: str = ""
    """The id of one."""
    os: str = ""
    push: str = ""
    user: str = ""
    person: str = ""
    """The username or the email address of whoever signed in when it enrolled."""
    ends: str = ""
    renewal: str = ""
    setup: str = ""
    seen_after: str = ""
    seen_before: str = ""
    enrolled_after: str = ""
    enrolled_before: str = ""
    order: str = "name"

    @property
    def narrowing(self) -> dict[str, str]:
        """What is asked for apart from the order."""
        return {name: value for name, value in asdict(self).items() if value and name != "order"}

    @property
    def arguments(self) -> dict[str, str]:
        """The shortest address that asks for the same."""
        order = {} if self.order == "name" else {"order": self.order}
        return {**self.narrowing, **order}

    @property
    def more(self) -> bool:
        """Whether the filters that are folded away are in use."""
        folded = (self.os, self.push, self.user, self.person, self.ends, self.renewal, self.setup)
        dates = (self.seen_after, self.seen_before, self.enrolled_after, self.enrolled_before)
        return any((*folded, *dates))


def read(given: Mapping[str, str] | None = None) -> Asked:
    """Junk counts as not asked; `given` instead of the address's arguments."""

    def one(name: str, most: int = 200) -> str:
        return text(name, most=most, given=given)

    order = one("order", 20)
    dates = ("seen_after", "seen_before", "enrolled_after", "enrolled_before")
    return Asked(
        q=one("q"),
        platform=_one_of(one("platform"), PLATFORMS),
        state=_one_of(one("state"), dict(STATES)),
        seen=_one_of(one("seen"), dict(SEEN)),
        tag=one("tag", 64),
        blueprint=_id(one("blueprint", 19)),
        os=one("os", 64),
        push=_one_of(one("push"), dict(PUSH)),
        user=one("user"),
        person=one("person", 256),
        ends=_one_of(one("ends", 10), dict(ENDS)),
        renewal=_one_of(one("renewal", 20), dict(RENEWALS)),
        setup=_one_of(one("setup", 20), dict(SETUPS)),
        **{name: one(name, 10) for name in dates},
        order=order if order.removeprefix("-") in ORDERINGS else "name",
    )


def as_filter(asked: Asked, now: datetime) -> DeviceFilter:
    """The filter as of now; ValueError for what is no date."""
    after, before = _seen(asked, now)
    state = asked.state if asked.state in device_filter.STATES else None
    return DeviceFilter(
        search=asked.q or None,
        platform=asked.platform or None,
        os_version=asked.os or None,
        push_dead={"dead": True, "alive": False}.get(asked.push),
        enrolled=False if asked.state == "not-enrolled" else None,
        state=state,
        last_seen_after=after,
        last_seen_before=before,
        enrolled_after=_day(asked.enrolled_after),
        enrolled_before=_day(asked.enrolled_before),
        user_short_name=asked.user or None,
        person=asked.person or None,
        identity_ends_before=now + timedelta(days=int(asked.ends[:-1])) if asked.ends else None,
        renewal=asked.renewal or None,
        setup=asked.setup or None,
        tag=asked.tag or None,
        blueprint=int(asked.blueprint) if asked.blueprint else None,
    )


def _seen(asked: Asked, now: datetime) -> tuple[datetime | None, datetime | None]:
    after, before = _day(asked.seen_after), _day(asked.seen_before)
    if asked.seen:
        count, unit = asked.seen.removeprefix("not-")[:-1], asked.seen[-1]
        moment = now - int(count) * _LENGTHS[unit]
        if asked.seen.startswith("not-"):
            return after, min(before or moment, moment)
        return max(after or moment, moment), before
    return after, before


def _id(given: str) -> str:
    good = given.isascii() and given.isdecimal() and 0 < int(given) <= MAX_ID
    return str(int(given)) if good else ""


def _one_of(given: str, known: Any) -> str:
    return given if given in known else ""


def _day(given: str) -> datetime | None:
    return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC) if given else None
