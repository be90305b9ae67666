"""What an answer changes: the Effects of a command, applied to rows, one function each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.commands import effects as told
from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError, Refused
from zmdm_plugin.models import (
    Channel,
    Device,
    EnrollmentSession,
    InstalledCertificate,
    InstalledProfile,
    MDMBlueprint,
)
from zmdm_plugin.models.base import Base, utcnow
from zmdm_plugin.protocol import x509
from zmdm_plugin.services import (
    command_queue,
    departure,
    events,
    hardware,
    locking,
    replan,
    unenroll,
    vault,
)
from zmdm_plugin.services.applications import inventory
from zmdm_plugin.services.apps import progress
from zmdm_plugin.services.apps_books import reclaim
from zmdm_plugin.services.artifacts import present
from zmdm_plugin.services.claims import Claimed
from zmdm_plugin.services.enrollment import renewal
from zmdm_plugin.services.protection import outcomes
from zmdm_plugin.services.setup import awaiting

_NEVER_SET = frozenset({"udid", "enrollment_uid"})
"""Who a device is was decided when its certificate was bound, not by an answer."""
_COLLECTED = {
    "DeviceInformation": ("device_information", "device_information_at"),
    "SecurityInfo": ("security_info", "security_info_at"),
}
_FACTS = frozenset(column.key for column in Device.__table__.columns) - _NEVER_SET


def apply(channel: Channel, command: Claimed, consequences: Iterable[told.Effect]) -> None:
    """Apply what a command's answer means, in order; an Effect without function is a mistake."""
    for effect in consequences:
        APPLY[type(effect)](channel, command, effect)


def _set_facts(channel: Channel, command: Claimed, effect: told.SetFacts) -> None:
    """Facts of the device come from its own channel; a user channel's answer is about the user."""
    device = channel.device
    if channel.kind != "device":
        return
    facts = hardware.kept(device, effect.columns)
    serial = facts.get("serial_number")
    if serial and device.serial_number and serial != device.serial_number:
        events.record(
            "device.serial_number_changed", device=device, before=device.serial_number, after=serial
        )
    before = replan.facts(device)
    for column, value in facts.items():
        if column in _FACTS and getattr(device, column) != value:
            setattr(device, column, value)
    awaiting.said(channel, effect.columns.get("awaiting_configuration"))
    replan.if_facts_changed(device, before)
    replan.if_lockable(channel, before)
    if (columns := _COLLECTED.get(effect.section)) is not None:
        setattr(device, columns[0], hardware.kept_answer(device, effect.body))
        setattr(device, columns[1], utcnow())
    if effect.section == "SecurityInfo":
        outcomes.learned(channel, command)


def _replace(model: type[Base], channel: Channel, rows: list[dict[str, Any]]) -> None:
    """Put a whole list in the place of the former one, in two statements."""
    session().execute(
        sa.delete(model).where(model.__table__.c.channel_id == channel.id),
        execution_options={"synchronize_session": False},
    )
    if rows:
        session().execute(sa.insert(model), [{"channel_id": channel.id, **row} for row in rows])


def _collects_managed(channel: Channel, what: str) -> bool:
    """Whether managed items are all that the device's blueprint wants listed."""
    blueprint_id = channel.device.blueprint_id
    blueprint = session().get(MDMBlueprint, blueprint_id) if blueprint_id is not None else None
    return blueprint is not None and getattr(blueprint, what) == "managed"


def _replace_apps(channel: Channel, _command: Claimed, effect: told.ReplaceApps) -> None:
    asked_for = frozenset(effect.asked)
    progress.listed(channel, effect.apps, managed_only=effect.managed_only, asked_for=asked_for)
    if not effect.complete:
        return
    if effect.managed_only and not _collects_managed(channel, "collect_apps"):
        return
    inventory.listed(channel, effect.apps, now=utcnow())
    _stamp(channel, "applications_at")


def _managed_apps(channel: Channel, _command: Claimed, effect: told.ManagedApps) -> None:
    progress.managed(channel, effect.apps, whole=not effect.asked)
    inventory.managed(channel, effect.apps, whole=not effect.asked, now=utcnow())


def _app_taken(channel: Channel, _command: Claimed, effect: told.AppTaken) -> None:
    progress.taken(channel, effect.artifact, effect.version, effect.state, effect.identifier)


