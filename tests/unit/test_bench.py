"""The benchmarks are code that nobody runs daily: what they ask for has to be there."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from bench import __main__ as bench
from bench import report, screens
from bench.report import Row

ROOT = Path(__file__).parents[2]
SLOW = Row(benchmark="screens", what="devices", cpu_ms=301.5, statements=4, bar="300 ms", met=False)


@pytest.mark.parametrize("name", bench.SHORT)
def test_each_benchmark_is_a_module_that_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").main)


def test_every_page_that_is_measured_answers(app: Flask) -> None:
    device = screens.lay(app, 40)
    for path in screens.PAGES.values():
        if path.startswith("/mdm/"):
            assert app.test_client().get(path.format(**device)).status_code == 200, path


def test_a_missed_bar_is_seen_in_the_table() -> None:
    fast = Row(benchmark="idle", what="sqlite", cpu_ms=0.5, per_second=2000.4, bar="1 ms", met=True)
    heads, first, second = report.table([fast, SLOW]).splitlines()
    assert first.split() == ["idle", "sqlite", "0.50", "ms", "2,000", "1", "ms"]
    assert second.endswith("300 ms  MISSED") and heads.startswith("benchmark")


def test_rows_go_through_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(report.RESULTS, str(tmp_path / "rows"))
    report.add(SLOW)
    assert report.read(tmp_path / "rows") == [SLOW]


def test_nothing_chosen_is_an_empty_list_and_no_failure() -> None:
    words = [sys.executable, "-m", "bench", "--json", "--only", "push", "--skip", "push"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"rows": [], "failed": []}
