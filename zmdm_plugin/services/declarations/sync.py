"""What a device asks about its declarations: tokens, the list, one of them; and what it reports.

`quick()` answers tokens and list in one statement, without transaction or ORM, as long as the
channel is planned; otherwise (None) the edge opens a transaction and calls `answer()`, which has
the planner look first. A fetch is answered from the list that was handed out last, whatever has
changed since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import HotStatement, session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Channel, ChannelCommand, ChannelDeclarations
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import checkin as wire
from zmdm_plugin.protocol import ddm
from zmdm_plugin.protocol.ddm import Endpoint
from zmdm_plugin.services import channels, wake
from zmdm_plugin.services.declarations import entries, offers, payloads, rows, status
from zmdm_plugin.services.declarations.entries import Listed
from zmdm_plugin.services.identity import Evidence, Known
from zmdm_plugin.state import state

TOKENS, ITEMS, FETCH, STATUS = "tokens", "declaration-items", "declaration", "status"
_KEPT = 512

# The channel of this request, if nothing has to be planned before it is answered.
_PLANNED = """
    SELECT c.id FROM zmdm_identity i
    JOIN zmdm_device d ON d.id = i.device_id
    JOIN zmdm_channel c ON c.device_id = d.id
    LEFT JOIN zmdm_revision f ON f.name = 'fleet'
    LEFT JOIN zmdm_revision b ON b.name = 'blueprint:' || d.blueprint_id
    WHERE i.fingerprint = :fingerprint AND i.state = 'active'
      AND (i.retire_at IS NULL OR i.retire_at > :now)
      AND (d.udid = :device_key OR d.enrollment_uid = :device_key)
      AND d.blocked_at IS NULL AND d.released_at IS NULL
      AND c.key = :channel_key AND c.ended_at IS NULL
      AND (c.plan_due_at IS NULL OR c.plan_due_at > :now)
      AND coalesce(f.value, 0) = c.planned_revision
      AND coalesce(b.value, 0) = c.planned_blueprint_revision
"""
_TOKENS = HotStatement(f"""
SELECT token, changed_at FROM zmdm_channel_declarations
WHERE token IS NOT NULL AND enabled_at IS NOT NULL AND channel_id = ({_PLANNED})
""")
_ITEMS = HotStatement(f"""
UPDATE zmdm_channel_declarations SET offered_manifest_id = manifest_id,
    offered_overlay = overlay, offered_token = token,
    offered_at = CASE WHEN offered_token = token THEN offered_at ELSE :now END
