"""The project's own files, and what the architecture tests measure in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = ("zmdm_plugin", "zmdm_simulator", "host_app", "tests", "bench", "tools")
_TEXT = {".cfg", ".conf", ".css", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py", ".toml"}
_TEXT |= {".txt", ".yaml", ".yml", ".service", ".sh"}
_TOP = ("Makefile", "MANIFEST.in", ".ci/run")
_FROZEN = "zmdm_plugin/migrations/versions/"  # history: Alembic writes it, nobody edits it

_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path below the root, with slashes, and its text."""

    path: str
    text: str

    @property
    def module(self) -> ast.Module:
        """The syntax tree; a file that does not parse fails the test that asks."""
        return ast.parse(self.text, self.path)


def sources(*folders: str) -> Iterator[Source]:
    """Every Python file below the folders (all of ours by default), frozen history left out."""
    for folder in folders or CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(_FROZEN):
                yield Source(name, path.read_text("utf-8"))


def texts() -> Iterator[Source]:
    """Every text file that belongs to the project: code, pages, templates, configuration."""
    places = [ROOT / name for name in _TOP]
    places += [path for path in ROOT.iterdir() if path.suffix in _TEXT]
    for folder in (*CODE, "docs"):
        places += (path for path in (ROOT / folder).rglob("*") if path.suffix in _TEXT)
    for path in places:
        if path.is_file():
            yield Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


def lines(node: ast.AST) -> int:
    """Lines from `def` or `class` to the end, decorators left out, docstring counted."""
    assert isinstance(node, (*_FUNCTIONS, ast.ClassDef))
    return (node.end_lineno or node.lineno) - node.lineno + 1


def branches(function: ast.AST) -> int:
    """Places where a function may go one of two ways; those of functions inside are theirs."""
    count = 0
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            continue
        count += isinstance(node, _BRANCHES)
        waiting.extend(ast.iter_child_nodes(node))
    return count


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(source.module) if isinstance(node, _FUNCTIONS))


def classes(source: Source) -> Iterator[ast.ClassDef]:
    """Every class."""
    return (node for node in ast.walk(source.module) if isinstance(node, ast.ClassDef))
