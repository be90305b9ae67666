"""What commands print: JSON for programs, lines for people, a bar while something takes time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import click

from zmdm_plugin.cli.groups import wants_json

_NOTHING = "-"


class Bar(Protocol):
    """A progress bar, or nothing that looks like one."""

    pos: int
    length: int | None

    def update(self, n_steps: int) -> None: ...


def say(value: Any, lines: str | Iterable[str]) -> None:
    """Print `value` with --json, else these lines."""
    if wants_json():
        click.echo(json.dumps(value, ensure_ascii=False, default=str))
        return
    for line in [lines] if isinstance(lines, str) else lines:
        click.echo(line)


def hint(text: str) -> None:
    """Tell people what goes on, beside the result, which programs read."""
    click.echo(text, err=True)


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print rows: with --json whole, else these columns side by side."""
    cells = [[_text(row.get(name)) for name in columns] for row in rows]
    heads = [name.replace("_", " ").upper() for name in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in [heads, *cells]]
    say(rows, lines if rows else [empty])


def card(value: dict[str, Any]) -> None:
    """Print one thing: with --json whole, else what is known of it, line by line."""
    known = {name: _text(one) for name, one in value.items() if one not in (None, "", [], {})}
    width = max(map(len, known), default=0)
    say(value, [f"{name.replace('_', ' '):{width}}  {text}" for name, text in known.items()])


@contextmanager
def progress(label: str, length: int | None) -> Iterator[Bar]:
    """A bar on the terminal; nothing where nobody looks, or with --json."""
    seen = sys.stderr.isatty() and not wants_json()
    bar = click.progressbar(
        length=length or 1, label=label, hidden=not seen, file=sys.stderr, update_min_steps=1
    )
    with bar as shown:
        yield shown


def to(bar: Bar, position: int) -> None:
    """Move a bar forward to this position."""
    bar.update(max(0, position - bar.pos))


def asks(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--yes`, handed over as `yes`, for `ask`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def ask(question: str, *, yes: bool) -> None:
    """Go on only if somebody agrees: at the terminal, or by --yes."""
    if yes:
        return
    if wants_json():
        raise click.UsageError("with --json nothing is asked: say --yes as well")
    click.confirm(question, abort=True, err=True)


def _text(value: Any) -> str:
    if value is None or value == "" or value == []:
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
