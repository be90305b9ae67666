"""flask zmdm secrets …: sealing keys."""

from __future__ import annotations

from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.output import say
from zmdm_plugin.secretbox import generate_key

secrets = Topic("secrets", help="Keys that seal secrets at rest.")
zmdm.add_command(secrets)


@secrets.command("new-key")
def new_key() -> None:
    """Print a new sealing key for ZMDM_SEALING_KEYS; put it first, keep the old ones behind it."""
    key = generate_key()
    say({"key": key}, key)
