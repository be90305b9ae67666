"""The command groups that each topic's module hangs its commands on, and how commands speak.

Every command of ours takes `--json`: then its result is one JSON value on standard output, an
error one JSON object on standard error, and nothing is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from flask.cli import AppGroup

from zmdm_plugin.errors import Refused, ZmdmError

_JSON = "zmdm.json"


def wants_json() -> bool:
    """Whether the command that runs was called with --json."""
    return bool(click.get_current_context().meta.get(_JSON))


class Failure(click.ClickException):
    """An error as JSON: {message, errors: {field: [why]}, exit_code}."""

    def __init__(self, message: str, *, errors: dict[str, list[str]]) -> None:
        super().__init__(message)
        self.errors = errors

    def show(self, file: IO[Any] | None = None) -> None:
        said = {"message": self.message, "errors": self.errors, "exit_code": self.exit_code}
        click.echo(json.dumps(said), file=file, err=True)


class UsageFailure(Failure):
    """The same, where the command was not called rightly."""

    exit_code = click.UsageError.exit_code


class Spoken(click.Command):
    """A command with `--json`, whose errors are one line (or one object) without a traceback."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_remember,
                help="Print JSON, errors too; ask nothing.",
            )
        )

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        with _plainly(as_json="--json" in args):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _plainly(as_json=bool(ctx.meta.get(_JSON))):
            return super().invoke(ctx)


class Topic(AppGroup):
    """A group of such commands."""

    command_class = Spoken


zmdm = Topic("zmdm", help="Apple device management.")


def _remember(context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.meta[_JSON] = value


@contextmanager
def _plainly(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except ZmdmError as error:
        if not as_json:
            raise click.ClickException(str(error)) from error
        errors = {error.field: [error.why]} if isinstance(error, Refused) else {}
        raise Failure(str(error), errors=errors) from error
    except click.ClickException as error:
        if not as_json or isinstance(error, Failure):
            raise
        where = getattr(error, "param_hint", None) or getattr(error, "param", None)
        name = getattr(where, "name", None) or (where if isinstance(where, str) else None)
        errors = {name: [error.message]} if name else {}
        failure = UsageFailure if isinstance(error, click.UsageError) else Failure
        raise failure(error.format_message(), errors=errors) from error
