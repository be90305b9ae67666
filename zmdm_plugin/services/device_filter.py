"""What a list of devices shows: one frozen filter for the API, the screens, exports and bulks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy import orm

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import (
    Channel,
    Device,
    DeviceTag,
    Enrollment,
    EnrollmentSession,
    RealmUser,
    Tag,
)
from zmdm_plugin.services.identity_filter import devices_with
from zmdm_plugin.services.keyset import MAX_ID

State = Literal["enrolled", "leaving", "never", "checked_out", "released", "blocked", "archived"]
STATES: tuple[State, ...] = get_args(State)
SETUPS = ("waiting", "stalled")
_User = orm.aliased(Channel)
_LONGEST = 256
_FEW = 1000
"""So many matches of a search are listed by id; more are common enough to be met on the way."""
_ESCAPED = re.compile("[%_/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """None asks nothing. Stored as it is by bulk actions on "all matching"."""

    serial_number: str | None = None
    udid: str | None = None
    platform: str | None = None
    os_version: str | None = None
    blocked: bool | None = None
    enrolled: bool | None = None
    """True: under management now, leaving or not; False: any of the other states."""
    state: State | None = None
    """Exactly one of these, as lists show it."""
    archived: bool | None = None
    """True: the archive alone. Else it is left out, but for who is asked for by name or state."""
    blueprint: int | None = None
    """With the blueprint of this id."""
    enrollment_kind: str | None = None
    enrolled_before: datetime | None = None
    enrolled_after: datetime | None = None
    last_seen_before: datetime | None = None
    last_seen_after: datetime | None = None
    user_short_name: str | None = None
    realm_user: int | None = None
    """Of the person with this id, who signed in when it enrolled."""
    email: str | None = None
    """Of a person with this email address."""
    person: str | None = None
    """Of a person with this username or this email address."""
    push_dead: bool | None = None
    """Whether Apple says that its push token is dead, so that it cannot be woken."""
    tag: str | None = None
    """With this tag, however it is capitalized."""
    identity_ends_before: datetime | None = None
    """Whose identity certificate in use ends earlier than this."""
    setup: str | None = None
    """Which of SETUPS: waits in Setup Assistant, or has done so beyond the limit."""
    renewal: str | None = None
    """Where the renewal of that is, one of `identity_filter.RENEWALS`."""
    search: str | None = None
    """Free text: in the name, serial number, UDID, IMEI, model or a user's short name.

    One that is a whole serial number, UDID or IMEI finds its device and no other.
    """

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_device joined with its device channel; a search asks for ids."""
        identified = _identified(self.search.strip()) if self.search else []
        return [
            *self._exact(),
            *self._states(),
            *self._kept(by_name=bool(identified or self.serial_number or self.udid)),
            *self._moments(),
            *self._seen(),
            *self._related(),
            *self._setup(),
            *self._identities(),
            *([Device.id.in_(identified)] if identified else self._searched()),
        ]

    def as_json(self) -> dict[str, Any]:
        """What a JobRun or a form keeps; `from_json` reads it."""
        given = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {
            name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
            for name, value in given.items()
            if value is not None
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> DeviceFilter:
        """Refused names what is no filter, or no value of one."""
        known = {item.name: str(item.type) for item in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, value in kept.items():
            if name not in known:
                raise Refused("filter", f"there is no filter {name[:50]}")
            try:
                values[name] = _checked(value, known[name])
            except (ValueError, TypeError, OverflowError) as error:
                raise Refused("filter", f"{name} has a value that it cannot have") from error
        return cls(**values)

    def _exact(self) -> list[sa.ColumnElement[bool]]:
        asked: dict[Any, Any] = {
            Device.serial_number: self.serial_number,
            Device.udid: self.udid,
            Device.platform: self.platform,
            Device.os_version: self.os_version,
            Device.blueprint_id: self.blueprint,
            Device.realm_user_id: self.realm_user,
        }
        return [column == value for column, value in asked.items() if value is not None]

    def _states(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.blocked is not None:
            blocked = Device.blocked_at.is_not(None)
            found.append(blocked if self.blocked else Device.blocked_at.is_(None))
        if self.enrolled is not None:
            enrolled = sa.or_(in_state("enrolled"), in_state("leaving"))
            found.append(enrolled if self.enrolled else sa.not_(enrolled))
        if self.state is not None:
            found.append(in_state(self.state))
        return found

    def _kept(self, *, by_name: bool) -> list[sa.ColumnElement[bool]]:
        """The archive or the rest; both for who is asked for by what identifies it."""
        if self.archived:
            return [Device.archived_at.is_not(None)]
        if self.archived is None and (by_name or self.state == "archived"):
            return []
        return [Device.archived_at.is_(None)]

    def _moments(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.enrolled_after is not None:
            found.append(Device.enrolled_at >= self.enrolled_after)
        if self.enrolled_before is not None:
            found.append(Device.enrolled_at < self.enrolled_before)
        return found

    def _seen(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if (moment := self.last_seen_after) is not None:
            found += [Device.seen_hour >= _hour(moment), Channel.last_seen_at >= moment]
        if (moment := self.last_seen_before) is not None:
            found += [Device.seen_hour <= _hour(moment), Channel.last_seen_at < moment]
        return found

    def _related(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.enrollment_kind is not None:
            sessions = sa.select(EnrollmentSession.id).join(
                Enrollment, Enrollment.id == EnrollmentSession.enrollment_id
            )
            kinds = sessions.where(Enrollment.kind == self.enrollment_kind)
            found.append(Device.session_id.in_(kinds))
        if self.push_dead is not None:
            dead = sa.and_(
                Channel.push_dead_at.is_not(None),
                Channel.ended_at.is_(None),
                sa.not_(Device.dismissed),
            )
            found.append(dead if self.push_dead else sa.not_(sa.func.coalesce(dead, sa.false())))
        if self.user_short_name is not None:
            found.append(_users_with(_User.user_short_name == self.user_short_name))
        if self.email is not None:
            people = sa.select(RealmUser.id).where(RealmUser.email == self.email)
            found.append(Device.realm_user_id.in_(people))
        if self.person is not None:
            either = sa.or_(RealmUser.username == self.person, RealmUser.email == self.person)
            found.append(Device.realm_user_id.in_(sa.select(RealmUser.id).where(either)))
        if self.tag is not None:
            tagged = sa.select(DeviceTag.device_id).join(Tag, Tag.id == DeviceTag.tag_id)
            found.append(Device.id.in_(tagged.where(Tag.key == self.tag.strip().casefold())))
        return found

    def _setup(self) -> list[sa.ColumnElement[bool]]:
        if self.setup is None:
            return []
        if self.setup not in SETUPS:
            raise Refused("setup", f"must be one of {', '.join(SETUPS)}")
        waiting = sa.select(_User.device_id).where(
            _User.awaiting_since.is_not(None), _User.ended_at.is_(None)
        )
        if self.setup == "stalled":
            waiting = waiting.where(_User.awaiting_stalled_at.is_not(None))
        return [Device.id.in_(waiting)]

    def _identities(self) -> list[sa.ColumnElement[bool]]:
        wanted = devices_with(ends_before=self.identity_ends_before, renewal=self.renewal)
        return [] if wanted is None else [Device.id.in_(wanted)]

    def _searched(self) -> list[sa.ColumnElement[bool]]:
        """Asks the database first: what few devices match is looked at once, not per ordering."""
        if not self.search:
            return []
        # The database lowers both sides: its idea of letters is not Python's.
        escaped = _ESCAPED.sub(r"/\g<0>", self.search)
        pattern = sa.func.lower(f"%{escaped}%")
        text = Device.search_text.like(pattern, escape="/")
        users = sa.func.lower(Channel.user_short_name).like(pattern, escape="/")
        either = sa.union_all(
            sa.select(Device.id).where(text).limit(_FEW + 1).subquery().select(),
            sa.select(Channel.device_id).where(users).limit(_FEW + 1).subquery().select(),
        )
        found = set(session().scalars(either))
        if len(found) <= _FEW:
            return [Device.id.in_(sorted(found))]
        named = sa.func.lower(_User.user_short_name).like(pattern, escape="/")
        return [sa.or_(text, _users_with(named))]


def _identified(text: str) -> list[int]:
    """The devices whose serial number, UDID or IMEI this is, whole; by their indexes."""
    spelled = {text, text.upper(), text.lower()}
    columns = (Device.serial_number, Device.udid, Device.enrollment_uid, Device.imei)
    query = sa.select(Device.id).where(sa.or_(*(column.in_(spelled) for column in columns)))
    return sorted(session().scalars(query.limit(_FEW)))


def in_state(state: State) -> sa.ColumnElement[bool]:
    """Whether a device is in this state; each is in exactly one, the first that is true of
    archived, blocked, checked out, never enrolled, released, leaving, enrolled."""
    before: list[sa.ColumnElement[bool]] = []
    for name, condition in _states_in_order():
        if name == state:
            return sa.and_(condition, *before)
        before.append(sa.not_(condition))
    raise Refused("state", f"must be one of {', '.join(STATES)}")


def state_of_a_device() -> sa.ColumnElement[str]:
    """The name of its state, for whoever counts them all."""
    return sa.case(*((condition, name) for name, condition in _states_in_order()))


def _states_in_order() -> list[tuple[State, sa.ColumnElement[bool]]]:
    return [
        ("archived", Device.archived_at.is_not(None)),
        ("blocked", Device.blocked_at.is_not(None)),
        ("checked_out", Device.checkout_at.is_not(None)),
        ("never", Device.enrolled_at.is_(None)),
        ("released", Device.released_at.is_not(None)),
        ("leaving", Device.leaving_at.is_not(None)),
        ("enrolled", sa.true()),
    ]


def _users_with(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return Device.id.in_(sa.select(_User.device_id).where(condition))


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _checked(value: Any, kind: str) -> Any:
    """ValueError or TypeError unless it is what a field of this type may hold."""
    if kind.startswith("datetime"):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment.astimezone(UTC)
    if kind.startswith("bool"):
        if not isinstance(value, bool):
            raise TypeError("no boolean")
        return value
    if kind.startswith("int"):
        if type(value) is not int or not 0 < value <= MAX_ID:
            raise ValueError("no id")
        return value
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or "\0" in value:
        raise ValueError("no text")
    if kind.startswith("State") and value not in STATES:
        raise ValueError("no state")
    value.encode()
    return value
