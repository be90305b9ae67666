"""Reading the audit: one frozen filter for the screen, the API and exports; the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.log_reading import Dated, meant, occurring, written

KEYSET = Keyset(AuditEntry.id, {"created_at": AuditEntry.created_at})
COLUMNS = tuple(column.key for column in AuditEntry.__table__.columns)
"""What an entry says, in the order of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter(Dated):
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

    @property
    def ordering(self) -> str:
        """The newest first, along the index that the filter begins with."""
        return "-created_at" if self.dated else "-id"

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
            asked[meant(self.actor, AuditEntry.actor_id, AuditEntry.actor_label)] = self.actor
        found = [column == value for column, value in asked.items() if value is not None]
        return found + self.in_time(AuditEntry.created_at)


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
    return KEYSET.entities(statement, ordering=order, cursor=cursor, limit=limit)


def get(actor: Actor, entry_id: int) -> AuditEntry:
    """One entry; NotFound also for one that this actor may not know of."""
    query = sa.select(AuditEntry).where(AuditEntry.id == entry_id, *_scope(actor))
    entry = session().scalar(query) if 0 < entry_id <= MAX_ID else None
    if entry is None:
        raise NotFound("there is no such entry")
    return entry


def actions() -> list[str]:
    """The actions that occur."""
    return occurring(AuditEntry.action)


def export(actor: Actor, asked: AuditFilter, kind: str) -> Iterator[bytes]:
    """Every entry of the filter, the oldest first, as `csv` or `jsonl`.

    Leaves an entry in the open transaction; what is read afterwards ends with that entry.
    """
    entry = audit.record(actor, "audit.export", reason=f"{kind}: {str(asked) or 'everything'}")
    session().flush()
    conditions = [*asked.conditions(), *_scope(actor), AuditEntry.id <= entry.id]
    query = sa.select(*AuditEntry.__table__.columns).where(*conditions)
    return written(kind, COLUMNS, query, AuditEntry.id)


def _scope(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """Where the host narrows lists: entries about those devices, and what one did oneself."""
    scope = access.row_scope(actor, access.VIEW_AUDIT)
    if scope is None:
        return []
    seen = AuditEntry.device_id.in_(sa.select(Device.id).where(scope))
    return [sa.or_(seen, AuditEntry.actor_id == actor.person.id)]
