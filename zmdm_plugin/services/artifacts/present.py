"""What became of artifacts on a channel: ordered, installed, failed, gone; one row for each.

Everything here runs in the channel's own conversation, which holds the channel's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel, ChannelArtifact
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, licence_marks
from zmdm_plugin.services.artifacts import values
from zmdm_plugin.services.artifacts.wanted import INSTALL, REMOVE, wait_after

COMMAND, DECLARATION = "command", "declaration"
_INSTALLS = frozenset(INSTALL.values())
_REMOVALS = frozenset(REMOVE.values())
_LONGEST = 1000


def noted(channel: Channel, command: str, args: Mapping[str, Any]) -> None:
    """The planner queued a command: if it is about an artifact, that is on its way."""
    if command in _INSTALLS:
        ordered(channel, args["artifact"], args["version"])
    elif command in _REMOVALS:
        leaving(channel, args["artifact"])


def refused(channel: Channel, command: str, args: Mapping[str, Any], why: str) -> None:
    """It could not be queued, or not be made for delivery."""
    if command in _INSTALLS:
        failed(channel, args["artifact"], args["version"], why)
    elif command in _REMOVALS:
        not_removed(channel, args["artifact"], why)


def ordered(channel: Channel, artifact_id: int, version_id: int) -> None:
    """An install was queued."""
    row = ensure(channel, artifact_id)
    if row.tried_version_id != version_id:
        row.attempts = 0
    row.status, row.via = "pending", COMMAND
    row.tried_version_id, row.tried_at, row.next_try_at = version_id, utcnow(), None
    row.tried_values, row.unresolved = _values(channel, version_id), None
    row.checks, row.check_at = 0, None


def leaving(channel: Channel, artifact_id: int) -> None:
    """A removal was queued."""
    row = ensure(channel, artifact_id)
    row.status, row.tried_at, row.next_try_at = "removing", utcnow(), None


def installed(channel: Channel, artifact_id: int, version_id: int) -> None:
    """The device took it; what waits for it may go now."""
    row = ensure(channel, artifact_id)
    row.status, row.via = "installed", COMMAND
    row.installed_version_id, row.installed_at = version_id, utcnow()
    row.installed_os = channel.device.os_version
    row.installed_values = row.tried_values if row.tried_version_id == version_id else None
    row.tried_version_id = version_id
    row.install_count += 1
    row.attempts, row.next_try_at, row.reasons, row.unresolved = 0, None, None, None
    _plan_soon(channel)
    _tell(channel, "artifact.installed", artifact_id, version=version_id)


def failed(channel: Channel, artifact_id: int, version_id: int, why: str) -> None:
    """It was refused, by the device or before it was sent; tried again after a growing wait."""
    row = ensure(channel, artifact_id)
    if row.tried_version_id not in (None, version_id):
        return
    row.status = "failed"
    row.tried_version_id, row.tried_at = version_id, row.tried_at or utcnow()
    row.attempts += 1
    row.next_try_at = utcnow() + wait_after(row.attempts)
    row.reasons = [{"code": None, "description": why[:_LONGEST]}]
    plan_by(channel, row.next_try_at)
    _tell(channel, "artifact.failed", artifact_id, version=version_id, why=why[:500])


def blocked(channel: Channel, artifact_id: int, version_id: int, names: Iterable[str]) -> None:
    """Variables without a value: nothing is sent, and what is on the device stays."""
    row = ensure(channel, artifact_id)
    if row.unresolved == sorted(names) and row.tried_version_id == version_id:
        return
    row.unresolved, row.tried_version_id = sorted(names), version_id
    if row.installed_version_id is None:
        row.status = "pending"
    _tell(channel, "artifact.unresolved", artifact_id, variables=row.unresolved)


def removed(channel: Channel, artifact_id: int) -> None:
    """It is gone from the device."""
    session().execute(
        sa.delete(ChannelArtifact).where(
            ChannelArtifact.channel_id == channel.id, ChannelArtifact.artifact_id == artifact_id
        )
    )
    licence_marks.mark(channel.device.serial_number)
    _plan_soon(channel)
    _tell(channel, "artifact.removed", artifact_id)


def left(channel: Channel, artifact_id: int) -> None:
    """It is not wanted any more, and no command takes it off: it stays, and is not ours."""
    session().execute(
        sa.delete(ChannelArtifact).where(
            ChannelArtifact.channel_id == channel.id, ChannelArtifact.artifact_id == artifact_id
        )
    )
    licence_marks.mark(channel.device.serial_number)
    _tell(channel, "artifact.left", artifact_id)


def waiting(channel: Channel, artifact_id: int, version_id: int, code: str, why: str) -> None:
    """Something outside the device is missing: nothing is sent until that is there."""
    row = ensure(channel, artifact_id)
    reasons = [{"code": code, "description": why[:_LONGEST]}]
    if row.reasons == reasons and row.tried_version_id == version_id:
        return
    row.reasons, row.tried_version_id, row.tried_at = reasons, version_id, None
    if row.installed_version_id is None:
        row.status = "pending"


def withdrawn(channel: Channel, artifact_id: int) -> None:
    """Its install was taken back before the device knew of it."""
    row = ensure(channel, artifact_id)
    if row.installed_version_id is None:
        session().delete(row)
        licence_marks.mark(channel.device.serial_number)
    else:
        row.status, row.tried_version_id = "installed", row.installed_version_id
    session().flush()


def forget_failed(channel: Channel, chosen: Iterable[int]) -> None:
    """What never came to be there, and is no longer wanted, is nobody's business any more.

    An order that was never answered is kept: the list of profiles may yet tell that it is there.
    """
    row = ChannelArtifact
    never_sent = sa.and_(row.status == "pending", row.tried_at.is_(None))
    session().execute(
        sa.delete(row).where(
            row.channel_id == channel.id,
            row.via == COMMAND,
            row.installed_version_id.is_(None),
            sa.or_(row.status.in_(("failed", "uninstalled")), never_sent),
            row.artifact_id.not_in(list(chosen)),
        )
    )


def not_removed(channel: Channel, artifact_id: int, why: str) -> None:
    """The device keeps it; asked again after a growing wait."""
    row = ensure(channel, artifact_id)
    row.status, row.attempts = "removal_failed", row.attempts + 1
    row.next_try_at = utcnow() + wait_after(row.attempts)
    row.reasons = [{"code": None, "description": why[:_LONGEST]}]
    plan_by(channel, row.next_try_at)
    _tell(channel, "artifact.not_removed", artifact_id, why=why[:500])


def retry(channel: Channel, artifact_id: int) -> None:
    """By hand: whatever was tried before, it is tried once more, at the next occasion."""
    row = ensure(channel, artifact_id)
    row.attempts, row.next_try_at, row.tried_version_id, row.tried_at = 0, None, None, None
    row.retry_count += 1
    if row.via == COMMAND:
        row.status, row.installed_version_id = "pending", None
    channel.plan_due_at = utcnow()


def compared(channel: Channel, uuids: Mapping[str, str]) -> None:
    """Put right what the list of profiles (PayloadIdentifier -> PayloadUUID) says otherwise.

    A profile of ours that somebody removed or replaced is missing again; one whose answer was
    lost is there.
    """
    rows = session().execute(
        sa.select(ChannelArtifact, Artifact.identifier)
        .join(Artifact, Artifact.id == ChannelArtifact.artifact_id)
        .where(
            ChannelArtifact.channel_id == channel.id,
            ChannelArtifact.via == COMMAND,
            Artifact.type == "profile",
        )
    )
    for row, identifier in rows.all():
        there = uuids.get(identifier, "").upper()
        if row.installed_version_id is not None:
            if there != _uuid(row.installed_version_id):
                _lost(channel, row)
        elif there and row.tried_version_id and there == _uuid(row.tried_version_id):
            installed(channel, row.artifact_id, row.tried_version_id)


def _lost(channel: Channel, row: ChannelArtifact) -> None:
    if row.status == "removing":
        removed(channel, row.artifact_id)
        return
    gone(channel, row, "It was removed or replaced on the device.")


def gone(channel: Channel, row: ChannelArtifact, why: str) -> None:
    """It was there and is not any more: it is missing again."""
    row.status, row.installed_version_id, row.tried_version_id = "uninstalled", None, None
    row.reasons, row.check_at = [{"code": None, "description": why}], None
    _plan_soon(channel)
    _tell(channel, "artifact.missing", row.artifact_id)


def _values(channel: Channel, version_id: int) -> str | None:
    """What the version's variables stand for at this moment, to be seen when it changes."""
    version = session().get(ArtifactVersion, version_id)
    if version is None or not version.variables:
        return None
    return values.digest(version.variables, values.of(channel))


