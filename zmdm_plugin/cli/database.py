"""flask zmdm db …: our tables."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from zmdm_plugin import db, migrate
from zmdm_plugin.cli.groups import zmdm

database = AppGroup("db", help="Our tables: a history of their own beside the host's.")
zmdm.add_command(database)


@database.command("upgrade")
@click.option("--revision", default="head", show_default=True)
def upgrade(revision: str) -> None:
    """Bring our tables to the newest revision (or the one named)."""
    migrate.upgrade(db.engine(), revision)
    click.echo(f"zmdm tables are at {migrate.current(db.engine())}")


@database.command("current")
def current() -> None:
    """Say which revision the tables are at, and which this release needs."""
    click.echo(f"at {migrate.current(db.engine())}, needs {migrate.head()}")
