"""What the played device assignment service does for each request, once the session is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_simulator.apple.dep_books import DEFAULT_LIMIT, MAXIMUM_LIMIT, Page, Refusal, wire_time
from zmdm_simulator.apple.dep_faults import Faults
from zmdm_simulator.apple.dep_server import VirtualServer

_NEW_FIELDS = {
    2: ("device_family", "os"),
    8: ("mdm_migration_deadline",),
    10: (
        "imei",
        "meid",
        "eid",
        "bluetooth_mac_address",
        "ethernet_mac_address",
        "wifi_mac_address",
        "is_replacement_device",
        "released_by_replacement",
    ),
}
_BETAS = ("iOS", "OSX", "tvOS", "watchOS", "visionOS")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a client that may ask; `version` is its X-Server-Protocol-Version."""

    server: VirtualServer
    faults: Faults
    base_url: str
    version: int
    query: Mapping[str, str]
    body: dict[str, Any]

    def serials(self) -> list[str]:
        """The serial numbers in the body, no more than Apple takes at once."""
        found = self.body.get("devices")
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise Refusal(400, "DEVICE_ID_REQUIRED")
        if not found:
            raise Refusal(400, "DEVICE_ID_REQUIRED")
        if len(found) > MAXIMUM_LIMIT:
            raise Refusal(400, "TOO_MANY_DEVICES")
        return list(dict.fromkeys(found))

    def limit(self) -> int:
        """How many devices one page may have."""
        limit = self.body.get("limit", DEFAULT_LIMIT)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise Refusal(400, "MALFORMED_REQUEST_BODY")
        return min(limit, MAXIMUM_LIMIT)

    def device(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """A device as this version of the protocol shows it."""
        found = dict(kept)
        for version, names in _NEW_FIELDS.items():
            if self.version < version:
                for name in names:
                    found.pop(name, None)
        if self.version < 7 and found.get("os") == "iPadOS":
            found["os"] = "iOS"
        return {name: value for name, value in found.items() if value not in ("", None)}


def _account(call: Call) -> dict[str, Any]:
    return call.server.account(call.base_url, call.version)


def _page(call: Call, page: Page) -> dict[str, Any]:
    return {
        "devices": [call.device(one) for one in page.devices],
        "cursor": page.cursor,
        "more_to_follow": page.more,
        "fetched_until": wire_time(call.server.clock()),
    }


def _fetch(call: Call) -> dict[str, Any]:
    return _page(call, call.server.books.fetch(call.body.get("cursor"), call.limit()))


def _sync(call: Call) -> dict[str, Any]:
    page = call.server.books.sync(call.body.get("cursor"), call.limit())
    if call.faults.exhausted and not page.devices:
        raise Refusal(400, "EXHAUSTED_CURSOR")
    return _page(call, page)


def _details(call: Call) -> dict[str, Any]:
    books = call.server.books
    found: dict[str, Any] = {}
    with books.lock:
        for serial in call.serials():
            device = books.devices.get(serial)
            said = call.faults.next_for(serial) or ("SUCCESS" if device else "NOT_ACCESSIBLE")
            shown = call.device(device) if device and said == "SUCCESS" else {}
            found[serial] = {**shown, "response_status": said}
    return {"devices": found}


def _each(call: Call, act: Callable[[str], str]) -> dict[str, str]:
    found = {}
    for serial in call.serials():
        said = call.faults.next_for(serial)
        if said == "THROTTLED" and call.version < 9:
            said = "FAILED"
        found[serial] = said or act(serial)
    return found


def _disown(call: Call) -> dict[str, Any]:
    def act(serial: str) -> str:
        return "SUCCESS" if call.server.books.remove([serial]) else "NOT_ACCESSIBLE"

    return {"devices": _each(call, act)}


def _define(call: Call) -> dict[str, Any]:
    given = call.body.get("devices") or []
    profile = call.server.books.define(call.body)
    devices = {}
    if given:
        devices = _each(call, lambda serial: call.server.books.assign(serial, profile))
    return {"profile_uuid": profile, "devices": devices}


def _profile(call: Call, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise Refusal(400, "PROFILE_UUID_REQUIRED")
    if name not in call.server.books.profiles:
        raise Refusal(404, "NOT_FOUND")
    return name


def _get_profile(call: Call) -> dict[str, Any]:
    name = call.query.get("profile_uuid")
    return dict(call.server.books.profiles[_profile(call, name)])


def _assign(call: Call) -> dict[str, Any]:
    profile = _profile(call, call.body.get("profile_uuid"))
    devices = _each(call, lambda serial: call.server.books.assign(serial, profile))
    found: dict[str, Any] = {"profile_uuid": profile, "devices": devices}
    if call.version >= 10 and "THROTTLED" in devices.values():
        found["retry_after_seconds"] = call.faults.retry_after_seconds
    return found


def _clear(call: Call) -> dict[str, Any]:
    profile = call.body.get("profile_uuid")
    return {"devices": _each(call, lambda serial: call.server.books.clear(serial, profile))}


def _activation_lock(call: Call) -> dict[str, Any]:
    serial, escrow = call.body.get("device"), call.body.get("escrow_key")
    if not isinstance(serial, str) or not serial:
        raise Refusal(400, "DEVICE_ID_REQUIRED")
    if escrow is not None and (not isinstance(escrow, str) or len(escrow) != 64):
        raise Refusal(400, "ESCROW_KEY_INVALID")
    books = call.server.books
    with books.lock:
        said = call.faults.next_for(serial)
        if said is None and serial not in books.devices:
            said = "NOT_ACCESSIBLE"
        elif said is None:
            said = "DEVICE_ALREADY_LOCKED" if serial in books.locked else "SUCCESS"
            books.locked.add(serial)
    return {"serial_number": serial, "response_status": said}


def _betas(call: Call) -> dict[str, Any]:
    if not call.faults.beta:
        raise Refusal(403, "APPLE_SEED_FOR_IT_TURNED_OFF")
    tokens = [
        {"token": f"played-{os.lower()}-{call.server.uuid[:8]}", "title": f"{os} 27 Beta", "os": os}
        for os in _BETAS
    ]
    return {"betaEnrollmentTokens": tokens}


def _tell_discovery_url(call: Call) -> dict[str, Any]:
    url = call.body.get("mdm_service_discovery_url")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise Refusal(400, "MALFORMED_REQUEST_BODY")
    call.server.discovery = {
        "mdm_service_discovery_url": url,
        "last_updated_timestamp": wire_time(call.server.clock()),
    }
    return {}


def _discovery_url(call: Call) -> dict[str, Any]:
    return dict(call.server.discovery)


ANSWERS: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
    ("GET", "/account"): _account,
    ("POST", "/server/devices"): _fetch,
    ("POST", "/devices/sync"): _sync,
    ("POST", "/devices"): _details,
    ("POST", "/devices/disown"): _disown,
    ("POST", "/device/activationlock"): _activation_lock,
    ("POST", "/profile"): _define,
    ("GET", "/profile"): _get_profile,
    ("POST", "/profile/devices"): _assign,
    ("PUT", "/profile/devices"): _assign,
    ("DELETE", "/profile/devices"): _clear,
    ("GET", "/account-driven-enrollment/profile"): _discovery_url,
    ("POST", "/account-driven-enrollment/profile"): _tell_discovery_url,
    ("GET", "/os-beta-enrollment/tokens"): _betas,
}
