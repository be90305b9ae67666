"""Times, states and numbers as people say them; pure functions, handed to every template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from zmdm_plugin.admin.asked import is_day as is_day
from zmdm_plugin.commands.base import REDACTED
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import event_kinds
from zmdm_plugin.services.spans import ago as ago
from zmdm_plugin.services.spans import counted as counted
from zmdm_plugin.services.spans import span as span

Tone = Literal["good", "bad", "warn", "busy", "quiet"]

# A single small letter begins a name of Apple's: iTunes, eSIM.
_BREAK = re.compile(r"(?<=[A-Za-z0-9][a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_.]+")
_CAPITALS = {
    "Api": "API",
    "Apns": "APNs",
    "Ca": "CA",
    "Csr": "CSR",
    "Dn": "DN",
    "Dns": "DNS",
    "Id": "ID",
    "Ip": "IP",
    "Mac": "MAC",
    "Mdm": "MDM",
    "Os": "OS",
    "Qr": "QR",
    "Ota": "OTA",
    "Pin": "PIN",
    "Scep": "SCEP",
    "Sip": "SIP",
    "Udid": "UDID",
    "Url": "URL",
    "Udids": "UDIDs",
    "Uuid": "UUID",
    "Wifi": "Wi-Fi",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in one or two words; the tone only repeats what the words say."""

    words: str
    tone: Tone
    hint: str = ""


def stamp(moment: datetime | None) -> str:
    """`2026-11-22 09:15:03 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""


def machine(moment: datetime) -> str:
    """RFC 3339 in UTC, for `<time datetime>`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def label(name: str) -> str:
    """`OSVersion` and `os_version` as `OS version`: Apple's keys, made readable."""
    parts = [part for part in _BREAK.split(name) if part]
    shown = []
    for number, part in enumerate(parts):
        known = _CAPITALS.get(part.capitalize())
        if known or (len(part) > 1 and (part.isupper() or part[1].isupper())):
            shown.append(known or part)
        else:
            shown.append(part.capitalize() if number == 0 else part.lower())
    return " ".join(shown)


def sentence(text: str | None) -> str:
    """A reason as a sentence: it begins with a capital and ends with a stop."""
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def size(number: float | None) -> str:
    """Bytes as people read them; Apple counts in thousands."""
    if number is None:
        return ""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit in {"bytes", "kB"} else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def plain(value: Any) -> str:
    """One value of a plist or of JSON in words."""
    match value:
        case None | "" | [] | {}:
            return "–"
        case bool():
            return "yes" if value else "no"
        case str() if value == REDACTED:
            return "hidden"
        case datetime():
            return stamp(value if value.tzinfo else value.replace(tzinfo=UTC))
        case bytes():
            return f"{len(value):,} bytes: {value[:24].hex()}{'…' if len(value) > 24 else ''}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def is_tree(value: Any) -> bool:
    """Whether a value has parts worth a table of their own."""
    return isinstance(value, Mapping | list | tuple) and bool(value)


def webhook(hook: Any) -> Badge:
    """Whether it is on, and whether anybody answers."""
    if not hook.enabled:
        return Badge("Off", "quiet")
    if hook.next_try_at:
        return Badge("No answer", "bad", f"since {hook.failures} tries")
    late = hook.last_error_at and (hook.last_success_at or hook.created_at) < hook.last_error_at
    if late:
        return Badge("Refuses events", "warn", hook.last_error or "")
    return Badge("On", "good")


def enrollment(device: Any) -> Badge:
    """Where a device stands with us."""
    stands: tuple[tuple[datetime | None, str, Tone], ...] = (
        (device.archived_at, "Archived", "quiet"),
        (device.blocked_at, "Blocked", "bad"),
        (device.checkout_at, "Checked out", "quiet"),
        (device.released_at, "Released", "quiet"),
        (device.leaving_at, "Leaving", "busy"),
        (device.enrolled_at, "Enrolled", "good"),
    )
    for since, shown, tone in stands:
        if since:
            return Badge(shown, tone, f"since {stamp(since)}")
    return Badge("Not enrolled", "warn", "It has not sent its first TokenUpdate.")


