"""The command groups that each topic's module hangs its commands on."""

from __future__ import annotations

from flask.cli import AppGroup

zmdm = AppGroup("zmdm", help="Apple device management.")
