"""Rows of installed applications, brought up to date by what a device says: few statements each.

The same application in the same version is one row of `zmdm_application`, whatever devices have it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands.effects import App, ManagedApp
from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Application, Channel, InstalledApplication
from zmdm_plugin.protocol import apps as states
from zmdm_plugin.protocol import ddm

LIST, MANAGED, STATUS = "list", "managed", "status"
_CHUNK = 500
_QUIET = {"synchronize_session": False}
_COLUMNS = ("identifier", "name", "version", "short_version")
STATUS_ITEMS = ("mdm.app", "app.managed.list", "package.list")
_MOST = 5000
"""Applications of one channel; what a device lists beyond is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One application as somebody told of it."""

    identifier: str
    name: str | None = None
    version: str | None = None
    short_version: str | None = None
    bundle_size: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        values = [getattr(self, column) or "" for column in _COLUMNS]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def listed(channel: Channel, apps: Sequence[App], *, now: datetime) -> None:
    """All applications of a channel: what is new comes, what is gone goes, the rest stays."""
    entries = [_entry(app) for app in apps[:_MOST]]
    applications = _applications(entries)
    known = _known(channel)
    unchanged: set[int] = set()
    fresh: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for entry in entries:
        row = next(
            (
                one
                for one in known.get(entry.identifier, ())
                if one.id not in unchanged
                and (one.application_id == applications[entry.digest] or one.source != LIST)
            ),
            None,
        )
        if row is None:
            fresh.append(_row(channel, entry, applications, source=LIST, now=now))
            continue
        unchanged.add(row.id)
        values = _row(channel, entry, applications, source=LIST, now=now)
        if any(getattr(row, name) != values[name] for name in ("facts", "bundle_size", "source")):
            updates.append({"id": row.id, **values, "managed": row.managed})
    gone = [row.id for rows in known.values() for row in rows if row.id not in unchanged]
    _keep_states(known, fresh, gone)
    _write(gone, fresh, updates)


def managed(channel: Channel, apps: Sequence[ManagedApp], *, whole: bool, now: datetime) -> None:
    """How far managed apps are; `whole`: what is not among them is not managed."""
    told = {
        one.identifier: state.name
        for one in apps[:_MOST]
        if (state := states.state(one.state)) is not None
    }
    _mark(channel, told, whole=whole, now=now)


def reported(channel: Channel, items: Mapping[str, Any], *, now: datetime) -> None:
    """What a status report says of apps and packages; `_removed` ones go."""
    entries: dict[str, tuple[_Entry, str]] = {}
    removed: set[str] = set()
    for item in STATUS_ITEMS:
        told = ddm.item(items, item)
        for one in told[:_MOST] if isinstance(told, list) else ():
            identifier = one.get("identifier") if isinstance(one, Mapping) else None
            if not isinstance(identifier, str) or not 0 < len(identifier) <= 512:
                continue
            if one.get("_removed") is True:
                removed.add(identifier)
            elif (state := states.state(one.get("state"))) is not None:
                entries[identifier] = (_told(identifier, one), state.name)
    if removed:
        _forget(channel, removed)
    if entries:
        _mark(
            channel,
            {name: state for name, (_, state) in entries.items()},
            whole=False,
            now=now,
            entries={name: entry for name, (entry, _) in entries.items()},
        )


def forget_unused(limit: int = _CHUNK) -> int:
    """Delete applications that no device has any more; how many."""
    used = sa.exists().where(InstalledApplication.application_id == Application.id)
    ids = list(session().scalars(sa.select(Application.id).where(~used).limit(limit)))
    if ids:
        session().execute(
            sa.delete(Application).where(Application.id.in_(ids), ~used), execution_options=_QUIET
        )
    return len(ids)


def _mark(
    channel: Channel,
    told: Mapping[str, str],
    *,
    whole: bool,
    now: datetime,
    entries: Mapping[str, _Entry] | None = None,
) -> None:
    """Set the states of managed apps; those that no list has told of get a row of their own."""
    known = _known(channel)
    described = entries or {}
    fresh, updates, gone = [], [], []
    missing = [described.get(name) or _Entry(identifier=name) for name in told if name not in known]
    applications = _applications(missing)
    source = STATUS if entries is not None else MANAGED
    for entry in missing:
        row = _row(channel, entry, applications, source=source, now=now)
        fresh.append({**row, "managed": told[entry.identifier]})
    for name, rows in known.items():
        for row in rows:
            state = told.get(name)
            if state is None and whole and row.source == MANAGED:
                gone.append(row.id)
            elif row.managed != state and (state is not None or whole):
                updates.append({"id": row.id, "managed": state, "seen_at": now})
    _write(gone, fresh, updates)


def _forget(channel: Channel, identifiers: Iterable[str]) -> None:
    """No longer managed; a row that only reports told of goes."""
    mine = [
        InstalledApplication.channel_id == channel.id,
        InstalledApplication.identifier.in_(list(identifiers)),
    ]
    row = InstalledApplication
    session().execute(sa.delete(row).where(*mine, row.source != LIST), execution_options=_QUIET)
    session().execute(sa.update(row).where(*mine).values(managed=None), execution_options=_QUIET)


def _entry(app: App) -> _Entry:
    facts = {key: value for key, value in asdict(app).items() if value is not None}
    values = {key: facts.pop(key, None) for key in (*_COLUMNS, "bundle_size")}
    return _Entry(**values, facts=facts)


def _told(identifier: str, one: Mapping[str, Any]) -> _Entry:
    def text(key: str, most: int) -> str | None:
        value = one.get(key)
        return value[:most] if isinstance(value, str) and value and "\0" not in value else None

    return _Entry(
        identifier=identifier,
        name=text("name", 512),
        version=text("version", 128),
        short_version=text("short-version", 128),
    )


def _row(
    channel: Channel,
    entry: _Entry,
    applications: Mapping[str, int],
    *,
    source: str,
    now: datetime,
) -> dict[str, Any]:
    values: dict[str, Any] = {column: getattr(entry, column) for column in _COLUMNS}
    for column in ("version", "short_version"):
        values[column] = values[column][:128] if values[column] else None
    return {
        "channel_id": channel.id,
        **values,
        "bundle_size": entry.bundle_size,
        "facts": dict(entry.facts),
        "application_id": applications[entry.digest],
        "managed": None,
        "source": source,
        "seen_at": now,
    }


def _keep_states(
    known: Mapping[str, Sequence[Any]], fresh: list[dict[str, Any]], gone: Sequence[int]
) -> None:
    """An update brings another row: the state of the app is the same until somebody says so."""
    leaving = {
        name: row.managed
        for name, rows in known.items()
        for row in rows
        if row.id in set(gone) and row.managed
    }
    for row in fresh:
        row["managed"] = leaving.get(row["identifier"])


def _known(channel: Channel) -> dict[str, list[Any]]:
    """The rows of a channel by identifier; one statement."""
    row = InstalledApplication
    found: dict[str, list[Any]] = {}
    for one in session().execute(
        sa.select(
            row.id,
            row.identifier,
            row.application_id,
            row.bundle_size,
            row.facts,
            row.managed,
            row.source,
        )
        .where(row.channel_id == channel.id)
        .order_by(row.id)
    ):
        found.setdefault(one.identifier or "", []).append(one)
    return found


def _applications(entries: Iterable[_Entry]) -> dict[str, int]:
    """The ids of applications by digest, those that are new included; three statements at most."""
    wanted = {entry.digest: entry for entry in entries}
    found = _ids(wanted)
    if missing := sorted(wanted.keys() - found.keys()):  # in order, for others insert too
        for start in range(0, len(missing), _CHUNK):
            rows = [_application(wanted[one]) for one in missing[start : start + _CHUNK]]
            session().execute(
                insert(Application).on_conflict_do_nothing(index_elements=["digest"]), rows
            )
        found |= _ids(missing)
    return found


def _application(entry: _Entry) -> dict[str, str]:
    name, identifier = (entry.name or "")[:512], entry.identifier[:512]
    return {
        "digest": entry.digest,
        "identifier": identifier,
        "name": name,
        "version": (entry.version or "")[:128],
        "short_version": (entry.short_version or "")[:128],
        "search": f"{name} {identifier}".lower()[:1100],
    }


def _ids(digests: Iterable[str]) -> dict[str, int]:
    every = list(digests)
    found: dict[str, int] = {}
    for start in range(0, len(every), _CHUNK):
        rows = session().execute(
            sa.select(Application.digest, Application.id).where(
                Application.digest.in_(every[start : start + _CHUNK])
            )
        )
        found |= {digest: id_ for digest, id_ in rows}
    return found


def _write(
    gone: Sequence[int], fresh: Sequence[dict[str, Any]], updates: Sequence[dict[str, Any]]
) -> None:
    for start in range(0, len(gone), _CHUNK):
        session().execute(
            sa.delete(InstalledApplication).where(
                InstalledApplication.id.in_(gone[start : start + _CHUNK])
            ),
            execution_options=_QUIET,
        )
    if fresh:
        session().execute(sa.insert(InstalledApplication), list(fresh))
    if updates:
        session().execute(sa.update(InstalledApplication), list(updates))
