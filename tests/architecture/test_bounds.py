"""Rooms stay small: what ruff does not bound (lines) and what it does (branches), in one place."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import Source, branches, classes, functions, lines, sources

FILE, CLASS, FUNCTION, BRANCHES, TEST = 400, 200, 40, 10, 30


def test_no_file_is_longer_than_400_lines() -> None:
    long = {source.path: source.text.count("\n") for source in sources()}
    assert {path: count for path, count in long.items() if count > FILE} == {}


def test_no_class_is_longer_than_200_lines() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}: {lines(node)} lines"
        for source in sources()
        for node in classes(source)
        if lines(node) > CLASS
    ]
    assert not found, "\n".join(found)


def test_no_function_is_longer_than_40_lines() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}: {lines(node)} lines"
        for source in sources()
        for node in functions(source)
        if lines(node) > FUNCTION
    ]
    assert not found, "\n".join(found)


def test_no_function_has_more_than_10_branches() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}: {branches(node)} branches"
        for source in sources()
        for node in functions(source)
        if branches(node) > BRANCHES
    ]
    assert not found, "\n".join(found)


def test_no_test_is_longer_than_30_lines() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}: {lines(node)} lines"
        for source in sources("tests")
        for node in functions(source)
        if node.name.startswith("test_") and lines(node) > TEST
    ]
    assert not found, "\n".join(found)


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{source.path}:{inner.lineno}"
        for source in sources()
        for function in functions(source)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not found, "\n".join(found)


def test_no_module_is_an_attic() -> None:
    attics = ("utils.py", "helpers.py", "misc.py", "common.py")
    assert [source.path for source in sources() if source.path.endswith(attics)] == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("if a: pass\nelif b: pass\nelse: pass", 2),
        ("for a in b:\n  while c: pass", 2),
        ("try: pass\nexcept A: pass\nexcept B: pass", 2),
        ("match a:\n  case 1: pass\n  case _: pass", 2),
        ("def inner():\n  if a: pass", 0),
    ],
)
def test_branches_are_counted_as_a_reader_would(body: str, count: int) -> None:
    indented = "\n".join(f"  {line}" for line in body.splitlines())
    function = next(functions(Source("x.py", f"def f():\n{indented}\n")))
    assert branches(function) == count
