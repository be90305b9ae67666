"""Two histories in one database: the host's Flask-Migrate, and ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

Run = Callable[..., str]


@pytest.fixture
def flask(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """`flask("db", "upgrade")` as its own process, as an operator types it."""
    program = [sys.executable, "-m", "flask", "--app", "tests.guest.host:create_app"]
    env = {**os.environ, "GUEST_DATABASE": f"sqlite:///{tmp_path / 'host.sqlite3'}"}
    env["PYTHONPATH"] = str(request.config.rootpath)

    def run(*words: str, **more: str) -> str:
        folder = ["--directory", str(tmp_path / "migrations")] if words[0] == "db" else []
        done = subprocess.run(
            [*program, *words, *folder],
            cwd=tmp_path,
            env=env | more,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def newest_script(folder: Path) -> str:
    versions = (folder / "migrations" / "versions").glob("*.py")
    return max(versions, key=lambda path: path.stat().st_mtime_ns).read_text("utf-8")


def test_the_hosts_autogenerate_proposes_nothing_about_our_tables(
    flask: Run, tmp_path: Path
) -> None:
    flask("zmdm", "db", "upgrade")
    flask("db", "init")
    flask("db", "migrate")
    script = newest_script(tmp_path)
    assert "create_table('book'" in script
    assert "zmdm_" not in script


def test_without_our_filter_the_host_would_drop_our_tables(flask: Run, tmp_path: Path) -> None:
    flask("zmdm", "db", "upgrade")
    flask("db", "init")
    flask("db", "migrate", GUEST_NAIVE="1")
    assert "drop_table('zmdm_device'" in newest_script(tmp_path)


def test_both_histories_migrate_side_by_side(flask: Run, tmp_path: Path) -> None:
    flask("db", "init")
    flask("db", "migrate")
    flask("db", "upgrade")
    flask("zmdm", "db", "upgrade")
    flask("db", "downgrade")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.sqlite3'}")
    tables = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    assert {"zmdm_device", "zmdm_alembic_version", "alembic_version"} <= tables
    assert "book" not in tables
