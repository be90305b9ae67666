"""Strings that no linter follows: job names given to defer(), and the page of settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.tree import ROOT, Source, sources
from zmdm_plugin.config import document
from zmdm_plugin.jobs import JOBS

_DEFER = {"defer", "defer_now"}


def deferred(source: Source) -> Iterator[tuple[int, ast.expr]]:
    """Line and first argument of each call of defer() or defer_now()."""
    for node in ast.walk(source.module):
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in _DEFER:
                yield node.lineno, node.args[0]


def test_every_deferred_name_is_a_job() -> None:
    unknown = [
        f"{source.path}:{line}: {argument.value}"
        for source in sources("zmdm_plugin")
        for line, argument in deferred(source)
        if isinstance(argument, ast.Constant) and argument.value not in JOBS
    ]
    assert not unknown, "\n".join(unknown)


def test_something_is_deferred_by_name() -> None:
    named = [
        argument.value
        for source in sources("zmdm_plugin")
        for _, argument in deferred(source)
        if isinstance(argument, ast.Constant)
    ]
    assert named


def test_the_page_of_settings_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert page == document(), "run `make docs`"