def push(channel: Any | None) -> Badge:
    """Whether we can wake a channel, and how the last attempt went."""
    if channel is None or channel.ended_at:
        return Badge("No push", "quiet", "Nothing is sent to it any more.")
    if channel.push_token is None:
        return Badge("No token", "warn", "It has not told us how to wake it.")
    if channel.push_dead_at:
        return Badge("Dead token", "bad", "Apple says this push token is no longer valid.")
    if channel.push_suspended_certificate_id:
        return Badge("Push refused", "bad", f"Apple refuses its token: {channel.push_reason}")
    if channel.push_due_at:
        if channel.push_attempts:
            return Badge("Retrying", "warn", f"{channel.push_reason or 'the push service is away'}")
        return Badge("Waking", "busy", f"due {stamp(channel.push_due_at)}")
    if channel.push_status and channel.push_status != 200:
        return Badge("Push failed", "bad", channel.push_reason or f"status {channel.push_status}")
    return Badge("Push works", "good", f"last pushed {stamp(channel.pushed_at)}".rstrip())


_COMMAND: dict[str, tuple[str, Tone]] = {
    "queued": ("Queued", "busy"),
    "delivered": ("Delivered", "busy"),
    "not_now": ("Not now", "warn"),
    "acknowledged": ("Acknowledged", "good"),
    "error": ("Error", "bad"),
    "expired": ("Expired", "warn"),
    "cancelled": ("Cancelled", "quiet"),
    "superseded": ("Replaced", "quiet"),
    "unknown": ("Unknown", "warn"),
}


def command(item: Any) -> Badge:
    """The state of a command."""
    return state_of_command(item.state)


def state_of_command(state: str) -> Badge:
    """The same by its name alone."""
    shown, tone = _COMMAND.get(state, (label(state), "quiet"))
    return Badge(shown, tone)


def validity(not_after: datetime | None, now: datetime) -> Badge:
    """How long a certificate will still do."""
    if not_after is None:
        return Badge("No certificate", "warn")
    left = not_after - now
    if left <= timedelta(0):
        return Badge("Expired", "bad", stamp(not_after))
    if left <= timedelta(days=30):
        tone: Tone = "bad" if left <= timedelta(days=7) else "warn"
        return Badge(f"Expires in {span(left)}", tone, stamp(not_after))
    return Badge("Valid", "good", f"until {stamp(not_after)}")


def open_to_devices(enrollment_row: Any, now: datetime) -> Badge:
    """Whether an enrollment still takes devices in, and if not, why."""
    if enrollment_row.revoked_at:
        return Badge("Revoked", "quiet", f"at {stamp(enrollment_row.revoked_at)}")
    if enrollment_row.expires_at and enrollment_row.expires_at <= now:
        return Badge("Expired", "warn", f"at {stamp(enrollment_row.expires_at)}")
    if enrollment_row.quota is not None and enrollment_row.request_count >= enrollment_row.quota:
        return Badge("Used up", "warn", f"all {enrollment_row.quota} places are taken")
    return Badge("Open", "good")


def token(row: Any, now: datetime) -> Badge:
    """Whether an API token still works."""
    if row.revoked_at:
        return Badge("Revoked", "quiet", f"at {stamp(row.revoked_at)}")
    if row.expires_at and row.expires_at <= now:
        return Badge("Expired", "warn", f"at {stamp(row.expires_at)}")
    return Badge("Good", "good")


