"""Who types: what is done on the command line is in the audit like everything else."""

from __future__ import annotations

import getpass
import os

from zmdm_plugin import origin
from zmdm_plugin.actors import Actor


def operator() -> Actor:
    """The account of this machine, behind sudo the one who called it; it may do everything."""
    name = os.environ.get("SUDO_USER") or _account()
    found = Actor(id=f"cli:{name}"[:128], label=f"{name} at the command line", kind="system")
    origin.acts(found.id, found.label)
    return found


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry
        return f"uid {os.getuid()}"
