"""What Apple's YAML says about a property list: a list of faults, empty when there is none.

    assert validate_command("DeviceLock", payload, platform="macOS") == []
    assert validate_response("DeviceInformation", body) == []
    assert validate_checkin("TokenUpdate", body, platform="macOS", channel="user") == []
    assert validate_profile(mobileconfig) == []          # and each payload inside
    assert validate_profile_payload(payload) == []
    assert validate_declaration("com.apple.asset.data", payload) == []

Faults: a required key is missing, a key is unknown (or not on this platform, channel or kind of
enrollment), a value has the wrong type, is not in a rangelist or range, or misses a format.
Which keys are required depends on who speaks; what is not said here (`platform=None`) is checked
only as far as it holds for every platform. Tests that use this carry
`@pytest.mark.needs("apple_schema")`.
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests import requirements

PLATFORMS = ("iOS", "macOS", "tvOS", "visionOS", "watchOS")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
Keys = list[dict[str, Any]]

_TYPES: dict[str, tuple[type, ...]] = {
    "<string>": (str,),
    "<integer>": (int,),
    "<real>": (float, int),
    "<boolean>": (bool,),
    "<data>": (bytes,),
    "<date>": (datetime,),
    "<array>": (list,),
    "<dictionary>": (dict,),
}
#: Every message has some of these, and the pages of single messages do not repeat them.
_SENDER: Keys = [
    {"key": key, "type": "<string>", "presence": "optional"}
    for key in ("UDID", "EnrollmentID", "EnrollmentUserID", "UserID", "UserShortName")
] + [{"key": "UserLongName", "type": "<string>", "presence": "optional"}]
_STATUSES = ["Acknowledged", "Error", "CommandFormatError", "Idle", "NotNow"]
_CHAIN_ITEM: Keys = [
    {"key": "ErrorCode", "type": "<integer>", "presence": "required"},
    {"key": "ErrorDomain", "type": "<string>", "presence": "required"},
    {"key": "LocalizedDescription", "type": "<string>", "presence": "required"},
    {"key": "USEnglishDescription", "type": "<string>", "presence": "optional"},
]
_ENVELOPE: Keys = [
    *_SENDER,
    {"key": "Status", "type": "<string>", "presence": "required", "rangelist": _STATUSES},
    {"key": "CommandUUID", "type": "<string>", "presence": "optional"},
    {
        "key": "ErrorChain",
        "type": "<array>",
        "presence": "optional",
        "subkeys": [{"key": "Item", "type": "<dictionary>", "subkeys": _CHAIN_ITEM}],
    },
    {"key": "NotOnConsole", "type": "<boolean>", "presence": "optional"},
    {"key": "NeedSyncResponse", "type": "<boolean>", "presence": "optional"},
    {"key": "UserConfiguration", "type": "<boolean>", "presence": "optional"},
]
#: Apple calls them required, but only some messages of the kind have them.
_SOMETIMES = {("UserAuthenticate", "DigestResponse")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who sends or gets it: decides which keys are required and which have no place."""

    platform: str | None = None
    channel: str = "device"
    user_enrollment: bool = False
    shared_ipad: bool = False
    json: bool = False

    def place(self, key: Mapping[str, Any]) -> str:
        """`required`, `optional` or `forbidden`: what this key is here."""
        platforms = (self.platform,) if self.platform else PLATFORMS
        places = {self._on(key, platform) for platform in platforms}
        if places == {"forbidden"}:
            return "forbidden"
        return "required" if places == {"required"} else "optional"

    @property
    def label(self) -> str:
        """For a fault: who has no such key."""
        kind = "user enrollment, " if self.user_enrollment else ""
        return f"{self.platform or 'any platform'} ({kind}{self.channel} channel)"

    def _on(self, key: Mapping[str, Any], platform: str) -> str:
        rules = (key.get("supportedOS") or {}).get(platform, {})
        if rules.get("introduced") == "n/a" or rules.get(f"{self.channel}channel") is False:
            return "forbidden"
        user_enrollment = (rules.get("userenrollment") or {}).get("mode")
        shared_ipad = (rules.get("sharedipad") or {}).get("mode")
        if user_enrollment == "forbidden" and self.user_enrollment:
            return "forbidden"
        if user_enrollment == "required" and not self.user_enrollment:
            return "optional"
        if shared_ipad == "required" and self.shared_ipad and self.channel == "user":
            return "required"
        return "required" if key.get("presence") == "required" else "optional"