_RUN: dict[str, tuple[str, Tone]] = {
    "queued": ("Waits for a worker", "quiet"),
    "running": ("Running", "busy"),
    "done": ("Done", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Stopped", "warn"),
}


_SESSION: dict[str, tuple[str, Tone]] = {
    "described": ("Has said what it is", "busy"),
    "profiled": ("Has its profile", "busy"),
    "authenticated": ("Has authenticated", "busy"),
    "completed": ("Enrolled", "good"),
    "superseded": ("Replaced", "quiet"),
}


def session(item: Any) -> Badge:
    """How far an enrollment session got."""
    shown, tone = _SESSION.get(item.state, (label(item.state), "quiet"))
    return Badge(shown, tone)


def run(item: Any) -> Badge:
    """The state of long work."""
    shown, tone = _RUN.get(item.state, (label(item.state), "quiet"))
    return Badge(shown, tone)


_DONE = {
    "acknowledge": "acknowledged",
    "add": "added",
    "adopt": "adopted",
    "allow": "allowed",
    "archive": "archived",
    "assign": "assigned",
    "block": "blocked",
    "cancel": "cancelled",
    "change": "changed",
    "clear": "cleared",
    "connect": "connected",
    "create": "created",
    "define": "defined",
    "delete": "deleted",
    "disconnect": "disconnected",
    "disown": "disowned",
    "download": "downloaded",
    "enforce": "enforced",
    "export": "exported",
    "fetch": "fetched",
    "forget": "forgotten",
    "import": "imported",
    "link": "linked",
    "poke": "woken",
    "prepare": "made ready",
    "queue": "queued",
    "refresh": "refreshed",
    "release": "released",
    "renew": "renewed",
    "replace": "to be replaced",
    "replay": "sent again",
    "reseal": "sealed anew",
    "retry": "tried again",
    "reveal": "revealed",
    "revoke": "revoked",
    "set": "set",
    "sign": "signed",
    "snooze": "snoozed",
    "stage": "made ready",
    "start": "started",
    "stay": "stays",
    "stop": "stopped",
    "sync": "synchronized",
    "tag": "tagged",
    "unarchive": "taken out of the archive",
    "unblock": "unblocked",
    "unenroll": "asked to leave",
    "unlink": "unlinked",
    "unsnooze": "put off no more",
    "untag": "untagged",
    "update": "updated",
    "upload": "uploaded",
    "view": "looked at",
}
_NOUNS = {
    "account_enrollment": "User enrollment",
    "ca": "CA",
    "dep_device": "DEP device",
    "dep_virtual_server": "Virtual server",
    "realm_user": "Person",
    "token": "API token",
    "issuer": "SCEP issuer",
    "filevaultconfig": "FileVault configuration",
    "recoverypasswordconfig": "Recovery password configuration",
    "bulk": "Bulk action",
}
_WHOLE = {
    "dep_virtual_server.default": "Default enrollment of a virtual server changed",
    "device.blueprint": "Device given a blueprint",
    "location.take_over": "Location taken over",
}
"""What no noun and verb would say."""
_KINDS = {
    "AccountSettings": "User enrollment",
    "AdeSettings": "Enrollment",
    "ApiToken": "API token",
    "BlueprintArtifact": "Artifact of a blueprint",
    "CertificateAuthority": "CA",
    "ChannelCommand": "Command",
    "DepDevice": "DEP device",
    "DepVirtualServer": "Virtual server",
    "FileVaultConfig": "FileVault configuration",
    "JobRun": "Job",
    "LocationAsset": "Licences",
    "MDMBlueprint": "Blueprint",
    "RealmUser": "Person",
    "RecoveryPasswordConfig": "Recovery password configuration",
    "ScepIssuer": "SCEP issuer",
}


def action(name: str) -> str:
    """What an audit entry says was done: `device.block` as `Device blocked`,
    `enrollment.reveal_qr_code` as `Enrollment QR code revealed`.
    """
    noun, _, what = name.partition(".")
    verb, _, rest = what.partition("_")
    about = _NOUNS.get(noun) or label(noun)
    if name in _WHOLE or verb not in _DONE:
        return _WHOLE.get(name) or " ".join((about, label(what).lower())).rstrip()
    detail = label(rest)
    detail = detail if detail[:2].isupper() else detail.lower()
    return " ".join(part for part in (about, detail, _DONE[verb]) if part)


def event(name: str) -> str:
    """What happened: `artifact.not_removed` as `Artifact could not be removed`."""
    return event_kinds.title(name) or label(name)


def kind(object_type: str) -> str:
    """What an audit entry is about, as people call it."""
    return _kinds().get(object_type) or label(object_type)


@cache
def _kinds() -> dict[str, str]:
    """The name of each class of rows, in small letters as entries have it, as people call it."""
    names = [mapper.class_.__name__ for mapper in Base.registry.mappers]
    return {name.lower(): _KINDS.get(name) or label(name) for name in names}
