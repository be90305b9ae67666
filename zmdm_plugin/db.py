"""The host's session, our transactions, and the short way to the driver for the hot path.

Edges open `transaction()`; services flush and never commit; `after_commit()` tells the outside
world only once there is something to tell.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, scoped_session

from zmdm_plugin.errors import Unavailable
from zmdm_plugin.state import AFTER_COMMIT as _AFTER
from zmdm_plugin.state import after_commit as after_commit
from zmdm_plugin.state import state

log = logging.getLogger(__name__)
T = TypeVar("T")

_OPEN = "zmdm_transaction"
_OPENING = "zmdm_opening"
_FLUSHED = "zmdm_foreign_flush"
IMMEDIATE = "zmdm_immediate"
_RETRY_CODES = {"40001", "40P01", "55P03"}
_RACE_CODES = {"23503", "23505"}
_RACE_WORDS = ("UNIQUE constraint failed", "FOREIGN KEY constraint failed")


def session() -> scoped_session[Session]:
    """The host's session of the current application context."""
    return cast("scoped_session[Session]", state().db.session)


def engine() -> sa.Engine:
    return state().db.engine


def is_postgresql() -> bool:
    return engine().dialect.name == "postgresql"


def insert(model: Any) -> Any:
    """An INSERT that knows ON CONFLICT, which both databases spell alike."""
    return (postgresql if is_postgresql() else sqlite).insert(model)


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit, then tell the outside world; or roll back and stay silent."""
    current = session()()
    if current.info.get(_OPEN):
        raise RuntimeError("transaction() is opened by edges only, and once")
    _take_over(current)
    current.info[_OPEN] = True
    current.info[_AFTER] = []
    try:
        if current.get_bind().dialect.name == "sqlite":
            current.connection(execution_options={IMMEDIATE: True})
        if (first := current.info.pop(_OPENING, None)) is not None:
            first()
        yield current
        current.commit()
    except BaseException:
        current.rollback()
        raise
    finally:
        current.info.pop(_OPEN, None)
        waiting = current.info.pop(_AFTER, [])
    for told in waiting:
        _tell(told)


@contextmanager
def opening(first: Callable[[], object]) -> Iterator[None]:
    """Have the next transaction() in here, and that one alone, begin with a call of `first`."""
    current = session()()
    current.info[_OPENING] = first
    try:
        yield
    finally:
        current.info.pop(_OPENING, None)


def is_open() -> bool:
    """Whether a transaction() is open in this context."""
    return bool(session()().info.get(_OPEN))


def run_in_transaction(work: Callable[[], T], *, tries: int = 5) -> T:
    """For jobs: open a transaction and repeat it after a deadlock or "database is locked"."""
    for attempt in range(tries):
        try:
            with transaction():
                return work()
        except DBAPIError as error:
            if attempt + 1 == tries or not is_passing(error):
                raise
        time.sleep(random.uniform(0, 0.05 * 2**attempt))
    raise AssertionError("unreachable")


def is_passing(error: DBAPIError) -> bool:
    """Whether the same transaction may well succeed when it is tried again."""
    if getattr(error.orig, "sqlstate", None) in _RETRY_CODES:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)


def is_race(error: IntegrityError) -> bool:
    """Whether another transaction was quicker: it made the same, or deleted what this one names.

    Services look first; between the look and the write there is a moment.
    """
    if getattr(error.orig, "sqlstate", None) in _RACE_CODES:
        return True
    return str(error.orig).startswith(_RACE_WORDS)


@contextmanager
def outages() -> Iterator[None]:
    """Turn a database that cannot be reached into Unavailable, which devices get as 503."""
    try:
        yield
    except (OperationalError, InterfaceError, sa.exc.TimeoutError) as error:
        raise Unavailable("the database cannot be reached") from error
    except DBAPIError as error:
        if error.connection_invalidated or is_passing(error):
            raise Unavailable("the database is busy or restarting") from error
        raise


def _take_over(current: Session) -> None:
    if current.new or current.dirty or current.deleted or current.info.get(_FLUSHED):
        raise RuntimeError(
            "the host's session has uncommitted changes; commit them before calling zmdm"
        )
    if current.in_transaction():
        current.rollback()


def _tell(told: Callable[[], object]) -> None:
    try:
        told()
    except Exception:  # the change is committed: a receiver may not undo the answer
        log.exception("after-commit call failed")


# -- the hot path -----------------------------------------------------------------------------


_NAMED = re.compile(r"(?<!:):([a-z_][a-z_0-9]*)")


class HotStatement:
    """SQL text with :names, run on the driver, prepared: SQLAlchemy costs more than the rest."""

    def __init__(self, sql: str, *, postgresql: str | None = None) -> None:
        self._sqlite = sql
        self._psycopg = _NAMED.sub(r"%(\1)s", postgresql or sql)

    def first(
        self, values: Mapping[str, Any], *, bound: sa.Engine, prepare: bool
    ) -> tuple[Any, ...] | None:
        """Its first row, committed at once; Unavailable when the database is away even after one
        reconnect.
        """
        with outages():
            try:
                return self._once(values, bound, prepare=prepare)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._once(values, bound, prepare=prepare)

    def run(self, values: Mapping[str, Any], *, prepare: bool) -> None:
        """In the transaction that is open, with whatever else it does; no row is read."""
        connection = session().connection()
        raw = cast(Any, connection.connection.driver_connection)
        try:
            if connection.dialect.name == "postgresql":
                raw.execute(self._psycopg, values, prepare=prepare)
            else:
                raw.execute(self._sqlite, _plain(values))
        except Exception as error:
            raise self._told(error, connection.dialect, connection) from error

    def _once(
        self, values: Mapping[str, Any], bound: sa.Engine, *, prepare: bool
    ) -> tuple[Any, ...] | None:
        raw = None
        try:
            raw = bound.raw_connection()
            if bound.dialect.name == "postgresql":
                return self._on_psycopg(raw, values, prepare=prepare)
            return self._on_sqlite(raw, values)
        except Exception as error:
            raise self._told(error, bound.dialect, raw) from error
        finally:
            if raw is not None:
                raw.close()

    def _on_psycopg(
        self, raw: Any, values: Mapping[str, Any], *, prepare: bool
    ) -> tuple[Any, ...] | None:
        connection = raw.driver_connection
        connection.autocommit = True
        try:
            row: tuple[Any, ...] | None = connection.execute(
                self._psycopg, values, prepare=prepare
            ).fetchone()
            return row
        finally:
            if not connection.closed:
                connection.autocommit = False

    def _on_sqlite(self, raw: Any, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        connection = raw.driver_connection
        before, connection.isolation_level = connection.isolation_level, None
        try:
            row: tuple[Any, ...] | None = connection.execute(
                self._sqlite, _plain(values)
            ).fetchone()
            return row
        finally:
            connection.isolation_level = before

    def _told(self, error: Exception, dialect: sa.Dialect, used: Any) -> Exception:
        """As SQLAlchemy would raise it; `used`: the connection, given up if it is broken."""
        kind = dialect.loaded_dbapi.Error
        if not isinstance(error, kind):
            return error
        gone = dialect.is_disconnect(error, None, None)
        if used is not None and gone:
            used.invalidate(error)
        return DBAPIError.instance(self._sqlite, None, error, kind, True, gone)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the driver of SQLite takes them, moments as SQLAlchemy writes them."""
    return {
        name: value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, datetime)
        else value
        for name, value in values.items()
    }


