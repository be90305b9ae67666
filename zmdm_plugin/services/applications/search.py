"""Who has which application, over the whole fleet: found by name, identifier, version or device.

Words are looked for in the applications that there are, of which there are few; from those the
index leads to the devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import engine, session
from zmdm_plugin.models import Application, Channel, Device, InstalledApplication
from zmdm_plugin.services import access, export_formats
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

KEYSET = Keyset(InstalledApplication.id, {})
KINDS = export_formats.KINDS
_MOST_APPLICATIONS = 2000
"""That words may find; more words find fewer."""
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
    """A page of what is installed where, on devices that this actor may see."""
    statement = sa.select(InstalledApplication, Channel, Device)
    found = KEYSET.page(_where(statement, actor, wanted), cursor=cursor, limit=limit)
    return Page([Found(*row) for row in found.items], found.next_cursor)


def summary(
    actor: Actor, wanted: ApplicationFilter, *, limit: int = 100
) -> Sequence[tuple[Application, int]]:
    """The applications that the words find, with the number of channels that have each."""
    statement = sa.select(Application).order_by(Application.name, Application.id).limit(limit)
    for condition in _words(wanted):
        statement = statement.where(condition)
    rows = session().scalars(statement).all()
    counted = (
        _joined(sa.select(InstalledApplication.application_id, sa.func.count()), actor)
        .where(InstalledApplication.application_id.in_([row.id for row in rows]))
        .group_by(InstalledApplication.application_id)
    )
    counts: dict[int, int] = {id_: number for id_, number in session().execute(counted)}
    return [(row, counts[row.id]) for row in rows if row.id in counts]


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
    row = InstalledApplication
    statement = _joined(statement, actor)
    words = _words(wanted)
    if words:
        ids = sa.select(Application.id).where(*words).limit(_MOST_APPLICATIONS)
        statement = statement.where(row.application_id.in_(list(session().scalars(ids))))
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
