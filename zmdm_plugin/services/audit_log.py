"""Reading the audit: one frozen filter for the screen, the API and exports; the newest first.

An export walks by id in batches, each a statement of its own on a connection of its own, so that
millions of entries need neither memory nor a transaction that lasts for minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import engine, session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import access, audit, export_formats
from zmdm_plugin.services.export_formats import KINDS as KINDS
from zmdm_plugin.services.export_formats import plain_text
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

KEYSET = Keyset(AuditEntry.id, {"created_at": AuditEntry.created_at})
COLUMNS = tuple(column.key for column in AuditEntry.__table__.columns)
"""What an entry says, in the order of the table."""
_BATCH = 500
_MOST_ACTIONS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What a list or an export shows; None asks nothing. Every value is looked up in an index."""

    actor: str | None = None
    """An actor's id or label; what their tokens did is theirs."""
    token: int | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: int | None = None
    device: int | None = None
    serial_number: str | None = None
    source_ip: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def ordering(self) -> str:
        """The newest first, along the index that the filter begins with."""
        dated = self.created_after is not None or self.created_before is not None
        return "-created_at" if dated else "-id"

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_audit_entry; asks the database what `actor` means."""
        asked: dict[Any, Any] = {
            AuditEntry.token_id: self.token,
            AuditEntry.action: self.action,
            AuditEntry.object_type: self.object_type,
            AuditEntry.object_id: self.object_id,
            AuditEntry.device_id: self.device,
            AuditEntry.serial_number: self.serial_number,
            AuditEntry.source_ip: self.source_ip,
        }
        if self.actor is not None:
            asked[_actor_column(self.actor)] = self.actor
        found = [column == value for column, value in asked.items() if value is not None]
        if self.created_after is not None:
            found.append(AuditEntry.created_at >= self.created_after)
        if self.created_before is not None:
            found.append(AuditEntry.created_at < self.created_before)
        return found

    def __str__(self) -> str:
        """The filter in words, for the entry that an export leaves."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(
            f"{name}={plain_text(value)}" for name, value in given if value is not None
        )


def page(
    actor: Actor,
    asked: AuditFilter,
    *,
    ordering: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AuditEntry]:
    """A page of the entries that this actor may see."""
    statement = sa.select(AuditEntry).where(*asked.conditions(), *_scope(actor))
    order = ordering or asked.ordering
    found = KEYSET.page(statement, ordering=order, cursor=cursor, limit=limit)
    return Page([row[0] for row in found.items], found.next_cursor)


def get(actor: Actor, entry_id: int) -> AuditEntry:
    """One entry; NotFound also for one that this actor may not know of."""
    query = sa.select(AuditEntry).where(AuditEntry.id == entry_id, *_scope(actor))
    entry = session().scalar(query) if 0 < entry_id <= MAX_ID else None
    if entry is None:
        raise NotFound("there is no such entry")
    return entry


def actions() -> list[str]:
    """The actions that occur: a jump from one to the next along the index, not a walk over all."""
    first = sa.select(sa.func.min(AuditEntry.action).label("action")).cte(recursive=True)
    following = (
        sa.select(sa.func.min(AuditEntry.action))
        .where(AuditEntry.action > first.c.action)
        .scalar_subquery()
    )
    walk = first.union_all(sa.select(following).where(first.c.action.is_not(None)))
    query = sa.select(walk.c.action).where(walk.c.action.is_not(None)).limit(_MOST_ACTIONS)
    return list(session().scalars(query))


def export(actor: Actor, asked: AuditFilter, kind: str) -> Iterator[bytes]:
    """Every entry of the filter, the oldest first, as `csv` or `jsonl`.

    Leaves an entry in the open transaction; what is read afterwards ends with that entry.
    """
    entry = audit.record(actor, "audit.export", reason=f"{kind}: {str(asked) or 'everything'}")
    session().flush()
    conditions = [*asked.conditions(), *_scope(actor), AuditEntry.id <= entry.id]
    return _written(conditions, kind)


def _actor_column(actor: str) -> Any:
    """Whether it is an id or a label: asking for both at once would use neither index."""
    known = sa.select(sa.exists().where(AuditEntry.actor_id == actor))
    return AuditEntry.actor_id if session().scalar(known) else AuditEntry.actor_label


def _written(conditions: Sequence[sa.ColumnElement[bool]], kind: str) -> Iterator[bytes]:
    last, first = 0, True
    while True:
        rows = _batch([*conditions, AuditEntry.id > last])
        yield export_formats.write(kind, COLUMNS, rows, first=first)
        if len(rows) < _BATCH:
            return
        last, first = rows[-1][COLUMNS.index("id")], False


def _batch(conditions: Sequence[sa.ColumnElement[bool]]) -> Sequence[Sequence[Any]]:
    query = sa.select(*AuditEntry.__table__.columns).where(*conditions)
    with engine().connect() as connection:
        return connection.execute(query.order_by(AuditEntry.id).limit(_BATCH)).all()


def _scope(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """Where the host narrows lists: entries about those devices, and what one did oneself."""
    scope = access.row_scope(actor, access.VIEW_AUDIT)
    if scope is None:
        return []
    seen = AuditEntry.device_id.in_(sa.select(Device.id).where(scope))
    return [sa.or_(seen, AuditEntry.actor_id == actor.person.id)]
