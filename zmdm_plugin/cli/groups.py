"""The command groups that each topic's module hangs its commands on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from flask.cli import AppGroup

from zmdm_plugin.errors import ZmdmError

P = ParamSpec("P")
R = TypeVar("R")

zmdm = AppGroup("zmdm", help="Apple device management.")


def speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn our errors into one line and exit code 1, without a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ZmdmError as error:
            raise click.ClickException(str(error)) from error

    return run
