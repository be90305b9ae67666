"""Making a device leave: the one place that decides it.

Blocking is an operator's word. A blocked device is told to leave at its next request (403
`com.apple.unrecognized.device`, which every OS since 17 and 14 knows; 401 for those before), its
CheckOut is still taken, and no enrollment lets it in again until it is unblocked.

The 401 that does not make one leave is made here too: the bearer challenge, which a device of an
account-driven enrollment answers by having its person sign in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from zmdm_plugin.errors import Conflict, Released, SignInRequired
from zmdm_plugin.models import Device, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.platform import Platform, at_least
from zmdm_plugin.services import channels, command_queue, departure, events, wake
from zmdm_plugin.services.enrollment import enrollments

_KNOWS_UNRECOGNIZED = {
    Platform.IOS: "17.0",
    Platform.IPADOS: "17.0",
    Platform.MACOS: "14.0",
    Platform.TVOS: "17.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}


def unless_allowed(device: Device) -> None:
    """Raise Released for a blocked device; every door of ours asks this."""
    if device.blocked_at is not None:
        released = Released("an operator blocked this device")
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


def block(device: Device) -> None:
    """Release the device at its next request and deny further enrollments; wakes it for that."""
    if device.blocked_at is not None:
        raise Conflict("the device is blocked already")
    device.blocked_at = utcnow()
    command_queue.end_queue(device, why="the device was blocked")
    departure.end_renewals(device, now=device.blocked_at)
    events.record("device.blocked", device=device)
    for channel in channels.open_channels(device):
        wake.channel(channel)


def unblock(device: Device) -> None:
    """Let the device enroll again; what it had left behind stays ended."""
    if device.blocked_at is None:
        raise Conflict("the device is not blocked")
    device.blocked_at = None
    events.record("device.unblocked", device=device)
