"""Our tables: one history, the same on both databases, safe to run twice and side by side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask

from tests.servers import Postgres
from zmdm_plugin import db, migrate
from zmdm_plugin.models import metadata

ROOT = Path(__file__).parents[2]


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
