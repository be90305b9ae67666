"""What ends when a device leaves, is erased or enrolls anew; nothing of it is deleted."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Device, EnrollmentSession, Identity
from zmdm_plugin.services import command_queue, vault
from zmdm_plugin.services.protection import tasks
from zmdm_plugin.services.renewal_due import UNDER_WAY


def end(device: Device, *, why: str, now: datetime) -> int:
    """End queue, renewal, channels and tokens of a device; returns how many commands ended."""
    ended = command_queue.end_queue(device, why=why)
    end_renewals(device, now=now)
    _end_channels(device, now=now)
    _drop_tokens(device)
    tasks.left(device)
    return ended


def end_renewals(device: Device, *, now: datetime) -> None:
    """A renewal that is on its way would let in again whoever has left."""
    session().execute(
        sa.update(EnrollmentSession)
        .where(
            EnrollmentSession.device_id == device.id,
            EnrollmentSession.kind == "renewal",
            EnrollmentSession.state.in_(("profiled", "authenticated")),
        )
        .values(state="cancelled", updated_at=now)
    )
    session().execute(
        sa.update(Identity)
        .where(
            Identity.device_id == device.id,
            Identity.state == "active",
            Identity.renewal_state.in_(UNDER_WAY),
        )
        .values(renewal_state="cancelled", renewal_since=now, renewal_next_at=None, updated_at=now)
    )


def _end_channels(device: Device, *, now: datetime) -> None:
    """Nothing is sent to this device any more: no push, no command, on any channel."""
    session().execute(
        sa.update(Channel)
        .where(Channel.device_id == device.id)
        .values(
            ended_at=now,
            push_token=None,
            push_magic=None,
            push_due_at=None,
            push_leased_until=None,
            plan_due_at=None,
            awaiting_since=None,
            awaiting_until=None,
            awaiting_stalled_at=None,
        )
    )


def _drop_tokens(device: Device) -> None:
    """Unlock and bootstrap tokens of a former enrollment hold no longer, but stay in the vault."""
    for column in (vault.UNLOCK_TOKEN, vault.BOOTSTRAP_TOKEN):
        if getattr(device, f"{column}_escrowed"):
            vault.drop_token(device, column)