def _replace_certificates(
    channel: Channel, _command: Claimed, effect: told.ReplaceCertificates
) -> None:
    if effect.managed_only and not _collects_managed(channel, "collect_certificates"):
        return
    _replace(InstalledCertificate, channel, [_certificate(one) for one in effect.certificates])
    _stamp(channel, "certificates_at")


def _certificate(one: told.Certificate) -> dict[str, Any]:
    """A certificate that we cannot read is listed all the same, by its fingerprint."""
    row: dict[str, Any] = {
        "common_name": one.common_name[:512],
        "is_identity": one.is_identity,
        "fingerprint": hashlib.sha256(one.data).hexdigest(),
        "subject": None,
        "issuer": None,
        "not_before": None,
        "not_after": None,
    }
    try:
        facts = x509.facts(one.data)
    except ProtocolError:
        return row
    return {
        **row,
        "subject": _name(facts.subject),
        "issuer": _name(facts.issuer),
        "not_before": facts.not_before,
        "not_after": facts.not_after,
    }


def _name(parts: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{kind}={value}" for kind, value in parts)[:1024]


def _replace_profiles(channel: Channel, _command: Claimed, effect: told.ReplaceProfiles) -> None:
    """Profiles of ours are managed ones, so that either list tells whether they are there."""
    present.compared(channel, {one.identifier: one.uuid for one in effect.profiles})
    outcomes.profiles_seen(channel, frozenset(one.identifier for one in effect.profiles))
    if effect.managed_only and not _collects_managed(channel, "collect_profiles"):
        return
    rows = [
        {
            "identifier": profile.identifier[:512],
            "payload_uuid": profile.uuid[:128],
            "display_name": (profile.display_name or "")[:512] or None,
            "is_managed": profile.managed,
            "is_encrypted": profile.encrypted,
            "removal_disallowed": profile.removal_disallowed,
            "payloads": [asdict(payload) for payload in profile.payloads],
        }
        for profile in effect.profiles
    ]
    _replace(InstalledProfile, channel, rows)
    _stamp(channel, "profiles_at")


def _stamp(channel: Channel, column: str) -> None:
    if channel.kind == "device":
        setattr(channel.device, column, utcnow())


def _profile_installed(channel: Channel, _command: Claimed, effect: told.ProfileInstalled) -> None:
    _note(channel, "profile.installed", identifier=effect.identifier)


def _profile_removed(channel: Channel, _command: Claimed, effect: told.ProfileRemoved) -> None:
    session().execute(
        sa.delete(InstalledProfile).where(
            InstalledProfile.channel_id == channel.id,
            InstalledProfile.identifier == effect.identifier,
        ),
        execution_options={"synchronize_session": False},
    )
    _note(channel, "profile.removed", identifier=effect.identifier)


def _profile_failed(channel: Channel, _command: Claimed, effect: told.ProfileFailed) -> None:
    _note(channel, "profile.failed", identifier=effect.identifier, why=effect.why[:500])


def _artifact_installed(
    channel: Channel, _command: Claimed, effect: told.ArtifactInstalled
) -> None:
    present.installed(channel, effect.artifact, effect.version)


def _artifact_not_installed(
    channel: Channel, _command: Claimed, effect: told.ArtifactNotInstalled
) -> None:
    present.failed(channel, effect.artifact, effect.version, effect.why)


def _artifact_removed(channel: Channel, _command: Claimed, effect: told.ArtifactRemoved) -> None:
    present.removed(channel, effect.artifact)


def _artifact_not_removed(
    channel: Channel, _command: Claimed, effect: told.ArtifactNotRemoved
) -> None:
    present.not_removed(channel, effect.artifact, effect.why)


def _identity_renewed(channel: Channel, _command: Claimed, effect: told.IdentityRenewed) -> None:
    """From its answer on the former identity has its grace, if the new one is in use already."""
    if (passing := _session(effect.session)) is not None:
        replan.not_later(channel, renewal.taken(passing))


def _renewal_failed(channel: Channel, _command: Claimed, effect: told.RenewalFailed) -> None:
    if (passing := _session(effect.session)) is not None:
        replan.not_later(channel, renewal.failed(passing, effect.why))
    _note(channel, "identity.renewal_failed", why=effect.why[:500])


def _session(uid: str) -> EnrollmentSession | None:
    return session().scalar(sa.select(EnrollmentSession).where(EnrollmentSession.uid == uid))


def _setup_released(channel: Channel, command: Claimed, _effect: told.SetupReleased) -> None:
    awaiting.released(channel, how=f"{command.name} was acknowledged")


def _declarations(channel: Channel, _command: Claimed, _effect: told.DeclarationsEnabled) -> None:
    channel.device.declarative_management = True


def _locked(channel: Channel, command: Claimed, _effect: told.Locked) -> None:
    locking.locked(channel)
    _note(channel, "device.locked", command=command.uuid)


def _not_locked(channel: Channel, command: Claimed, _effect: told.NotLocked) -> None:
    vault.deny(channel.device_id, command.uuid)


def _gone(channel: Channel, _command: Claimed, effect: told.DeviceGone) -> None:
    """Erased: it left without a CheckOut and comes back, if at all, by a new enrollment."""
    device, now = channel.device, utcnow()
    device.checkout_at, device.leaving_at = now, None
    departure.end(device, why=f"the device was {effect.why}", now=now)
    reclaim.erased(device, returns=effect.returns)
    _note(channel, "device.gone", why=effect.why)


def _unenrolled(channel: Channel, _command: Claimed, _effect: told.Unenrolled) -> None:
    """Its CheckOut may still come, and may be lost: it is sent once."""
    if channel.device.checkout_at is None:
        unenroll.left(channel.device, kind="device.unenrolled")


def _leave_refused(channel: Channel, _command: Claimed, effect: told.LeaveRefused) -> None:
    unenroll.refused(channel.device, effect.why)


def _local_users(channel: Channel, _command: Claimed, effect: told.LocalUsers) -> None:
    channel.device.local_users = [dict(user) for user in effect.users]
    channel.device.local_users_at = utcnow()


def _noted(channel: Channel, command: Claimed, effect: told.Note) -> None:
    _note(channel, "command.note", command=command.uuid, text=effect.text[:500])


def _unreadable(channel: Channel, command: Claimed, effect: told.Unreadable) -> None:
    _note(channel, "answer.unreadable", command=command.uuid, key=effect.key)


def _follow_up(channel: Channel, command: Claimed, effect: told.FollowUp) -> None:
    later = utcnow() + timedelta(seconds=effect.after) if effect.after else None
    try:
        command_queue.enqueue(
            channel,
            effect.name,
            effect.args,
            actor=SYSTEM,
            not_before=later,
            planned_by="follow-up",
            wakes=False,
        )
    except Refused as refusal:
        _note(channel, "command.note", command=command.uuid, text=refusal.why)


def _note(channel: Channel, kind: str, **payload: Any) -> None:
    events.record(kind, device=channel.device, channel=channel.key or None, **payload)


APPLY: dict[type[told.Effect], Callable[[Channel, Claimed, Any], None]] = {
    told.SetFacts: _set_facts,
    told.ReplaceApps: _replace_apps,
    told.ManagedApps: _managed_apps,
    told.AppTaken: _app_taken,
    told.ReplaceCertificates: _replace_certificates,
    told.ReplaceProfiles: _replace_profiles,
    told.ProfileInstalled: _profile_installed,
    told.ProfileRemoved: _profile_removed,
    told.ProfileFailed: _profile_failed,
    told.ArtifactInstalled: _artifact_installed,
    told.ArtifactNotInstalled: _artifact_not_installed,
    told.ArtifactRemoved: _artifact_removed,
    told.ArtifactNotRemoved: _artifact_not_removed,
    told.IdentityRenewed: _identity_renewed,
    told.RenewalFailed: _renewal_failed,
    told.SetupReleased: _setup_released,
    told.DeclarationsEnabled: _declarations,
    told.LocalUsers: _local_users,
    told.Locked: _locked,
    told.NotLocked: _not_locked,
    told.DeviceGone: _gone,
    told.Unenrolled: _unenrolled,
    told.LeaveRefused: _leave_refused,
    told.Note: _noted,
    told.FollowUp: _follow_up,
    told.Unreadable: _unreadable,
    **outcomes.APPLY,
}
