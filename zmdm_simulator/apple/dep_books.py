"""What the played Apple has written down for one device management service.

Devices in a list that only grows (a device that left is a gap), every change in a log, profiles by
UUID. A cursor is a place in the list or in the log, signed, so that it survives a restart and an
invented one is found out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CURSOR_LIFETIME = timedelta(days=7)
DEFAULT_LIMIT, MAXIMUM_LIMIT = 100, 1000
Device = dict[str, Any]
_TEXTS = {
    # field of a profile: code of the error, most characters
    "profile_name": ("CONFIG_NAME", 125),
    "url": ("CONFIG_URL", 2000),
    "configuration_web_url": ("CONFIG_URL", 2000),
    "department": ("DEPARTMENT", 125),
    "org_magic": ("MAGIC", 256),
    "support_email_address": ("SUPPORT_EMAIL", 250),
    "support_phone_number": ("SUPPORT_PHONE", 50),
}


class Refusal(Exception):
    """An answer that is not the wanted one: HTTP status, code, seconds to wait if any."""

    def __init__(self, status: int, code: str, *, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after


def wire_time(moment: datetime) -> str:
    """A moment as Apple writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a question for devices."""

    devices: list[Device]
    cursor: str
    more: bool


@dataclass(slots=True)
class Books:
    """Asked and changed from many threads; `clock` gives aware UTC."""

    clock: Callable[[], datetime]
    secret: bytes
    devices: dict[str, Device] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _order: list[str | None] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _log: list[Device] = field(default_factory=list)

    def add(self, devices: Iterable[Device], *, by: str, operation: str = "added") -> None:
        """Devices that were assigned to this service; what is known of one is replaced."""
        now = wire_time(self.clock())
        with self.lock:
            for given in devices:
                serial = given["serial_number"]
                device = {
                    "profile_status": "empty",
                    "profile_uuid": "",
                    "profile_assign_time": "",
                    "profile_push_time": "",
                    **given,
                    "device_assigned_date": now,
                    "device_assigned_by": by,
                }
                if serial not in self._places:
                    self._places[serial] = len(self._order)
                    self._order.append(serial)
                self.devices[serial] = device
                self._note(device, operation)

    def remove(self, serials: Iterable[str], **more: Any) -> list[Device]:
        """Devices that are no longer assigned to this service."""
        gone = []
        with self.lock:
            for serial in serials:
                device = self.devices.pop(serial, None)
                if device is None:
                    continue
                self._order[self._places.pop(serial)] = None
                self._note({**device, **more}, "deleted")
                gone.append(device)
        return gone

    def change(self, serial: str, **values: Any) -> None:
        """A device about which something is different now."""
        with self.lock:
            device = self.devices[serial] = {**self.devices[serial], **values}
            self._note(device, "modified")

    def fetch(self, cursor: str | None, limit: int) -> Page:
        """The next devices of the list; the log of what happens meanwhile comes with `sync`."""
        with self.lock:
            place, since = 0, len(self._log)
            if cursor:
                kind, place, since = self._read(cursor)
                if kind != "list":
                    raise Refusal(400, "EXHAUSTED_CURSOR")
            found: list[Device] = []
            while place < len(self._order) and len(found) < limit:
                serial = self._order[place]
                place += 1
                if serial is not None:
                    found.append(self.devices[serial])
            more = any(one is not None for one in self._order[place : place + 1]) or any(
                one is not None for one in self._order[place + 1 :]
            )
            return Page(found, self._cursor("list" if more else "log", place, since), more)

    def sync(self, cursor: str | None, limit: int) -> Page:
        """What happened since the cursor, oldest first."""
        if not cursor:
            raise Refusal(400, "CURSOR_REQUIRED")
        with self.lock:
            kind, place, since = self._read(cursor)
            if kind != "log":
                raise Refusal(400, "INVALID_CURSOR")
            found = self._log[since : since + limit]
            since += len(found)
            return Page(found, self._cursor("log", place, since), since < len(self._log))

    def define(self, given: dict[str, Any]) -> str:
        """Keep a profile for ever as it is, under a new UUID."""
        _check_profile(given)
        name = uuid.uuid4().hex.upper()
        with self.lock:
            kept = {key: value for key, value in given.items() if key != "devices"}
            self.profiles[name] = {**kept, "profile_uuid": name}
        return name

    def assign(self, serial: str, profile: str) -> str:
        """SUCCESS, or NOT_ACCESSIBLE for a device that is not here."""
        with self.lock:
            if serial not in self.devices:
                return "NOT_ACCESSIBLE"
            self.change(
                serial,
                profile_status="assigned",
                profile_uuid=profile,
                profile_assign_time=wire_time(self.clock()),
                profile_push_time="",
            )
            return "SUCCESS"

    def clear(self, serial: str, profile: str | None) -> str:
        """Take the profile from a device."""
        with self.lock:
            device = self.devices.get(serial)
            if device is None:
                return "NOT_ACCESSIBLE"
            if profile and device["profile_uuid"] not in ("", profile):
                return "FAILED"
            self.change(serial, profile_status="removed", profile_uuid="")
            return "SUCCESS"

    def to_json(self) -> dict[str, Any]:
        """All that is written down, for a file."""
        with self.lock:
            return {
                "secret": self.secret.hex(),
                "devices": dict(self.devices),
                "profiles": dict(self.profiles),
                "locked": sorted(self.locked),
                "order": list(self._order),
                "log": list(self._log),
            }

    def restore(self, kept: dict[str, Any]) -> None:
        """What `to_json` gave."""
        with self.lock:
            self.devices, self.profiles = kept["devices"], kept["profiles"]
            self.locked, self._order, self._log = set(kept["locked"]), kept["order"], kept["log"]
            self._places = {
                serial: place for place, serial in enumerate(self._order) if serial is not None
            }

    def activate(self, serial: str) -> dict[str, Any] | None:
        """The profile that a device gets when it starts anew; Apple writes down that it has it."""
        with self.lock:
            device = self.devices.get(serial)
            profile = self.profiles.get(device["profile_uuid"]) if device else None
            if profile is not None:
                when = wire_time(self.clock())
                self.change(serial, profile_status="pushed", profile_push_time=when)
            return profile

    def _note(self, device: Device, operation: str) -> None:
        when = wire_time(self.clock())
        self._log.append({**device, "op_type": operation, "op_date": when})

    def _cursor(self, kind: str, place: int, since: int) -> str:
        text = json.dumps([kind, place, since, self.clock().timestamp()]).encode()
        mark = hmac.digest(self.secret, text, hashlib.sha256)[:8]
        return base64.urlsafe_b64encode(mark + text).decode().rstrip("=")

    def _read(self, cursor: str) -> tuple[str, int, int]:
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            mark, text = raw[:8], raw[8:]
            if not hmac.compare_digest(hmac.digest(self.secret, text, hashlib.sha256)[:8], mark):
                raise ValueError("an invented cursor")
            kind, place, since, made = json.loads(text)
        except (ValueError, TypeError):
            raise Refusal(400, "INVALID_CURSOR") from None
        if self.clock().timestamp() - made > CURSOR_LIFETIME.total_seconds():
            raise Refusal(400, "EXPIRED_CURSOR")
        return kind, place, since


def _check_profile(given: dict[str, Any]) -> None:
    for name in ("profile_name", "url", "org_magic"):
        if not given.get(name):
            raise Refusal(400, f"{_TEXTS[name][0]}_REQUIRED")
    for name, (code, longest) in _TEXTS.items():
        value = given.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise Refusal(400, f"{code}_INVALID")
    for name in ("url", "configuration_web_url"):
        if given.get(name, "https://").partition("://")[0] not in ("https", "http"):
            raise Refusal(400, "CONFIG_URL_INVALID")
    if given.get("is_mdm_removable") is False and not given.get("is_supervised", False):
        raise Refusal(400, "FLAGS_INVALID")
    language, region = given.get("language", "en"), given.get("region", "US")
    if len(language) not in (2, 3) or len(region) != 2:
        raise Refusal(400, "LOCALE_INVALID")
