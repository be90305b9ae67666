"""Our Alembic scripts: a history of our own with its own version table, beside the host's.

On PostgreSQL a session lock lets one process migrate at a time; on SQLite foreign keys are off
while tables are rebuilt (a batch ALTER would cascade into every child row) and checked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from zmdm_plugin.errors import ZmdmError

VERSION_TABLE = "zmdm_alembic_version"
SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x7A6D646D


def include_name(name: str | None, type_: str, _parents: Any) -> bool:
    """For the host's Alembic `include_name`: keeps its autogenerate away from our tables."""
    return not (type_ == "table" and name is not None and name.startswith("zmdm_"))


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Bring our tables to `revision`; safe to run from several processes at once."""
    with _locked(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    with _locked(engine) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: sa.Engine) -> str | None:
    """The revision the database is at; None before the first upgrade."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def head() -> str | None:
    """The revision this release of the plugin needs."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that alone migrates; it commits each migration by itself."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                yield connection
            finally:
                connection.rollback()
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
        else:
            with _without_foreign_keys(connection):
                yield connection


@contextmanager
def _without_foreign_keys(connection: sa.Connection) -> Iterator[None]:
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = driver.execute("PRAGMA foreign_key_check").fetchmany(3)
        if broken:
            raise ZmdmError(f"the migration left rows without their parents: {broken}")
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")
