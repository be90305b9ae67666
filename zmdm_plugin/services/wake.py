"""Waking devices: a due date on the channel, which the push jobs work off."""

from __future__ import annotations

from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer


def channel(target: Channel, *, bulk: bool = False) -> None:
    """Wake this channel once the transaction has committed; several wakes become one push."""
    if target.push_token is None or target.ended_at is not None:
        return
    target.push_due_at = utcnow()
    target.push_bulk = bulk
    target.push_attempts = 0
    defer("push.flush", once="push.flush")
