"""flask zmdm secrets …: sealing keys."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from zmdm_plugin.cli.groups import zmdm
from zmdm_plugin.secretbox import generate_key

secrets = AppGroup("secrets", help="Keys that seal secrets at rest.")
zmdm.add_command(secrets)


@secrets.command("new-key")
def new_key() -> None:
    """Print a new sealing key for ZMDM_SEALING_KEYS; put it first, keep the old ones behind it."""
    click.echo(generate_key())
