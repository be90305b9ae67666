"""Every kind of event stands in the catalogue, and everything in the catalogue is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT
from zmdm_plugin.services.event_kinds import KINDS
from zmdm_plugin.services.event_kinds.document import document

PACKAGE = ROOT / "zmdm_plugin"
KIND = re.compile(r"[a-z_]+\.[a-z_]+")
WRITERS = {"record", "Fact", "_note", "_tell", "_told", "_report"}
PUT_TOGETHER = re.compile(
    r"device\.(udid|serial_number)_changed|dep\.(connect|renew)"
    r"|software_update\.(installed|dropped|withdrawn|replaced)"
)
"""Kinds whose names are made of two parts where they are written."""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted((PACKAGE / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield path, node


def kinds_of(call: ast.Call) -> Iterator[str]:
    """Dotted words among the first two arguments of what writes events (and not the audit)."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name not in WRITERS or (isinstance(owner, ast.Name) and owner.id != "events"):
        return
    for argument in call.args[:3]:
        value = getattr(argument, "value", None)
        if isinstance(value, str) and KIND.fullmatch(value):
            yield value


def test_what_is_written_stands_in_the_catalogue() -> None:
    unknown = [
        f"{path.name}: {kind}"
        for path, call in calls()
        for kind in kinds_of(call)
        if kind not in KINDS
    ]
    assert not unknown, "describe them in services/event_kinds/"


def test_the_page_is_made_of_the_catalogue() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    assert page == document(), "make docs"


def test_what_stands_in_the_catalogue_is_written() -> None:
    sources = "".join(
        path.read_text()
        for path in (PACKAGE / "services").rglob("*.py")
        if path.parent.name != "event_kinds"
    )
    silent = [kind for kind in KINDS if f'"{kind}"' not in sources]
    assert [kind for kind in silent if not PUT_TOGETHER.fullmatch(kind)] == []
