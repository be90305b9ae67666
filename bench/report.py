"""What a benchmark found: a line as it comes, and a row of the table at the end.

`python -m bench` names a file in BENCH_RESULTS; each benchmark, a process of its own, adds its
rows there as JSON Lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = "BENCH_RESULTS"
"""Without the prefix of the settings: a host takes those from its environment, and nothing else."""
_HEADS = ("benchmark", "what", "CPU", "a second", "SQL", "bar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement; None where it says nothing."""

    benchmark: str
    what: str
    cpu_ms: float | None = None
    """Of server and database together, for one operation."""
    per_second: float | None = None
    statements: int | None = None
    bar: str = ""
    met: bool | None = None


def add(row: Row, said: str = "") -> None:
    """Print it, and keep it for the table."""
    print(f"{row.benchmark}, {row.what}: {said or _words(row)}", flush=True)
    if path := os.environ.get(RESULTS):
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def read(path: Path) -> list[Row]:
    """What was added so far."""
    if not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


def table(rows: Iterable[Row]) -> str:
    """All rows side by side."""
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def as_json(rows: Iterable[Row], failed: Iterable[str]) -> dict[str, Any]:
    """The same for programs; `failed` are the benchmarks that missed a bar or broke."""
    return {"rows": [asdict(row) for row in rows], "failed": list(failed)}


def _words(row: Row) -> str:
    parts = [
        f"{row.cpu_ms:.2f} ms CPU" if row.cpu_ms is not None else "",
        f"{row.per_second:,.0f}/s" if row.per_second is not None else "",
        f"{row.statements} statements" if row.statements is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "", False: "  MISSED", None: ""}[row.met]
    return (
        row.benchmark,
        row.what,
        f"{row.cpu_ms:.2f} ms" if row.cpu_ms is not None else "",
        f"{row.per_second:,.0f}" if row.per_second is not None else "",
        str(row.statements) if row.statements is not None else "",
        f"{row.bar}{met}",
    )
