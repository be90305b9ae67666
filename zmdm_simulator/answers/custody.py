"""Lost Mode, remote desktop, accounts and settings: what changes a device's condition."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from zmdm_simulator.answers.replies import Handler, Order, Reply, failed, link, malformed
from zmdm_simulator.facts import User
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS

NOT_LOST = 12067
UNSUPPORTED_SETTING = 12026
UNKNOWN_USER = 12071
_HELPERS = uuid.UUID("7d6d6a3c-3c86-4d0e-9d5c-2f4e6d0f6b52")
TEXTS = ("Message", "PhoneNumber", "Footnote")


def enable_lost_mode(order: Order) -> Reply:
    """Lock it and show what was given; without message and number nobody could return it."""
    shown = {key: order.command[key] for key in TEXTS if key in order.command}
    if not all(isinstance(text, str) for text in shown.values()):
        return malformed()
    if not shown.keys() & {"Message", "PhoneNumber"}:
        return failed(12066, "Lost Mode needs a message or a phone number.")
    order.device.condition.lost = shown
    return Reply()


def disable_lost_mode(order: Order) -> Reply:
    """Found; outside Lost Mode this changes nothing."""
    order.device.condition.lost = None
    return Reply()


def device_location(order: Order) -> Reply:
    """Where it is, a place of its own somewhere in Berlin."""
    if order.device.condition.lost is None:
        return _not_lost()
    share = int(order.device.facts.wifi_mac[-2:], 16) / 255
    return Reply(
        body={
            "Latitude": 52.45 + share * 0.1,
            "Longitude": 13.30 + share * 0.2,
            "HorizontalAccuracy": 65.0,
            "VerticalAccuracy": 10.0,
            "Altitude": 34.0,
            "Speed": -1.0,
            "Course": -1.0,
            "Timestamp": order.device.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def play_lost_mode_sound(order: Order) -> Reply:
    """Be heard."""
    if order.device.condition.lost is None:
        return _not_lost()
    order.device.condition.sounded += 1
    return Reply()


def _not_lost() -> Reply:
    return failed(NOT_LOST, "The device is not in Lost Mode.")


def _remote_desktop(on: bool) -> Handler:
    def handle(order: Order) -> Reply:
        order.device.condition.remote_desktop = on
        return Reply()

    return handle


# Accounts


def accounts(order: Order) -> list[dict[str, Any]]:
    """The accounts that are left, as UserList tells them."""
    found = _on_mac(order) if order.is_mac else _on_ipad(order)
    return [one for one in found if one["UserName"] not in order.device.condition.deleted]


def _people(order: Order) -> tuple[User, ...]:
    """Who works with it, and an account that nobody uses at the moment."""
    user = order.device.facts.user
    return user, User("helper", "Helper", str(uuid.uuid5(_HELPERS, user.guid)).upper())


def _on_mac(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "UserName": user.short_name,
            "FullName": user.long_name,
            "UID": 501 + number,
            "UserGUID": user.guid,
            "IsLoggedIn": number == 0,
            "MobileAccount": False,
            "HasSecureToken": number == 0,
        }
        for number, user in enumerate(_people(order))
    ]


def _on_ipad(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "UserName": f"{user.short_name}@example.com",
            "IsLoggedIn": number == 0 and not order.device.condition.logged_out,
            "HasDataToSync": number == 1,
            "DataQuota": 8 << 30,
            "DataUsed": (number + 1) << 28,
        }
        for number, user in enumerate(_people(order))
    ]


def user_list(order: Order) -> Reply:
    """The accounts of a Mac or a Shared iPad."""
    return _unless_shared(order) or Reply(body={"Users": accounts(order)})


def delete_user(order: Order) -> Reply:
    """Delete an account; one with data to synchronize only by force, one that is at work never."""
    if refusal := _unless_shared(order):
        return refusal
    known = {one["UserName"]: one for one in accounts(order)}
    if order.command.get("DeleteAllUsers") and not order.is_mac:
        order.device.condition.deleted |= set(known)
        return Reply()
    user = known.get(order.command.get("UserName"))
    if user is None:
        return failed(UNKNOWN_USER, "There is no such user.")
    if user["IsLoggedIn"]:
        return failed(12072, "The user is logged in.")
    if user.get("HasDataToSync") and not order.command.get("ForceDeletion"):
        return failed(12073, "The user has data to synchronize.")
    order.device.condition.deleted.add(user["UserName"])
    return Reply()


def log_out_user(order: Order) -> Reply:
    """End the session of a Shared iPad."""
    if refusal := _unless_shared(order):
        return refusal
    order.device.condition.logged_out = True
    return Reply()


def unlock_user_account(order: Order) -> Reply:
    """Let somebody try again."""
    name = order.command.get("UserName")
    if name not in {one["UserName"] for one in accounts(order)}:
        return failed(UNKNOWN_USER, "There is no such user.")
    order.device.condition.unlocked.append(str(name))
    return Reply()


def _unless_shared(order: Order) -> Reply | None:
    if order.is_mac or order.device.shared:
        return None
    return failed(12021, "The device is not a Shared iPad.")


# Settings

Change = Callable[[Order, Mapping[str, Any]], None]
MOBILE = frozenset({IOS, IPADOS})


def _name(order: Order, item: Mapping[str, Any]) -> None:
    order.device.name = str(item["DeviceName"])


def _host_name(order: Order, item: Mapping[str, Any]) -> None:
    order.device.condition.host_name = str(item["HostName"])


def _time_zone(order: Order, item: Mapping[str, Any]) -> None:
    order.device.condition.time_zone = str(item["TimeZone"])


def _wallpaper(order: Order, item: Mapping[str, Any]) -> None:
    order.device.condition.wallpapers[int(item["Where"])] = len(item["Image"])


def _switch(order: Order, item: Mapping[str, Any]) -> None:
    order.device.condition.switches[item["Item"]] = bool(item["Enabled"])


def _options(order: Order, item: Mapping[str, Any]) -> None:
    order.device.condition.options |= dict(item["MDMOptions"])


# Item -> where it exists, what it needs, what it does.
ITEMS: Mapping[str, tuple[frozenset[str], Change]] = {
    "DeviceName": (MOBILE | {MACOS, TVOS, VISIONOS}, _name),
    "HostName": (frozenset({MACOS}), _host_name),
    "TimeZone": (MOBILE | {TVOS, VISIONOS}, _time_zone),
    "Wallpaper": (MOBILE, _wallpaper),
    "Bluetooth": (MOBILE | {MACOS}, _switch),
    "DataRoaming": (MOBILE, _switch),
    "VoiceRoaming": (MOBILE, _switch),
    "PersonalHotspot": (MOBILE, _switch),
    "DiagnosticSubmission": (MOBILE, _switch),
    "AppAnalytics": (MOBILE, _switch),
    "MDMOptions": (MOBILE | {MACOS, VISIONOS}, _options),
}


def settings(order: Order) -> Reply:
    """Each item is taken or refused by itself."""
    items = order.command.get("Settings")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return malformed()
    return Reply(body={"Settings": [_set(order, item) for item in items]})


def _set(order: Order, item: Mapping[str, Any]) -> dict[str, Any]:
    platforms, change = ITEMS.get(str(item.get("Item")), (frozenset(), _switch))
    if order.device.facts.model.platform not in platforms:
        why = link(UNSUPPORTED_SETTING, f"“{item.get('Item')}” is not a setting of this device.")
        return {"Status": "Error", "ErrorChain": [dict(why)]}
    try:
        change(order, item)
    except (KeyError, TypeError, ValueError):
        return {"Status": "CommandFormatError"}
    return {"Status": "Acknowledged"}


HANDLERS: Mapping[str, Handler] = {
    "EnableLostMode": enable_lost_mode,
    "DisableLostMode": disable_lost_mode,
    "DeviceLocation": device_location,
    "PlayLostModeSound": play_lost_mode_sound,
    "EnableRemoteDesktop": _remote_desktop(True),
    "DisableRemoteDesktop": _remote_desktop(False),
    "UserList": user_list,
    "DeleteUser": delete_user,
    "LogOutUser": log_out_user,
    "UnlockUserAccount": unlock_user_account,
    "Settings": settings,
}