WHERE token IS NOT NULL AND enabled_at IS NOT NULL AND channel_id = ({_PLANNED})
RETURNING token, channel_id
""")
_LINES = HotStatement("""
SELECT m.entries, n.offered_overlay FROM zmdm_channel_declarations n
LEFT JOIN zmdm_manifest m ON m.id = n.offered_manifest_id
WHERE n.channel_id = :channel_id AND n.offered_token = :token
""")

Plan = Callable[[Channel], None]


def quick(
    evidence: Evidence, message: wire.DeclarativeManagement, *, bound: sa.Engine, prepare: bool
) -> bytes | None:
    """The answer to `tokens` and `declaration-items` in one statement; None: ask `answer()`."""
    now = utcnow()
    if message.endpoint not in (TOKENS, ITEMS) or evidence.expired(now) or evidence.vouched:
        return None
    values = {
        "now": now,
        "fingerprint": evidence.fingerprint,
        "device_key": message.who.device_key,
        "channel_key": message.who.user_key,
    }
    if message.endpoint == TOKENS:
        row = _TOKENS.first(values, bound=bound, prepare=prepare)
        return ddm.sync_tokens(row[0], _moment(row[1])) if row else None
    row = _ITEMS.first(values, bound=bound, prepare=prepare)
    if row is None:
        return None
    token, channel_id = row
    if token == entries.EMPTY:
        return None
    kept = _bytes_kept()
    if (body := kept.get(token)) is None:
        found = _LINES.first(
            {"channel_id": channel_id, "token": token}, bound=bound, prepare=prepare
        )
        if found is None:
            return None
        body = _items(entries.effective(_parsed(found[0]) or [], _parsed(found[1])), token)
    return body


def answer(known: Known, message: wire.DeclarativeManagement, *, plan: Plan) -> bytes:
    """Answer any endpoint, planning first where the answer depends on it; NotFound is a 404."""
    asked = ddm.endpoint(message.endpoint)
    channel = channels.find(known.device, message.who, lock=asked.name != FETCH)
    if channel is None or channel.ended_at is not None or known.pending:
        if asked.name == STATUS:
            status.keep_raw(known.device, message.data, reason="the channel is not in use")
            return b""
        raise NotFound("this channel is not in use")
    if asked.name == FETCH:
        return _fetch(channel, asked)
    if asked.name == STATUS:
        _enabled(channel)
        if status.take(channel, message.data, now=utcnow()):
            _go_on(channel, plan)
        return b""
    plan(channel)
    session().flush()
    held = session().get(ChannelDeclarations, channel.id)
    if held is None or held.token is None:
        raise NotFound("no declarations are kept for this device")
    _enabled(channel)
    if asked.name == TOKENS:
        return ddm.sync_tokens(held.token, held.changed_at or utcnow())
    held.offered_manifest_id, held.offered_overlay = held.manifest_id, held.overlay
    if held.offered_token != held.token:
        held.offered_token, held.offered_at = held.token, utcnow()
    if held.token == entries.EMPTY:  # without subscriptions no report will say that they are gone
        rows.forget(channel)
    return _items(offers.handed_out(held), held.token)


def sync_tokens(channel_id: int) -> bytes | None:
    """What a DeclarativeManagement command carries, so that the device need not ask first."""
    held = session().get(ChannelDeclarations, channel_id)
    if held is None or held.token is None:
        return None
    return ddm.sync_tokens(held.token, held.changed_at or utcnow())


def ordered(channel: Channel, *, now: datetime) -> None:
    """A DeclarativeManagement command was queued for what is to be offered now."""
    held = session().get(ChannelDeclarations, channel.id)
    if held is not None:
        held.ordered_token, held.ordered_at = held.token, now


def _enabled(channel: Channel) -> None:
    held = session().get(ChannelDeclarations, channel.id)
    if held is None:
        held = ChannelDeclarations(channel_id=channel.id)
        session().add(held)
    if held.enabled_at is None:
        held.enabled_at = utcnow()
        if channel.kind == "device":
            channel.device.declarative_management = True


def _go_on(channel: Channel, plan: Plan) -> None:
    """What waited for this report may go now; the device has ended its conversation, so wake it."""
    session().flush()
    plan(channel)
    session().flush()
    waiting = sa.select(ChannelCommand.id).where(
        ChannelCommand.channel_id == channel.id, ChannelCommand.state == "queued"
    )
    if session().scalar(waiting.limit(1)) is not None:
        wake.channel(channel)


def _fetch(channel: Channel, asked: Endpoint) -> bytes:
    held = session().get(ChannelDeclarations, channel.id)
    line = offers.handed_out_line(held, asked.identifier) if held is not None else None
    if line is None or line.kind is not asked.kind:
        raise NotFound("no such declaration is offered to this device")
    type_, payload = payloads.render(line, channel)
    return ddm.declaration(type_, line.identifier, line.token, payload)


def _items(lines: Mapping[str, Listed], token: str) -> bytes:
    """The list as bytes, which are the same for the same token, so they are kept."""
    body = ddm.declaration_items((one.entry for one in lines.values()), token)
    kept = _bytes_kept()
    if len(kept) >= _KEPT:
        kept.clear()
    kept[token] = body
    return body


def _bytes_kept() -> dict[str, bytes]:
    found: dict[str, bytes] = state().cache.setdefault("declarations.items", {})
    return found


def _moment(value: Any) -> datetime:
    """A timestamp as the driver gives it: SQLite's is text without a zone."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
