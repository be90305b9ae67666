from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

import marshmallow as ma

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.arguments import Base64, described, storable
from zmdm_plugin.commands.base import (
    BOTH,
    MOBILE,
    Arguments,
    Command,
    Material,
    registry,
)
from zmdm_plugin.commands.effects import Effect, FollowUp, Note
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_NAME: list[Callable[[Any], Any]] = [ma.validate.Length(min=1, max=255), storable]
_MAX_IMAGE = 8 * 1024 * 1024
_WHERE = {"lock": 1, "home": 2, "both": 3}
_TELLS = frozenset({"device_name", "host_name", "time_zone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One of Apple's items: the argument, where it exists, and the key that carries the value."""

    name: str
    key: str = "Enabled"
    since: Mapping[Platform, str]
    supervised_on: frozenset[Platform] = frozenset()
    option: bool = False
    """Part of MDMOptions, which is one item for several arguments."""
    right: AccessRights | None = None
    anywhere: bool = False
    """Also in user enrollments."""
    needs_shared: bool = False


_ITEMS: Mapping[str, _Item] = {
    "device_name": _Item(
        name="DeviceName",
        key="DeviceName",
        since={
            Platform.IOS: "8.0",
            Platform.MACOS: "10.10",
            Platform.TVOS: "9.0",
            Platform.VISIONOS: "2.0",
        },
        supervised_on=MOBILE | {Platform.VISIONOS},
    ),
    "host_name": _Item(name="HostName", key="HostName", since={Platform.MACOS: "10.11"}),
    "time_zone": _Item(
        name="TimeZone",
        key="TimeZone",
        since={Platform.IOS: "14.0", Platform.TVOS: "14.0", Platform.VISIONOS: "2.0"},
        supervised_on=MOBILE | {Platform.TVOS, Platform.VISIONOS},
    ),
    "wallpaper": _Item(
        name="Wallpaper", key="Image", since={Platform.IOS: "8.0"}, supervised_on=MOBILE
    ),
    "bluetooth": _Item(
        name="Bluetooth",
        since={Platform.IOS: "11.3", Platform.MACOS: "10.13.4"},
        supervised_on=MOBILE,
    ),
    "data_roaming": _Item(name="DataRoaming", since={Platform.IOS: "5.0"}),
    "voice_roaming": _Item(name="VoiceRoaming", since={Platform.IOS: "5.0"}),
    "personal_hotspot": _Item(
        name="PersonalHotspot",
        since={Platform.IOS: "7.0"},
        right=AccessRights.NETWORK_INFORMATION,
    ),
    "diagnostic_submission": _Item(
        name="DiagnosticSubmission", since={Platform.IOS: "9.3"}, needs_shared=True
    ),
    "app_analytics": _Item(name="AppAnalytics", since={Platform.IOS: "9.3.2"}, needs_shared=True),
    "activation_lock_allowed": _Item(
        name="MDMOptions",
        key="ActivationLockAllowedWhileSupervised",
        since={Platform.IOS: "7.0", Platform.MACOS: "10.15", Platform.VISIONOS: "2.0"},
        option=True,
        anywhere=True,
    ),
    "prompt_for_bootstrap_token": _Item(
        name="MDMOptions",
        key="PromptUserToAllowBootstrapTokenForAuthentication",
        since={Platform.MACOS: "11.0"},
        option=True,
    ),
    "idle_reboot_allowed": _Item(
        name="MDMOptions", key="IdleRebootAllowed", since={Platform.IOS: "18.4"}, option=True
    ),
}


_KNOWN = frozenset(item.name for item in _ITEMS.values())
_MOST_FURTHER = 20


def _time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ma.ValidationError("Not a time zone like Europe/Berlin.")


def _items(value: Any) -> None:
    if not isinstance(value, list) or len(value) > _MOST_FURTHER:
        raise ma.ValidationError(f"A list of at most {_MOST_FURTHER} items.")
    for item in value:
        if not isinstance(item, dict) or not isinstance(item.get("Item"), str):
            raise ma.ValidationError("Each is an object with an Item, as Apple writes it.")
        if item["Item"] in _KNOWN:
            raise ma.ValidationError(f"{item['Item']} has an argument of its own.")
    storable(value)


def _switch(text: str) -> ma.fields.Boolean:
    """On, off, or left as it is: a form offers all three."""
    return ma.fields.Boolean(
        validate=ma.validate.OneOf((True, False), labels=("On", "Off")), metadata=described(text)
    )


@registry.add
class Settings(Command):
    """Names, roaming, wallpaper and the like, several at once; what is not said stays as it is.

    https://developer.apple.com/documentation/devicemanagement/settings-command
    """

    request_type = "Settings"
    min_os = {
        Platform.IOS: "5.0",
        Platform.MACOS: "10.9",
        Platform.TVOS: "9.0",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}
    access_right = AccessRights.SETTINGS

    class Args(ma.Schema):
        device_name = ma.fields.String(validate=_NAME, metadata=described("What it is called."))
        host_name = ma.fields.String(
            validate=_NAME, metadata=described("Of a Mac, as the network knows it.")
        )
        time_zone = ma.fields.String(
            validate=_time_zone,
            metadata=described("Like Europe/Berlin; not of a Mac.", example="Europe/Berlin"),
        )
        wallpaper = Base64(
            validate=ma.validate.Length(min=1, max=_MAX_IMAGE),
            metadata=described("Of an iPhone or iPad: a PNG or JPEG."),
        )
        wallpaper_where = ma.fields.String(
            validate=ma.validate.OneOf(tuple(_WHERE)),
            metadata=described("Lock screen, home screen, or both; both if nothing is said."),
        )
        bluetooth = _switch("Bluetooth itself; who may change it is a restriction.")
        data_roaming = _switch("Data while roaming.")
        voice_roaming = _switch("Calls while roaming (before iOS 16).")
        personal_hotspot = _switch("Share the mobile connection.")
        diagnostic_submission = _switch("Shared iPad: send diagnostics to Apple.")
        app_analytics = _switch("Shared iPad: share analytics with developers of apps.")
        activation_lock_allowed = _switch(
            "Let its user turn Activation Lock on, though supervised."
        )
        prompt_for_bootstrap_token = _switch(
            "Mac: ask the user to let device management use the bootstrap token."
        )
        idle_reboot_allowed = _switch("Let it restart by itself after days without use.")
        further = ma.fields.Raw(
            validate=_items,
            metadata=described(
                "Further items as Apple writes them, a JSON list.",
                example=[{"Item": "SharedDeviceConfiguration", "QuotaSize": 4096}],
            ),
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        given = [name for name in _ITEMS if args.get(name) is not None]
        if not given and not args.get("further"):
            return Refusal("", "Say at least one setting.")
        if args.get("wallpaper_where") and not args.get("wallpaper"):
            return Refusal("wallpaper_where", "This belongs to a wallpaper.")
        for name in given:
            if why := _why_not(_ITEMS[name], target):
                return Refusal(name, why)
        return None

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        items: dict[str, dict[str, Any]] = {}
        for argument, item in _ITEMS.items():
            if (value := args.get(argument)) is None:
                continue
            body = items.setdefault(item.name, {"Item": item.name})
            if item.option:
                body = body.setdefault(item.name, {})
            body[item.key] = value
        if "Wallpaper" in items:
            items["Wallpaper"]["Where"] = _WHERE[args.get("wallpaper_where") or "both"]
        further = args.get("further") or []
        return {"RequestType": cls.request_type, "Settings": [*items.values(), *further]}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Items written by hand, as arguments; those that have none are further ones."""
        given = payload.get("Settings")
        found: dict[str, Any] = {}
        for item in given if isinstance(given, list) else []:
            name = item.get("Item") if isinstance(item, dict) else None
            if name not in _KNOWN:
                found.setdefault("further", []).append(item)
                continue
            body = item.get(name, {}) if name == "MDMOptions" else item
            body = body if isinstance(body, dict) else {}
            found |= {
                argument: body[known.key]
                for argument, known in _ITEMS.items()
                if known.name == name and known.key in body
            }
        return found

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        """Each item has an answer of its own, in the order in which they were sent."""
        sent = cls.payload(args, {})["Settings"]
        told = answers.items(answer.body, "Settings") or []
        effects: list[Effect] = [
            Note(f"{item['Item']} was not set: {_why(reply)}")
            for item, reply in zip(sent, told, strict=False)
            if reply.get("Status") not in (None, "Acknowledged")
        ]
        if _TELLS & {name for name, value in args.items() if value is not None}:
            effects.append(FollowUp("DeviceInformation"))
        return effects


def _why_not(item: _Item, target: Target) -> str | None:
    if target.platform is None:
        return None
    if not target.knows(dict(item.since)):
        return f"{target.label} does not know this."
    if target.user_enrollment and not item.anywhere:
        return "A user enrollment does not allow this."
    if target.platform in item.supervised_on and not target.supervised:
        return "This needs a supervised device; this one has not said that it is."
    if item.needs_shared and not target.shared_ipad:
        return "Only a Shared iPad knows this."
    if item.right is not None and not target.has(item.right):
        return "The enrollment profile does not grant the right to this."
    return None


def _why(reply: Mapping[str, Any]) -> str:
    texts = [
        answers.text(link.get("USEnglishDescription"))
        or answers.text(link.get("LocalizedDescription"))
        for link in answers.items(reply, "ErrorChain") or []
    ]
    return " / ".join(filter(None, texts)) or "the device gave no reason"
