"""flask zmdm …: everything that an operator does without a browser."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from zmdm_plugin import db, migrate

zmdm = AppGroup("zmdm", help="Apple device management.")
database = AppGroup("db", help="Our tables: a history of their own beside the host's.")
zmdm.add_command(database)


def register_cli(app: Flask) -> None:
    app.cli.add_command(zmdm)


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
