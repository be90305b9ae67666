"""What Apple's device assignment service says, as frozen values; unknown fields are kept.

https://developer.apple.com/documentation/devicemanagement/device-assignment
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final
from urllib.parse import urlsplit

SUCCESS: Final = "SUCCESS"
NOT_ACCESSIBLE: Final = "NOT_ACCESSIBLE"
FAILED: Final = "FAILED"
THROTTLED: Final = "THROTTLED"
_LONGEST: Final = 4096
_DEEPEST: Final = 5
_MOMENTS: Final = frozenset(
    {
        "profile_assign_time",
        "profile_push_time",
        "device_assigned_date",
        "op_date",
        "mdm_migration_deadline",
    }
)
_LISTS: Final = frozenset({"imei", "meid"})
_FLAGS: Final = frozenset({"is_replacement_device", "released_by_replacement"})
JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepDevice:
    """A device as Apple lists it; everything but its serial number may be missing.

    A value that cannot be read is in `more` under its name, beside the fields that are new to us.
    """

    serial_number: str
    model: str = ""
    description: str = ""
    asset_tag: str = ""
    color: str = ""
    device_family: str = ""
    os: str = ""
    profile_status: str = ""
    profile_uuid: str = ""
    profile_assign_time: datetime | None = None
    profile_push_time: datetime | None = None
    device_assigned_date: datetime | None = None
    device_assigned_by: str = ""
    op_type: str = ""
    op_date: datetime | None = None
    mdm_migration_deadline: datetime | None = None
    response_status: str = ""
    imei: tuple[str, ...] = ()
    meid: tuple[str, ...] = ()
    eid: str = ""
    bluetooth_mac_address: str = ""
    ethernet_mac_address: str = ""
    wifi_mac_address: str = ""
    is_replacement_device: bool | None = None
    released_by_replacement: bool | None = None
    more: JSON = field(default_factory=dict)


_KNOWN: Final = frozenset(item.name for item in fields(DepDevice)) - {"serial_number", "more"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePage:
    """One page of a fetch or a sync; `unreadable` counts entries without a serial number."""

    devices: tuple[DepDevice, ...]
    cursor: str
    more_to_follow: bool
    fetched_until: datetime | None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """How many devices one request may name or ask for."""

    default: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The organization and the service that a server token belongs to."""

    server_name: str
    server_uuid: str
    org_name: str
    org_email: str = ""
    org_phone: str = ""
    org_address: str = ""
    org_id: str = ""
    org_id_hash: str = ""
    org_type: str = ""
    org_version: str = ""
    admin_id: str = ""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """By path, e.g. `/devices/sync`."""
    more: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of each serial number; a status is one of the four above, or new to us."""

    devices: Mapping[str, str]
    profile_uuid: str = ""
    retry_after: int | None = None
    """Seconds before the THROTTLED ones are to be tried again."""

    def of(self, status: str) -> tuple[str, ...]:
        """The serial numbers with this status."""
        return tuple([serial for serial, said in self.devices.items() if said == status])


@dataclass(frozen=True, slots=True)
class BetaToken:
    """Lets devices of one system enroll in beta versions."""

    token: str = field(repr=False)
    title: str
    os: str


def device(given: JSON, *, serial: str = "") -> DepDevice | None:
    """Read one device; None without a serial number."""
    serial = _text(given.get("serial_number")) or serial
    if not serial:
        return None
    known: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for name, value in given.items():
        if name == "serial_number" or value is None or value == "":
            continue
        read = _read(name, value) if name in _KNOWN else None
        if read is None:
            more[_text(name)] = _storable(value)
        else:
            known[name] = read
    return DepDevice(serial_number=serial, more=more, **known)


def _read(name: str, value: Any) -> Any:
    """The value in its type, None if it has another."""
    if name in _MOMENTS:
        return moment(value)
    if name in _LISTS:
        found = [value] if isinstance(value, str) else value
        whole = isinstance(found, list) and all(_text(one) for one in found)
        return tuple(found) if whole else None
    if name in _FLAGS:
        return value if isinstance(value, bool) else None
    return _text(value) or None


def page(answer: JSON) -> DevicePage:
    """Read a page; ValueError names what it lacks."""
    listed, cursor = answer.get("devices") or [], _text(answer.get("cursor"))
    follow = answer.get("more_to_follow", False)
    if not isinstance(listed, list) or not isinstance(follow, bool):
        raise ValueError("devices")
    if not cursor:
        raise ValueError("cursor")
    found = [device(one) if isinstance(one, Mapping) else None for one in listed]
    readable = tuple([one for one in found if one is not None])
    return DevicePage(
        devices=readable,
        cursor=cursor,
        more_to_follow=follow,
        fetched_until=moment(answer.get("fetched_until")),
        unreadable=len(found) - len(readable),
    )


def account(answer: JSON) -> Account:
    """Read the account; ValueError if it does not name the service."""
    names = {item.name for item in fields(Account)} - {"limits", "more"}
    known = {name: _text(answer.get(name)) for name in names}
    if not known["server_uuid"]:
        raise ValueError("server_uuid")
    more = {key: value for key, value in answer.items() if key not in names | {"urls"}}
    return Account(limits=_limits(answer.get("urls")), more=more, **known)


def _limits(urls: Any) -> dict[str, Limit]:
    found = {}
    for one in urls if isinstance(urls, list) else ():
        limit = one.get("limit") if isinstance(one, Mapping) else None
        if not isinstance(limit, Mapping) or not isinstance(one.get("uri"), str):
            continue
        maximum = _count(limit.get("maximum")) or _count(limit.get("default"))
        if maximum:
            default = min(_count(limit.get("default")) or maximum, maximum)
            found[urlsplit(one["uri"]).path] = Limit(default, maximum)
    return found


def outcomes(answer: JSON) -> Outcomes:
    """Read what became of each device; ValueError if it does not say."""
    devices = answer.get("devices") or {}
    if not isinstance(devices, Mapping):
        raise ValueError("devices")
    return Outcomes(
        devices={serial: _text(said) or FAILED for serial, said in devices.items()},
        profile_uuid=_text(answer.get("profile_uuid")),
        retry_after=_count(answer.get("retry_after_seconds")) or None,
    )


def betas(answer: JSON) -> tuple[BetaToken, ...]:
    """Read beta tokens, which have had two names; ValueError if they are no list."""
    listed = answer.get("betaEnrollmentTokens") or answer.get("seedBuildTokens") or []
    if not isinstance(listed, list):
        raise ValueError("betaEnrollmentTokens")
    found = [one for one in listed if isinstance(one, Mapping) and _text(one.get("token"))]
    return tuple(
        [BetaToken(one["token"], _text(one.get("title")), _text(one.get("os"))) for one in found]
    )


def moment(value: Any) -> datetime | None:
    """`2026-11-23T04:00:00Z` as aware UTC, None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """A string that a database takes and a page shows; anything else is empty."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return ""
    return value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)


def _storable(value: Any, depth: int = 0) -> Any:
    """What we do not know, as a JSON column takes it: without NUL, half characters and NaN."""
    if isinstance(value, str):
        return _text(value)
    if depth == _DEEPEST or (isinstance(value, float) and not isfinite(value)):
        return None
    if isinstance(value, list):
        return [_storable(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {_text(name): _storable(one, depth + 1) for name, one in value.items()}
    return value


def _count(value: Any) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return int(value) if usable else 0
