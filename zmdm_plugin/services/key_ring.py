"""Sealing keys: which ones this database needs, and sealing everything with the newest one.

Every key that ever sealed something here is noted by its name (never the key). A server that lacks
one of them does not start: it would find out on the day that a secret is needed. A run seals anew,
chunk by chunk, what older keys sealed, while the server goes on; then those names are forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import insert, session
from zmdm_plugin.errors import ConfigError, Conflict, SealError
from zmdm_plugin.models import JobRun, SealingKey, metadata
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.secretbox import SecretBox
from zmdm_plugin.services import audit, job_runs
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.state import state

JOB = "secrets.reseal"
CHUNK = 300
"""Rows of one transaction."""
_MOST_ROUNDS = 3


def check(engine: sa.Engine, box: SecretBox) -> None:
    """ConfigError if a key is missing that this database needs; the newest one is noted.

    Before the first migration there is nothing to check, and a database that does not answer is
    found out by others. The connection is not kept: processes may be forked from this one.
    """
    table: Any = SealingKey.__table__
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except DBAPIError:
        return
    try:
        known = set(connection.scalars(sa.select(table.c.key_id)))
        missing = sorted(known - box.key_ids)
        if not missing and box.current_id not in known:
            row = {"key_id": box.current_id, "first_used_at": utcnow()}
            connection.execute(sa.insert(table).values(row))
    except DBAPIError:
        return  # no such table yet, or another process has noted the key just now
    finally:
        connection.detach()
        connection.close()
    if missing:
        raise ConfigError(
            f"ZMDM_SEALING_KEYS: secrets in this database are sealed with {_named(missing)}, and "
            f"given {_named(sorted(box.key_ids))}; put the missing one behind the newest"
        )


def is_complete() -> bool:
    """Whether this process has every key that is in use by now; one short statement."""
    known = session().scalars(sa.select(SealingKey.key_id))
    return not set(known) - state().box.key_ids


def start(actor: Actor) -> JobRun:
    """Begin to seal everything with the newest key; Conflict while a run does that."""
    if running() is not None:
        raise Conflict("secrets are being sealed anew already")
    run = job_runs.start(JOB, actor, title="Seal all secrets with the newest key")
    audit.record(actor, "secrets.reseal", run)
    return run


def running() -> str | None:
    """The run that is under way, by its uid."""
    query = sa.select(JobRun.uid).where(JobRun.name == JOB, JobRun.finished_at.is_(None))
    return session().scalar(query.limit(1))


def step(claimed: Claimed) -> Step:
    """Seal one chunk anew; after the last one, look whether anything is left."""
    cursor, result = dict(claimed.cursor or {}), dict(claimed.result or {})
    total = claimed.total if claimed.total is not None else _count()
    places = _places()
    at = int(cursor.get("place", 0))
    if at >= len(places):
        return _end(claimed, cursor, result)
    table, columns = places[at]
    rows, last = _chunk(table, columns, int(cursor.get("id", 0)))
    for row in rows:
        _reseal(table, columns, row, result)
    more = len(rows) == CHUNK
    done = claimed.done + len(rows)
    return Step(
        done=done,
        total=max(total, done),
        cursor={**cursor, "place": at if more else at + 1, "id": last if more else 0},
        message=f"{result.get('sealed', 0):,} sealed anew",
        result=result,
    )


def _end(claimed: Claimed, cursor: Mapping[str, Any], result: dict[str, Any]) -> Step:
    """Another process may have sealed with an older key meanwhile: then once more."""
    rounds = int(cursor.get("round", 1))
    left = _left() - int(result.get("unreadable", 0))
    if left > 0 and rounds < _MOST_ROUNDS:
        again = {"place": 0, "id": 0, "round": rounds + 1}
        return Step(done=claimed.done, cursor=again, result={**result, "unreadable": 0})
    sealed, unreadable = result.get("sealed", 0), result.get("unreadable", 0)
    if left > 0 or unreadable:
        message = f"{sealed:,} sealed anew; {max(left, unreadable):,} could not be: keep every key"
    else:
        older = sa.delete(SealingKey).where(SealingKey.key_id != state().box.current_id)
        session().execute(older, execution_options={"synchronize_session": False})
        session().execute(_noted())
        message = f"{sealed:,} sealed anew; keys behind the newest one are not needed any more"
    return Step(done=claimed.done, message=message, result=result, finished=True)


def _places() -> list[tuple[Any, list[Any]]]:
    """Every table with sealed columns, in an order that does not change."""
    found = []
    for _, table in sorted(metadata.tables.items()):
        columns = [column for column in table.c if "sealed" in column.info]
        if columns:
            found.append((table, columns))
    return found


def _chunk(table: Any, columns: list[Any], after: int) -> tuple[Any, int]:
    query = (
        sa.select(table.c.id, table.c.uid, *columns)
        .where(table.c.id > after, _any_given(columns))
        .order_by(table.c.id)
        .limit(CHUNK)
    )
    rows = session().execute(query).all()
    return rows, rows[-1][0] if rows else after


def _reseal(table: Any, columns: list[Any], row: Any, result: dict[str, Any]) -> None:
    """One row; what somebody changed meanwhile is theirs, and sealed with the newest key."""
    box = state().box
    for column, sealed in zip(columns, row[2:], strict=True):
        if sealed is None or box.is_current(sealed):
            continue
        label = column.info["sealed"]
        try:
            fresh = box.seal(box.open(sealed, label=label, uid=row[1]), label=label, uid=row[1])
        except SealError:
            result["unreadable"] = int(result.get("unreadable", 0)) + 1
            continue
        session().execute(
            sa.update(table)
            .where(table.c.id == row[0], column == sealed)
            .values({column.name: fresh}),
            execution_options={"synchronize_session": False},
        )
        result["sealed"] = int(result.get("sealed", 0)) + 1


def _any_given(columns: list[Any]) -> sa.ColumnElement[bool]:
    return sa.or_(*(column.is_not(None) for column in columns))


def _count() -> int:
    """How much there is to look at, for the bar."""
    return sum(
        session().scalar(sa.select(sa.func.count()).where(_any_given(columns))) or 0
        for _, columns in _places()
    )


def _left() -> int:
    """Values that another key than the newest one sealed."""
    current = f"z1.{state().box.current_id}.%"
    return sum(
        session().scalar(
            sa.select(sa.func.count()).where(column.is_not(None), column.not_like(current))
        )
        or 0
        for _, columns in _places()
        for column in columns
    )


def _noted() -> Any:
    row = {"key_id": state().box.current_id, "first_used_at": utcnow()}
    return insert(SealingKey).values(row).on_conflict_do_nothing()


def _named(keys: list[str]) -> str:
    return f"the key{'s' * (len(keys) != 1)} {', '.join(keys)}"
