"""Return to Service: what an erased device is given so that it comes back by itself.

Everything is made as it is handed out: the Wi-Fi profile as its artifact is then, the enrollment
profile with a challenge of its own, the bootstrap token as the device escrowed it. Who comes by
Automated Device Enrollment gets the enrollment profile from there, unless somebody would have to
sign in for it: this device was signed in for before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused, ZmdmError
from zmdm_plugin.models import AdeSettings, Channel, Device, Enrollment, EnrollmentSession
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import channels, events, targets, vault
from zmdm_plugin.services.artifacts import artifacts, profiles, versions
from zmdm_plugin.services.enrollment import enrollments, sessions
from zmdm_plugin.services.enrollment import profiles as enrolling

KIND = "return"
_RETRY = {Platform.IOS: "27.0"}
_DATA_PLAN = {Platform.IOS: "26.4"}


def material(channel: Channel, args: Mapping[str, Any]) -> dict[str, bytes]:
    """What EraseDevice needs beyond its arguments; NotFound or Refused where it cannot be made."""
    device, found = channel.device, {}
    if args.get("wifi_artifact"):
        found["wifi_profile"] = _wifi(channel, args["wifi_artifact"])
    if args.get("preserve_apps"):
        found["bootstrap_token"] = _bootstrap_token(device)
    if not args.get("mdm_profile") and (profile := _mdm_profile(device)) is not None:
        found["mdm_profile"] = profile
    return found


def on_reset(device: Device) -> dict[str, Any]:
    """What a device is told that is reset by its user, or resets itself: its enrollment decides.

    It is reset whatever we answer: what cannot be made is left out, and an event says why.
    """
    settings = _ade(device)
    if settings is None or not settings.is_return_to_service:
        return {"enabled": False}
    try:
        profile = _mdm_profile(device)
    except ZmdmError as error:
        events.record("device.returns_without", device=device, what="profile", why=str(error))
        return {"enabled": False}
    channel = channels.open_channels(device)[0]
    knows = targets.target(channel).knows
    found: dict[str, Any] = {
        "enabled": True,
        "mdm_profile": profile,
        "wifi_profile": _wifi_on_reset(channel, settings.return_wifi_artifact_id),
        "retry": settings.return_retry_enrollment and knows(_RETRY),
    }
    if settings.return_preserve_apps:
        found["bootstrap_token"] = vault.unseal(device, vault.BOOTSTRAP_TOKEN)
    if knows(_DATA_PLAN):
        found["preserve_data_plan"] = settings.return_preserve_data_plan
    return found


def _wifi_on_reset(channel: Channel, artifact_id: int | None) -> bytes | None:
    """None also for one that cannot be made: it may have Ethernet, or mobile data."""
    if artifact_id is None:
        return None
    try:
        return _wifi(channel, artifact_id)
    except ZmdmError as error:
        device, why = channel.device, str(error)
        events.record("device.returns_without", device=device, what="wifi", why=why)
        return None


def _wifi(channel: Channel, artifact_id: int) -> bytes:
    artifact = artifacts.find(artifact_id)
    version = versions.find_current(artifact) if artifact.type == "profile" else None
    if version is None:
        raise NotFound(f"the artifact {artifact.name} has no profile for the Wi-Fi")
    return profiles.render(version, channel)


def _bootstrap_token(device: Device) -> bytes:
    token = vault.unseal(device, vault.BOOTSTRAP_TOKEN)
    if token is None:
        raise NotFound("the device has not given us a bootstrap token")
    return token


def _mdm_profile(device: Device) -> bytes | None:
    """A profile for this device alone; None where it asks for one itself after it is erased."""
    came_by = device.session.enrollment if device.session is not None else None
    if came_by is None:
        raise Refused("mdm_profile", "its enrollment is not known: give an enrollment profile")
    if _asks_itself(device, came_by):
        return None
    if came_by.kind == enrollments.ACCOUNT:
        why = "its person has to sign in for its enrollment: give an enrollment profile"
        raise Refused("mdm_profile", why)
    enrollments.check(came_by, serial_number=device.serial_number, udid=device.udid)
    return enrolling.signed(enrolling.for_session(_session(device, came_by)))


def _asks_itself(device: Device, came_by: Enrollment) -> bool:
    return bool(
        came_by.kind == enrollments.ADE
        and device.dep_enrollment is not False
        and came_by.realm_id is None
    )


def _session(device: Device, came_by: Enrollment) -> EnrollmentSession:
    """The session that waits, should the same be asked for twice, or a new one."""
    waiting = session().scalar(
        sa.select(EnrollmentSession)
        .where(
            EnrollmentSession.device_id == device.id,
            EnrollmentSession.kind == KIND,
            EnrollmentSession.state == "profiled",
            EnrollmentSession.enrollment_id == came_by.id,
            EnrollmentSession.expires_at > utcnow(),
        )
        .order_by(EnrollmentSession.id.desc())
        .limit(1)
    )
    if waiting is not None:
        return waiting
    return sessions.start(
        came_by,
        KIND,
        "profiled",
        device_id=device.id,
        serial_number=device.serial_number,
        udid=device.udid,
        realm_user_id=device.realm_user_id,
    )


def _ade(device: Device) -> AdeSettings | None:
    if device.session is None:
        return None
    wanted = AdeSettings.enrollment_id == device.session.enrollment_id
    return session().scalar(sa.select(AdeSettings).where(wanted))
