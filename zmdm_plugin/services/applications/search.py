"""Who has which application, over the whole fleet: found by name, identifier, version or device.

Words are looked for in the applications that there are, of which there are few; from those the
index leads to the devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import engine, session
from zmdm_plugin.models import Application, Channel, Device, InstalledApplication
from zmdm_plugin.services import access, export_formats
from zmdm_plugin.services.applications import spread
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

KEYSET = Keyset(InstalledApplication.id, {"application_id": InstalledApplication.application_id})
KINDS = export_formats.KINDS
_ORDER = "application_id"
_AT_ONCE = 1000
"""Applications that the index is asked for."""
_BATCH = 1000
_COLUMNS: dict[str, Any] = {
    "device": Device.id,
    "serial_number": Device.serial_number,
    "device_name": Device.name,
    "user_short_name": Channel.user_short_name,
    "identifier": InstalledApplication.identifier,
    "name": InstalledApplication.name,
    "version": InstalledApplication.version,
    "short_version": InstalledApplication.short_version,
    "managed": InstalledApplication.managed,
    "source": InstalledApplication.source,
    "seen_at": InstalledApplication.seen_at,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFilter:
    """What is looked for; nothing set finds everything."""

    search: str | None = None
    """Words of name and identifier, all of which have to be there."""
    identifier: str | None = None
    version: str | None = None
    """Either of the two versions."""
    device: int | None = None
    managed: bool | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """An application in one version, and on how many channels it is."""

    application: Application
    number: int
    how: Literal["", "about", "at least"] = ""
    """Empty: so many, as of now."""


@dataclass(frozen=True, slots=True)
class Found:
    """One application on one channel."""

    row: InstalledApplication
    channel: Channel
    device: Device


def page(
    actor: Actor,
    wanted: ApplicationFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Found]:
    """A page of what is installed where, on devices that this actor may see.

    Where applications are looked for, by application: along the index that leads from these to
    the devices, whatever is installed besides.
    """
    statement = _where(sa.select(InstalledApplication, Channel, Device), actor, wanted)
    words = _words(wanted)
    if not words:
        found = KEYSET.page(statement, cursor=cursor, limit=limit)
        return Page([Found(*row) for row in found.items], found.next_cursor)
    rows: list[Any] = []
    after = (KEYSET.value(cursor, _ORDER) or 1) - 1 if cursor else 0
    while True:
        query = sa.select(Application.id).where(*words, Application.id > after)
        ids = session().scalars(query.order_by(Application.id).limit(_AT_ONCE + 1)).all()
        these = statement.where(InstalledApplication.application_id.in_(ids[:_AT_ONCE]))
        found = KEYSET.page(these, ordering=_ORDER, cursor=cursor, limit=limit - len(rows))
        rows += found.items
        more, cursor = found.next_cursor, None
        if more is None and len(ids) > _AT_ONCE:
            after = ids[_AT_ONCE - 1]
            if len(rows) < limit:
                continue
            more = KEYSET.cursor(_ORDER, rows[-1][0])
        return Page([Found(*row) for row in rows], more)


def summary(actor: Actor, wanted: ApplicationFilter, *, limit: int = 100) -> Sequence[Spread]:
    """The applications that the words find and somebody has, by name.

    What few have is counted now; of what many have, a job keeps the number (`spread.count`).
    """
    statement = sa.select(Application).where(*_words(wanted))
    rows = session().scalars(statement.order_by(Application.name, Application.id).limit(limit))
    found = rows.all()
    everybody = access.row_scope(actor, access.VIEW_DEVICES) is None
    kept = {row.id: row.installed for row in found if everybody and row.installed}
    numbers = _few(actor, [row.id for row in found if row.id not in kept])
    spreads = []
    for row in found:
        if row.id in kept:
            spreads.append(Spread(row, kept[row.id], "about"))
        elif number := numbers[row.id]:
            spreads.append(Spread(row, number, "at least" if number >= spread.FEW else ""))
    return spreads


def _few(actor: Actor, application_ids: Sequence[int]) -> Mapping[int, int]:
    """How many channels have each of these, counted up to `spread.FEW`."""
    if not application_ids:
        return {}
    these = (
        _joined(sa.select(InstalledApplication.id), actor)
        .where(InstalledApplication.application_id == Application.id)
        .correlate(Application)
        .limit(spread.FEW)
        .subquery()
    )
    number = sa.select(sa.func.count()).select_from(these).scalar_subquery()
    query = sa.select(Application.id, number).where(Application.id.in_(application_ids))
    return {id_: count for id_, count in session().execute(query)}


def of_channel(channel_ids: Sequence[int]) -> Sequence[InstalledApplication]:
    """What is installed on these channels, by name."""
    row = InstalledApplication
    return (
        session()
        .scalars(sa.select(row).where(row.channel_id.in_(channel_ids)).order_by(row.name, row.id))
        .all()
    )


def export(actor: Actor, wanted: ApplicationFilter, kind: str) -> Iterator[bytes]:
    """All of it, by id in batches, each on a connection of its own."""
    row = InstalledApplication
    statement = _where(sa.select(row.id, *_COLUMNS.values()), actor, wanted)
    if words := _words(wanted):
        statement = statement.where(row.application_id.in_(sa.select(Application.id).where(*words)))
    names, last, first = list(_COLUMNS), 0, True
    while True:
        batch = statement.where(row.id > last).order_by(row.id).limit(_BATCH)
        with engine().connect() as connection:
            rows = connection.execute(batch).all()
        if rows or first:
            yield export_formats.write(kind, names, [one[1:] for one in rows], first=first)
        if len(rows) < _BATCH:
            return
        last, first = rows[-1][0], False


def _where(
    statement: sa.Select[*tuple[Any, ...]], actor: Actor, wanted: ApplicationFilter
) -> sa.Select[*tuple[Any, ...]]:
    """Everything but the words."""
    row = InstalledApplication
    statement = _joined(statement, actor)
    if wanted.device is not None:
        statement = statement.where(Channel.device_id == wanted.device)
    if wanted.managed is not None:
        statement = statement.where(
            row.managed.is_not(None) if wanted.managed else row.managed.is_(None)
        )
    return statement


def _joined(statement: sa.Select[*tuple[Any, ...]], actor: Actor) -> sa.Select[*tuple[Any, ...]]:
    joined = (
        statement.select_from(InstalledApplication)
        .join(Channel, Channel.id == InstalledApplication.channel_id)
        .join(Device, Device.id == Channel.device_id)
        .where(Channel.ended_at.is_(None))
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    return joined if scope is None else joined.where(scope)


def _words(wanted: ApplicationFilter) -> list[sa.ColumnElement[bool]]:
    """Conditions on the applications themselves."""
    found: list[sa.ColumnElement[bool]] = [
        Application.search.contains(word, autoescape=True)
        for word in (wanted.search or "").lower().split()[:8]
    ]
    if wanted.identifier is not None:
        found.append(Application.identifier == wanted.identifier)
    if wanted.version is not None:
        same = (Application.version == wanted.version, Application.short_version == wanted.version)
        found.append(sa.or_(*same))
    return found
