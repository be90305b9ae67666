"""Status reports: kept as they add up, and taken over into artifacts, facts and updates.

A report is never refused, for a device would send it for ever: what cannot be read is kept raw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.models import Channel, ChannelDeclarations, Device, RawAnswer
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import ddm
from zmdm_plugin.protocol.ddm import StatusReport
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.applications import inventory
from zmdm_plugin.services.declarations import facts, reasons, reported
from zmdm_plugin.services.software_updates import progress

_MAX_RAW = 100
_MOST_KEPT = 16 * 1024 * 1024
"""Of the status of a channel, in characters of JSON."""
_MOST_ERRORS = 200


def take(channel: Channel, data: bytes | None, *, now: datetime) -> bool:
    """Take a report of a channel, which is locked; whether something waited for what it says."""
    try:
        report = StatusReport.parse(data)
    except ProtocolError as error:
        keep_raw(channel.device, data, reason=f"status report: {error}", channel=channel)
        return False
    held = session().get_one(ChannelDeclarations, channel.id)
    held.status = _bounded(ddm.merge(held.status, report), report)
    held.errors = list(report.errors[:_MOST_ERRORS]) or None
    held.reported_at = now
    if report.full:
        held.full_report_at = now
    changed = _capabilities(held)
    inventory.reported(channel, report.items, now=now)
    told = ddm.declarations(report.items)
    if told is None and _tells_of_apps(report):
        told = ddm.declarations(held.status)
    if told is not None:
        changed |= reported.take(channel, held, told, now=now)
    if channel.kind == "device":
        changed |= facts.take(channel.device, report.items, full=report.full)
        progress.take(channel.device, report.items, now=now)
    for one in report.errors[:_MOST_ERRORS]:
        _note_error(channel, one)
    return changed


def _tells_of_apps(report: StatusReport) -> bool:
    """Whether apps came further though their declarations are as they were."""
    return any(ddm.item(report.items, item) is not None for item in inventory.STATUS_ITEMS)


def _bounded(merged: dict[str, Any], report: StatusReport) -> dict[str, Any]:
    """A device that keeps naming other items would fill its row: then the last report counts."""
    return merged if len(json.dumps(merged)) <= _MOST_KEPT else dict(report.items)


def keep_raw(
    device: Device, data: bytes | None, *, reason: str, channel: Channel | None = None
) -> None:
    """Keep what we cannot read or place, sealed; of each device the newest hundred."""
    oldest = (
        sa.select(RawAnswer.id)
        .where(RawAnswer.device_id == device.id)
        .order_by(RawAnswer.id.desc())
        .offset(_MAX_RAW - 1)
    )
    session().execute(
        sa.delete(RawAnswer).where(RawAnswer.id.in_(oldest)),
        execution_options={"synchronize_session": False},
    )
    row = RawAnswer(
        channel_id=channel.id if channel is not None else None,
        device_id=device.id,
        reason=reason[:256],
        uid=new_uid(),
        created_at=utcnow(),
    )
    vault.seal(row, "body", data or b"")
    session().add(row)
    events.record("answer.unplaced", device=device, reason=reason[:256])


def _capabilities(held: ChannelDeclarations) -> bool:
    """What the client can do, by its own word; the list is composed anew when that changes."""
    told = ddm.item(held.status or {}, "management.client-capabilities")
    if not isinstance(told, dict) or told == held.capabilities:
        return False
    held.capabilities = told
    return True


def _note_error(channel: Channel, error: Mapping[str, Any]) -> None:
    given = error.get("Reasons")
    listed = [
        {"code": one.get("Code"), "description": one.get("Description")}
        for one in (given if isinstance(given, list) else ())
        if isinstance(one, dict)
    ]
    why = "; ".join(one["description"] for one in reasons.explained(listed))
    events.record(
        "status.error",
        device=channel.device,
        channel=channel.key or None,
        item=str(error.get("StatusItem"))[:128],
        why=why[:500] or None,
    )
