"""flask zmdm …: everything that an operator does without a browser; one module per topic."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask

from zmdm_plugin.cli.groups import zmdm
from zmdm_plugin.cli.mdmcerts import mdmcerts

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def register_cli(app: Flask) -> None:
    """Add `flask zmdm` and `flask mdmcerts`."""
    app.cli.add_command(zmdm)
    app.cli.add_command(mdmcerts)
