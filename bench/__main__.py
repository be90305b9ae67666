"""make bench: every benchmark in a short form, and one table at the end.

make bench ARGS=--full                     at 1,000 and 100,000 devices
make bench ARGS="--only screens idle"      some of them
make bench ARGS="--skip push --json"       JSON on standard output, the rest on standard error
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import report

SHORT = {
    "idle": ["--sizes", "1000", "--times", "2000"],
    "events": ["--sizes", "200", "--times", "160", "--rounds", "3"],
    "metrics": ["--devices", "5000"],
    "result_next": ["--sizes", "1000", "--times", "480"],
    "declarations": ["--sizes", "1000", "--times", "1000"],
    "blueprints": ["--sizes", "1000", "--times", "1000", "--artifacts", "5", "50"],
    "enrollment": ["--sizes", "1000", "--times", "20"],
    "screens": ["--sizes", "1000", "--times", "5"],
    "push": ["--pushes", "10000"],
    "push_flush": [],
    "dep": ["--sizes", "10000"],
    "apps_books": ["--licences", "20000", "--devices", "10000"],
    "licences": ["--devices", "10000"],
}
"""Benchmark -> its options without --full."""


def main() -> int:
    options = _options()
    chosen = [name for name in options.only or SHORT if name not in options.skip]
    with tempfile.TemporaryDirectory(prefix="zmdm-bench-") as folder:
        results = Path(folder) / "results"
        failed = [name for name in chosen if not _run(name, options, results)]
        rows = report.read(results)
    if options.json:
        print(json.dumps(report.as_json(rows, failed), indent=2))
    else:
        print(f"\n{report.table(rows)}")
    if failed:
        print("missed: " + ", ".join(failed), file=sys.stderr)
    return int(bool(failed))


def _options() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--full", action="store_true", help="at 1,000 and 100,000 devices")
    parser.add_argument("--only", nargs="+", choices=tuple(SHORT), help="these alone")
    parser.add_argument("--skip", nargs="+", choices=tuple(SHORT), default=(), help="not these")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace, results: Path) -> bool:
    """Run one as a process of its own: what it leaves behind measures nothing else."""
    words = [] if options.full else list(SHORT[name])
    if options.databases and name not in ("push", "apps_books", "metrics"):
        words += ["--databases", *options.databases]
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *words],
        env={**os.environ, report.RESULTS: str(results)},
        stdout=sys.stderr if options.json else None,
        check=False,
    )
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
