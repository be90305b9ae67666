"""What became of artifacts on a channel, as far as declarations decide it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact
from zmdm_plugin.services import licence_marks
from zmdm_plugin.services.declarations.overlay import OBSTACLES, Decision

if TYPE_CHECKING:
    from zmdm_plugin.services.artifacts.compiled import Item

BY_DECLARATION, BY_COMMAND = "declaration", "command"


def of(channel: Channel) -> dict[int, ChannelArtifact]:
    """Every artifact that this channel knows, by artifact id; one statement."""
    found = session().scalars(
        sa.select(ChannelArtifact).where(ChannelArtifact.channel_id == channel.id)
    )
    return {row.artifact_id: row for row in found}


def apply(
    channel: Channel,
    known: Mapping[int, ChannelArtifact],
    decisions: Mapping[int, Decision],
    *,
    offered: Collection[str],
    now: datetime,
) -> None:
    """Write down what was decided; `offered` are the identifiers that the device may have."""
    for artifact_id, decision in decisions.items():
        row = known.get(artifact_id) or _new(channel, decision.item)
        if decision.line is None:
            _left_out(row, decision)
        else:
            _wanted(row, decision, now=now)
    if _gone(known, decisions, offered):
        licence_marks.mark(channel.device.serial_number)
    session().flush()


def forget(channel: Channel) -> None:
    """Nothing is declared any more: what came by declaration is gone."""
    licence_marks.mark(channel.device.serial_number)
    session().execute(
        sa.delete(ChannelArtifact).where(
            ChannelArtifact.channel_id == channel.id, ChannelArtifact.via == BY_DECLARATION
        ),
        execution_options={"synchronize_session": "fetch"},
    )


def _new(channel: Channel, item: Item) -> ChannelArtifact:
    row = ChannelArtifact(
        channel_id=channel.id,
        artifact_id=item.id,
        status="pending",
        via=BY_DECLARATION,
        attempts=0,
        retry_count=0,
        reinstall_count=0,
        install_count=0,
    )
    session().add(row)
    return row


def _left_out(row: ChannelArtifact, decision: Decision) -> None:
    if row.via == BY_DECLARATION:
        row.status = "pending" if row.installed_version_id is None else "removing"
    _explain(row, decision)


def _wanted(row: ChannelArtifact, decision: Decision, *, now: datetime) -> None:
    if row.via == BY_COMMAND and row.installed_version_id is None:
        row.via, row.status, row.reasons = BY_DECLARATION, "pending", None
    form = decision.form
    if form is not None and row.tried_version_id != form.id:
        row.tried_version_id, row.tried_at = form.id, now
        row.attempts, row.retry_count = 0, decision.retries
        row.next_try_at = row.reasons = None
        if row.status != "installed":
            row.status = "pending"
    elif form is not None and decision.retries > row.retry_count:
        row.retry_count, row.tried_at, row.next_try_at = decision.retries, now, None
        row.status = "pending"
    elif row.status in ("removing", "removal_failed"):
        row.status = "pending" if row.installed_version_id is None else "installed"
    if row.reinstall_count != decision.reinstalls and form is not None:
        row.reinstall_count = decision.reinstalls
    _explain(row, decision)


def _explain(row: ChannelArtifact, decision: Decision) -> None:
    """Reasons of ours stand for as long as they hold; those that the device gave are its own."""
    obstacle = decision.obstacle
    if obstacle is not None:
        row.reasons = [{"code": obstacle.code, "description": obstacle.words}]
    elif row.reasons and any(one.get("code") in OBSTACLES for one in row.reasons):
        row.reasons = None
    unresolved = list(decision.unresolved) or None
    if row.unresolved != unresolved:
        row.unresolved = unresolved


def _gone(
    known: Mapping[int, ChannelArtifact],
    decisions: Mapping[int, Decision],
    offered: Collection[str],
) -> bool:
    """What is no longer declared is being removed, unless the device never heard of it.

    True if something was forgotten at once."""
    left = [
        row
        for artifact_id, row in known.items()
        if row.via == BY_DECLARATION and artifact_id not in decisions
    ]
    if not left:
        return False
    found = sa.select(Artifact.id, Artifact.identifier).where(
        Artifact.id.in_([row.artifact_id for row in left])
    )
    names = {id_: name for id_, name in session().execute(found)}
    forgotten = False
    for row in left:
        if row.installed_version_id is None and names.get(row.artifact_id) not in offered:
            session().delete(row)
            forgotten = True
        elif row.status != "removing":
            row.status, row.next_try_at = "removing", None
    return forgotten
