"""flask zmdm db …: our tables."""

from __future__ import annotations

import click

from zmdm_plugin import db, migrate
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.output import say

database = Topic("db", help="Our tables: a history of their own beside the host's.")
zmdm.add_command(database)


@database.command("upgrade")
@click.option("--revision", default="head", show_default=True)
def upgrade(revision: str) -> None:
    """Bring our tables to the newest revision (or the one named)."""
    migrate.upgrade(db.engine(), revision)
    at = migrate.current(db.engine())
    say({"at": at, "needs": migrate.head()}, f"zmdm tables are at {at}")


@database.command("current")
def current() -> None:
    """Say which revision the tables are at, and which this release needs."""
    at, needs = migrate.current(db.engine()), migrate.head()
    say({"at": at, "needs": needs}, f"at {at}, needs {needs}")