def _uuid(version_id: int) -> str:
    uid = session().scalar(sa.select(ArtifactVersion.uid).where(ArtifactVersion.id == version_id))
    return (uid or "").upper()


def ensure(channel: Channel, artifact_id: int) -> ChannelArtifact:
    """The row of an artifact on a channel, made if there is none."""
    row = session().scalar(
        sa.select(ChannelArtifact).where(
            ChannelArtifact.channel_id == channel.id, ChannelArtifact.artifact_id == artifact_id
        )
    )
    if row is None:
        row = ChannelArtifact(
            channel_id=channel.id,
            artifact_id=artifact_id,
            status="pending",
            via=COMMAND,
            attempts=0,
            install_count=0,
            retry_count=0,
            reinstall_count=0,
        )
        session().add(row)
    return row


def _plan_soon(channel: Channel) -> None:
    channel.plan_due_at = utcnow()


def plan_by(channel: Channel, moment: datetime) -> None:
    """Have the channel looked at by then."""
    if channel.plan_due_at is None or channel.plan_due_at > moment:
        channel.plan_due_at = moment


def _tell(channel: Channel, kind: str, artifact_id: int, **payload: Any) -> None:
    events.record(
        kind, device=channel.device, channel=channel.key or None, artifact=artifact_id, **payload
    )
