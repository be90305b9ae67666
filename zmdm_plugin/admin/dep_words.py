"""Virtual servers and DEP devices in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from zmdm_plugin.admin.words import Badge, Tone, counted, sentence
from zmdm_plugin.models import DepDevice, DepVirtualServer

_SOON: Final = timedelta(days=60)
_URGENT: Final = timedelta(days=7)
_ASSIGNMENTS: Final[dict[str, tuple[str, Tone]]] = {
    "none": ("No enrollment", "quiet"),
    "waiting": ("Waits for the profile", "warn"),
    "pending": ("To be assigned", "busy"),
    "assigned": ("Assigned", "good"),
    "removed": ("No profile, as wanted", "quiet"),
    "failed": ("Failed", "bad"),
    "not_accessible": ("Not accessible", "bad"),
    "throttled": ("Throttled", "warn"),
}
_STATUSES: Final[dict[str, tuple[str, Tone]]] = {
    "empty": ("None", "quiet"),
    "assigned": ("Assigned", "good"),
    "pushed": ("On the device", "good"),
    "removed": ("Removed", "warn"),
}


def server(row: DepVirtualServer, now: datetime) -> Badge:
    """Where a virtual server stands, the worst first."""
    if row.uuid is None:
        return Badge("Waits for its token", "busy")
    if row.access_token_expiry is None:
        return Badge("Disconnected", "quiet")
    if row.terms_not_signed_at is not None:
        return Badge("Terms not accepted", "bad")
    if row.access_token_expiry is not None and row.access_token_expiry <= now:
        return Badge("Token expired", "bad")
    if row.error is not None:
        return Badge("Fails", "bad", sentence(row.error))
    if expiry(row, now):
        return Badge("Token ends soon", "warn")
    return Badge("Connected", "good")


def expiry(row: DepVirtualServer, now: datetime) -> str:
    """What to say of a token that ends or has ended; empty while there is time."""
    ends = row.access_token_expiry
    if ends is None or ends > now + _SOON:
        return ""
    if ends <= now:
        return (
            f"The server token expired on {ends:%Y-%m-%d}: Apple answers nothing until it is "
            "renewed. Devices that are enrolled stay so."
        )
    left = counted(max(1, (ends - now).days), "day")
    return f"The server token ends on {ends:%Y-%m-%d}, in {left}. Renew it."


def stops(row: DepVirtualServer) -> str:
    """What keeps Apple from answering, beside the token's end; empty where nothing does."""
    if row.terms_not_signed_at is not None:
        return (
            "Apple wants new terms and conditions accepted. Somebody has to sign in to the portal "
            "as an administrator and accept them; until then Apple answers nothing."
        )
    return f"Apple could not be asked: {sentence(row.error)}" if row.error else ""


def is_urgent(row: DepVirtualServer, now: datetime) -> bool:
    """Whether a week is left, or less."""
    return row.access_token_expiry is not None and row.access_token_expiry <= now + _URGENT


def assignment(row: DepDevice) -> Badge:
    """How far desired and actual profile are."""
    if row.disowned_at is not None:
        return Badge("Disowned", "quiet")
    if row.deleted_at is not None:
        return Badge("No longer ours", "quiet", "Apple reports it no more")
    words, tone = _ASSIGNMENTS.get(row.assignment, (row.assignment, "quiet"))
    if row.assignment == "pending" and row.enrollment_id is None:
        words = "To be taken off"
    return Badge(words, tone, sentence(row.assignment_reason))


def status(name: str) -> Badge:
    """Apple's word for the profile of a device."""
    words, tone = _STATUSES.get(name, (name, "quiet"))
    return Badge(words, tone)


def assignment_names() -> list[tuple[str, str]]:
    """For a filter: value and words."""
    return [(name, words) for name, (words, _) in _ASSIGNMENTS.items()]


def status_names() -> list[tuple[str, str]]:
    """For a filter: value and words."""
    return [(name, words) for name, (words, _) in _STATUSES.items()]
