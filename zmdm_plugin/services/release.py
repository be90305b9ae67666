"""Making a device leave: the one place that decides it.

Blocking and releasing are an operator's words. Such a device is told to leave at its next request
(403 `com.apple.unrecognized.device`, which every OS since 17 and 14 knows; 401 for those before),
and its CheckOut is still taken. No enrollment lets a *blocked* one in again until it is unblocked;
a *released* one, on which nobody counts any more, may enroll anew whenever it comes.

The 401 that does not make one leave is made here too: the bearer challenge, which a device of an
account-driven enrollment answers by having its person sign in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from zmdm_plugin.errors import Conflict, Released, SignInRequired
from zmdm_plugin.models import Device, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.platform import Platform, at_least
from zmdm_plugin.services import (
    channels,
    command_queue,
    departure,
    events,
    licence_marks,
    wake,
)
from zmdm_plugin.services.apps_books import reclaim
from zmdm_plugin.services.enrollment import enrollments

_KNOWS_UNRECOGNIZED = {
    Platform.IOS: "17.0",
    Platform.IPADOS: "17.0",
    Platform.MACOS: "14.0",
    Platform.TVOS: "17.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}


def unless_allowed(device: Device, *, anew: bool = False) -> None:
    """Raise Released for a blocked or released device; every door of ours asks this.

    `anew`: it speaks with the identity of an enrollment that is under way, which a released device
    may go through.
    """
    if device.blocked_at is not None or (device.released_at is not None and not anew):
        word = "blocked" if device.blocked_at is not None else "released"
        released = Released(f"an operator {word} this device")
        released.status = 403 if knows_unrecognized(device) else 401
        raise released


def knows_unrecognized(device: Device) -> bool:
    """Whether its OS understands the answer that names the reason."""
    if not device.platform or not device.os_version:
        return False
    return at_least(device.os_version, _KNOWS_UNRECOGNIZED[Platform(device.platform)])


def ask_to_sign_in(row: Enrollment, *, trace: Callable[[], object] | None = None) -> NoReturn:
    """Raise SignInRequired, for devices of this account-driven enrollment alone."""
    if row.kind != enrollments.ACCOUNT:
        raise ValueError("a 401 would make devices of other enrollments leave")
    raise SignInRequired(f"{enrollments.link(row)}authenticate/", trace=trace)


def block(device: Device, *, bulk: bool = False) -> None:
    """Release the device at its next request and deny further enrollments; wakes it for that."""
    if device.blocked_at is not None:
        raise Conflict("the device is blocked already")
    device.blocked_at = utcnow()
    device.leaving_at = None
    _stop(device, why="the device was blocked", now=device.blocked_at, bulk=bulk)
    reclaim.left(device)
    events.record("device.blocked", device=device)


def unblock(device: Device) -> None:
    """Let the device enroll again; what it had left behind stays ended."""
    if device.blocked_at is None:
        raise Conflict("the device is not blocked")
    device.blocked_at = None
    licence_marks.mark(device.serial_number)  # if it was not told yet, it is still managed
    events.record("device.unblocked", device=device)


def let_go(device: Device, *, bulk: bool = False) -> None:
    """Count on the device no longer: it is gone, or does not leave when it is asked to."""
    if device.dismissed:
        raise Conflict("the device is told to leave already, at its next request")
    if device.enrolled_at is None or device.checkout_at is not None:
        raise Conflict("the device is not enrolled")
    device.released_at, device.leaving_at = utcnow(), None
    _stop(device, why="the device was released", now=device.released_at, bulk=bulk)
    reclaim.left(device)
    events.record("device.released", device=device)


def _stop(device: Device, *, why: str, now: datetime, bulk: bool) -> None:
    """Nothing but the word to leave is left for it; it is woken for that, and daily until then."""
    command_queue.end_queue(device, why=why)
    departure.end_renewals(device, now=now)
    for channel in channels.open_channels(device):
        channel.plan_due_at = now
        wake.channel(channel, bulk=bulk)