def validate_command(
    request_type: str, payload: Mapping[str, Any], *, platform: str | None = None, **who: Any
) -> list[str]:
    """The Command dictionary of a command, with its RequestType."""
    page = command_pages().get(request_type)
    if page is None:
        return [f"{request_type}: no such command"]
    speaker = Speaker(platform=_family(platform), **who)
    rest = {key: value for key, value in payload.items() if key != "RequestType"}
    faults = [] if payload.get("RequestType") == request_type else ["RequestType: wrong"]
    faults += [f"not on {platform}"] if speaker.place(page["payload"]) == "forbidden" else []
    return faults + list(_dictionary(page.get("payloadkeys") or [], rest, speaker, ""))


def validate_response(
    request_type: str, body: Mapping[str, Any], *, platform: str | None = None, **who: Any
) -> list[str]:
    """What a device answers; only an Acknowledged one has the keys of its command."""
    speaker = Speaker(platform=_family(platform), **who)
    keys = list(_ENVELOPE)
    if body.get("Status") == "Acknowledged":
        page = command_pages().get(request_type)
        if page is None:
            return [f"{request_type}: no such command"]
        keys += page.get("responsekeys") or []
    faults = list(_dictionary(keys, body, speaker, ""))
    if not body.get("UDID") and not body.get("EnrollmentID"):
        faults.append("UDID: missing")
    if body.get("Status") != "Idle" and not body.get("CommandUUID"):
        faults.append("CommandUUID: missing")
    return faults


def validate_checkin(
    message_type: str, body: Mapping[str, Any], *, platform: str | None = None, **who: Any
) -> list[str]:
    """A check-in message of a device."""
    page = _checkins().get(message_type)
    if page is None:
        return [f"{message_type}: no such message"]
    speaker = Speaker(platform=_family(platform), **who)
    own = [
        {**key, "presence": "optional"} if (message_type, key["key"]) in _SOMETIMES else key
        for key in page["payloadkeys"]
    ]
    named = {key["key"] for key in own}
    keys = own + [key for key in _SENDER if key["key"] not in named]
    return list(_dictionary(keys, body, speaker, ""))


def validate_checkin_reply(message_type: str, body: Mapping[str, Any]) -> list[str]:
    """What a server answers to a check-in message."""
    keys = _checkins()[message_type].get("responsekeys") or []
    return list(_dictionary(keys, body, Speaker(), ""))


def validate_profile(
    profile: bytes | Mapping[str, Any], *, platform: str | None = None
) -> list[str]:
    """A configuration profile (not signed) and each of its payloads."""
    body = plistlib.loads(profile) if isinstance(profile, bytes) else dict(profile)
    speaker = Speaker(platform=_family(platform))
    top = _profiles()["TopLevel"][0]["payloadkeys"]
    faults = list(_dictionary(top, body, speaker, ""))
    for payload in body.get("PayloadContent") or ():
        faults += validate_profile_payload(payload, platform=platform)
    return faults


def validate_profile_payload(
    payload: Mapping[str, Any], *, platform: str | None = None
) -> list[str]:
    """One payload of a profile; where Apple has two pages for a type, the one that fits counts."""
    kind = str(payload.get("PayloadType"))
    pages = _profiles().get(kind)
    if pages is None:
        return [f"{kind}: no such payload"]
    speaker = Speaker(platform=_family(platform))
    common = _profiles()["CommonPayloadKeys"][0]["payloadkeys"]
    return min(
        (
            [f"{kind}: {fault}" for fault in _dictionary(common + keys, payload, speaker, "")]
            for keys in ((page.get("payloadkeys") or []) for page in pages)
        ),
        key=len,
    )


def validate_declaration(
    kind: str, payload: Mapping[str, Any], *, platform: str | None = None
) -> list[str]:
    """The payload of a declaration (JSON), or what a credential asset downloads."""
    page = declaration_pages().get(kind)
    if page is None:
        return [f"{kind}: no such declaration"]
    speaker = Speaker(platform=_family(platform), json=True)
    return list(_dictionary(page["payloadkeys"], payload, speaker, ""))