def insert_many(model: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, and every one that must not be NULL.

    PostgreSQL takes them by COPY, which costs a fraction of as many INSERTs.
    """
    if not rows:
        return
    if not is_postgresql():
        session().execute(sa.insert(model), list(rows))
        return
    columns, names = model.__table__.c, list(rows[0])
    nested = [at for at, name in enumerate(names) if isinstance(columns[name].type, sa.JSON)]
    listed, values = ", ".join(f'"{name}"' for name in names), itemgetter(*names)
    raw = cast(Any, session().connection().connection.driver_connection)
    with (
        raw.cursor() as cursor,
        cursor.copy(f'COPY "{model.__table__.name}" ({listed}) FROM STDIN') as copy,
    ):
        for row in rows:
            written = list(values(row))
            for at in nested:
                if written[at] is not None:
                    written[at] = json.dumps(written[at])
            copy.write_row(written)


def any_of(column: Any, values: Iterable[Any]) -> sa.ColumnElement[bool]:
    """Whether a column has one of many values: one parameter where the database knows arrays.

    SQLAlchemy writes out an IN of a thousand for 50 ms, each time anew.
    """
    wanted = list(values)
    if not is_postgresql():
        return cast("sa.ColumnElement[bool]", column.in_(wanted))
    return cast("sa.ColumnElement[bool]", column == sa.any_(array(wanted, like=column)))


def array(values: Sequence[Any], *, like: Any) -> sa.BindParameter[Any]:
    """One parameter of PostgreSQL with many values of a column's type."""
    return sa.bindparam(None, list(values), type_=postgresql.ARRAY(like.type))


def texts(values: Iterable[str]) -> sa.ColumnElement[str]:
    """A column of these texts, to be selected from as if they were a table: one parameter."""
    listed = sa.literal(json.dumps(list(values)), sa.Text())
    rows = (
        sa.func.json_array_elements_text(sa.cast(listed, sa.JSON))
        if is_postgresql()
        else sa.func.json_each(listed)
    )
    column: sa.ColumnElement[str] = rows.table_valued(sa.column("value", sa.String())).c.value
    return column


def json_of(members: Mapping[str, Any]) -> sa.ColumnElement[Any]:
    """A JSON object that the database puts together, from columns and plain values."""
    flat: list[Any] = []
    for name, value in members.items():
        flat += [sa.literal(name, sa.Text()), value]
    if is_postgresql():
        return sa.func.jsonb_build_object(*flat, type_=postgresql.JSONB())
    return sa.type_coerce(sa.func.json_object(*flat), sa.JSON())


def typed(
    sql: str, parameters: Mapping[str, Any], columns: Sequence[Any]
) -> sa.TextualSelect | sa.TextClause:
    """SQL written out, its :parameters and its columns having the types of mapped attributes."""
    bound = [sa.bindparam(name, type_=like.type) for name, like in parameters.items()]
    clause = sa.text(sql).bindparams(*bound)
    return clause.columns(*(sa.column(like.key, like.type) for like in columns))


# -- guests in the host's engine ----------------------------------------------------------------


def prepare_engine(target: sa.Engine) -> None:
    """Make the host's engine safe for us: no lost updates on SQLite, no values in tracebacks."""
    target.hide_parameters = True
    if target.dialect.name == "sqlite" and not sa.event.contains(target, "begin", _begin):
        sa.event.listen(target, "connect", _connect)
        sa.event.listen(target, "begin", _begin)


def watch_flushes(host_session: Any) -> None:
    """Remember that the host has flushed something, so that we never roll it back unseen."""
    sa.event.listen(host_session, "after_flush", _after_flush)
    sa.event.listen(host_session, "after_commit", _settled)
    sa.event.listen(host_session, "after_rollback", _settled)


def _after_flush(current: Session, _context: object) -> None:
    if not current.info.get(_OPEN):
        current.info[_FLUSHED] = True


def _settled(current: Session) -> None:
    current.info.pop(_FLUSHED, None)


def _connect(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Our transactions lock before they read; the host's begin as its driver always began them.

    A BEGIN before the host's first SELECT would hold a snapshot, and its next write would fail
    ("database is locked") as soon as one device had polled in between.
    """
    if connection.get_execution_options().get(IMMEDIATE):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
