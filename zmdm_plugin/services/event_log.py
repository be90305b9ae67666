"""Reading events: one frozen filter for the screen, the API, exports; the newest first.

Every filter is an index, or a short list of devices that a text means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Device, Event
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.log_reading import Dated, meant, occurring, written

KEYSET = Keyset(Event.id, {"created_at": Event.created_at})
COLUMNS = (
    *("id", "created_at", "kind", "version", "device_id", "serial_number", "device_name"),
    *("actor_id", "actor_label", "request_id", "payload"),
)
"""What an exported event says."""
_MOST_DEVICES = 1000
"""A text that more devices have is too wide for a search among events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter(Dated):
    """What a list or an export shows; None asks nothing."""

    kind: str | None = None
    """One kind, or all that begin alike: `device.*`."""
    device: int | None = None
    search: str | None = None
    """Text in a device's serial number, name, UDID …, as the list of devices takes it."""
    actor: str | None = None
    """An actor's id or label, exactly."""
    request: str | None = None
    """A request's id: what people and programs caused by it; with `device`, or with `search`,
    what devices did as well."""

    @property
    def ordering(self) -> str:
        """The newest first, along the index that the filter begins with."""
        narrowed = any((self.kind, self.device, self.search, self.actor, self.request))
        return "-created_at" if self.dated and not narrowed else "-id"

    def conditions(self, actor: Actor) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_event; asks the database which devices and whom a text means."""
        found: list[sa.ColumnElement[bool]] = []
        if self.kind is not None:
            found.append(_of_kind(self.kind))
        if self.device is not None:
            found.append(Event.device_id == self.device)
        if self.search is not None:
            found.append(Event.device_id.in_(_devices(actor, self.search)))
        if self.actor is not None:
            found.append(_by(self.actor))
        if self.request is not None:
            found.append(Event.request_id == self.request)
            if self.device is None and self.search is None:
                # The index holds only events of somebody: most requests are a device's.
                found.append(Event.actor_id.is_not(None))
        return found + self.in_time(Event.created_at)


def page(
    actor: Actor,
    asked: EventFilter,
    *,
    ordering: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[tuple[Event, Device | None]]:
    """A page of the events that this actor may see, each with its device."""
    statement = (
        sa.select(Event, Device)
        .outerjoin(Device, Device.id == Event.device_id)
        .where(*asked.conditions(actor), *_scope(actor))
    )
    order = ordering or asked.ordering
    found = KEYSET.page(statement, ordering=order, cursor=cursor, limit=limit)
    return Page([(row[0], row[1]) for row in found.items], found.next_cursor)


def get(actor: Actor, event_id: int) -> tuple[Event, Device | None]:
    """One event; NotFound also for one that this actor may not know of."""
    query = (
        sa.select(Event, Device)
        .outerjoin(Device, Device.id == Event.device_id)
        .where(Event.id == event_id, *_scope(actor))
    )
    row = session().execute(query).one_or_none() if 0 < event_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such event")
    return row[0], row[1]


def kinds() -> list[str]:
    """The kinds that occur."""
    return occurring(Event.kind)


def export(actor: Actor, asked: EventFilter, kind: str) -> Iterator[bytes]:
    """Every event of the filter, the oldest first, as `csv` or `jsonl`.

    Leaves an entry in the audit, in the open transaction; ends with the newest event of now.
    """
    audit.record(actor, "event.export", reason=f"{kind}: {str(asked) or 'everything'}")
    last = session().scalar(sa.select(sa.func.max(Event.id))) or 0
    query = (
        sa.select(
            *(Event.id, Event.created_at, Event.kind, Event.version, Event.device_id),
            *(Device.serial_number, Device.name),
            *(Event.actor_id, Event.actor_label, Event.request_id, Event.payload),
        )
        .outerjoin(Device, Device.id == Event.device_id)
        .where(*asked.conditions(actor), *_scope(actor), Event.id <= last)
    )
    return written(kind, COLUMNS, query, Event.id)


def _of_kind(text: str) -> sa.ColumnElement[bool]:
    if not text.endswith("*"):
        return Event.kind == text
    begin = text.rstrip("*")
    listed = [one for one in kinds() if one.startswith(begin)]
    return Event.kind.in_(listed)


def _by(text: str) -> sa.ColumnElement[bool]:
    column = meant(text, Event.actor_id, Event.actor_label)
    # Said as well, for the index holds only events of somebody.
    return sa.and_(column == text, Event.actor_id.is_not(None))


def _devices(actor: Actor, text: str) -> Sequence[int]:
    query = sa.select(Device.id).where(*DeviceFilter(search=text).conditions())
    ids = session().scalars(query.limit(_MOST_DEVICES + 1)).all()
    if len(ids) > _MOST_DEVICES:
        raise Refused("search", f"more than {_MOST_DEVICES} devices match; say more of it")
    return ids


def _scope(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """Where the host narrows lists: events about those devices alone."""
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    return [] if scope is None else [Event.device_id.in_(sa.select(Device.id).where(scope))]