def _dictionary(keys: Keys, body: Mapping[str, Any], speaker: Speaker, where: str) -> Iterator[str]:
    known = {key["key"]: key for key in keys}
    wildcard = next((key for name, key in known.items() if name.startswith("ANY")), None)
    for name, key in known.items():
        if key is not wildcard and name not in body and speaker.place(key) == "required":
            yield f"{where}{name}: missing"
    for name, value in body.items():
        key = known.get(name, wildcard)
        if key is None:
            yield f"{where}{name}: unknown"
        elif speaker.place(key) == "forbidden":
            yield f"{where}{name}: not on {speaker.label}"
        else:
            yield from _value(key, value, speaker, f"{where}{name}")


def _value(key: Mapping[str, Any], value: Any, speaker: Speaker, where: str) -> Iterator[str]:
    kind = key["type"]
    if kind == "<any>":
        return
    types = (str,) if speaker.json and kind == "<data>" else _TYPES[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "<boolean>"):
        yield f"{where}: {type(value).__name__} is not {kind}"
        return
    if (
        kind == "<data>"
        and isinstance(value, str)
        and not _BASE64.fullmatch("".join(value.split()))
    ):
        yield f"{where}: this is not base64"
    subkeys = key.get("subkeys") or []
    if kind == "<dictionary>" and subkeys:
        yield from _dictionary(subkeys, value, speaker, f"{where}.")
    elif kind == "<array>" and subkeys:
        yield from _array(subkeys, value, speaker, where)
    else:
        yield from _scalar(key, value, speaker, where)


def _array(items: Keys, values: list[Any], speaker: Speaker, where: str) -> Iterator[str]:
    """Each element is one of `items`; Apple lists more than one where several shapes may stand."""
    for number, value in enumerate(values):
        place = f"{where}[{number}]"
        yield from min((list(_value(item, value, speaker, place)) for item in items), key=len)
    repetition = items[0].get("repetition") or {}
    if not repetition.get("min", 0) <= len(values) <= repetition.get("max", len(values)):
        yield f"{where}: {len(values)} elements"


def _scalar(key: Mapping[str, Any], value: Any, speaker: Speaker, where: str) -> Iterator[str]:
    allowed = key.get("rangelist") or [value]
    if key["type"] == "<string>" and (choices := key.get("subkeys")):
        # Apple's way to say that a string is one of these, each with platforms of its own.
        allowed = [item["key"] for item in choices if speaker.place(item) != "forbidden"]
    if value not in allowed:
        yield f"{where}: {value!r} is none of those for {speaker.label}"
    bounds = key.get("range") or {}
    if not bounds.get("min", value) <= value <= bounds.get("max", value):
        yield f"{where}: {value!r} is out of range"
    if (pattern := key.get("format")) and isinstance(value, str):
        # A lab on one machine has no certificate; everything else about its URLs is checked.
        spelled = re.sub(r"^http://(127\.0\.0\.1|localhost)", r"https://\1", value)
        if not re.search(pattern, spelled):
            yield f"{where}: {value!r} has not the form {pattern}"


def _family(platform: str | None) -> str | None:
    return "iOS" if platform == "iPadOS" else platform


def _pages(folder: str) -> list[dict[str, Any]]:
    root = requirements.apple_schema()
    if root is None:
        raise FileNotFoundError("apple-schema: mark the test with needs('apple_schema')")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [yaml.load(_text(path), loader) for path in sorted(root.glob(f"{folder}/*.yaml"))]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def command_pages() -> dict[str, dict[str, Any]]:
    return {page["payload"]["requesttype"]: page for page in _pages("mdm/commands")}


@cache
def _checkins() -> dict[str, dict[str, Any]]:
    return {page["payload"]["requesttype"]: page for page in _pages("mdm/checkin")}


@cache
def _profiles() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for page in _pages("mdm/profiles"):
        found.setdefault(page["payload"]["payloadtype"], []).append(page)
    return found


@cache
def declaration_pages() -> dict[str, dict[str, Any]]:
    """Apple's pages on declarations by type, the newer ones before the older."""
    found: dict[str, dict[str, Any]] = {}
    for folder in ("declarative/declarations/**", "newer/declarative/declarations/**"):
        for page in _pages(folder):
            about = page["payload"]
            found[about.get("declarationtype") or about.get("credentialtype")] = page
    del found["any"]
    return found
