"""Our tables: one history, the same on both databases, safe to run twice and side by side."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask

from tests.servers import Postgres
from zmdm_plugin import db, migrate
from zmdm_plugin.models import Channel, ChannelCommand, metadata

ROOT = Path(__file__).parents[2]
FORMER = "0001"
"""What the last release came to."""


def ours(name: str | None, type_: str, _parents: object) -> bool:
    return type_ != "table" or (name or "").startswith("zmdm_")


def test_the_migrated_tables_are_the_models(any_app: Flask) -> None:
    with any_app.app_context(), db.engine().connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": ours, "compare_type": True}
        )
        found = compare_metadata(context, metadata)
        assert [one for one in found if "zmdm_alembic_version" not in str(one)] == []


def test_the_version_table_is_our_own(any_app: Flask) -> None:
    with any_app.app_context():
        assert migrate.current(db.engine()) == migrate.head()
        assert "alembic_version" not in sa.inspect(db.engine()).get_table_names()


def test_a_second_upgrade_changes_nothing(any_app: Flask) -> None:
    runner = any_app.test_cli_runner()
    result = runner.invoke(args=["zmdm", "db", "upgrade"])
    assert (result.exit_code, result.output) == (0, f"zmdm tables are at {migrate.head()}\n")


def test_everything_can_be_taken_back_and_made_again(any_app: Flask) -> None:
    with any_app.app_context():
        migrate.downgrade(db.engine(), "base")
        left = [name for name in sa.inspect(db.engine()).get_table_names() if name[:5] == "zmdm_"]
        assert left == ["zmdm_alembic_version"]
        migrate.upgrade(db.engine())
        assert migrate.current(db.engine()) == migrate.head()


def test_rows_of_the_former_release_are_there_after_the_upgrade(any_app: Flask) -> None:
    with any_app.app_context():
        migrate.downgrade(db.engine(), FORMER)
        tables = sa.MetaData()
        tables.reflect(db.engine(), only=lambda name, _: name.startswith("zmdm_"))
        with db.engine().begin() as connection:
            device = put(connection, tables, "zmdm_device", serial_number="C02FORMER")
            channel = put(connection, tables, "zmdm_channel", device_id=device, key="")
            put(connection, tables, "zmdm_command", device_id=device, channel_id=channel)
        migrate.upgrade(db.engine())
        command = db.session().scalars(sa.select(ChannelCommand)).one()
        assert command.channel_id == channel
        kept = db.session().get_one(Channel, channel)
        assert (kept.device.serial_number, kept.device.blueprint_id) == ("C02FORMER", None)
        assert kept.planned_blueprint_revision == 0


def put(connection: sa.Connection, tables: sa.MetaData, name: str, **given: object) -> int:
    """A row as that release wrote it: something of the right type in whatever may not be empty."""
    table = tables.tables[name]
    blank = {int: 0, str: "", bool: False, datetime: datetime.now(UTC), float: 0.0}
    values = {
        column.key: {} if isinstance(column.type, sa.JSON) else blank[column.type.python_type]
        for column in table.columns
        if not column.nullable and not column.primary_key and column.computed is None
    }
    made = connection.execute(sa.insert(table).values({**values, "uid": name, **given}))
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def test_foreign_keys_are_on_again_after_a_migration_on_sqlite(app: Flask) -> None:
    with app.app_context():
        migrate.upgrade(db.engine())
        with db.engine().connect() as connection:
            assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1


@pytest.mark.slow
def test_two_processes_may_upgrade_at_once(postgres: Postgres) -> None:
    url = postgres.create()
    script = (
        f"from tests import hosts; hosts.migrate({url.render_as_string(hide_password=False)!r})"
    )
    upgrades = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [upgrade.communicate(timeout=60)[1] for upgrade in upgrades]
    postgres.drop(url)
    assert [upgrade.returncode for upgrade in upgrades] == [0, 0], errors
