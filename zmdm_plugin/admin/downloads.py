"""Downloads from screens: exports and their buttons; their headers say what every page's say."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response

from zmdm_plugin.admin.screen import HEADERS
from zmdm_plugin.errors import NotFound
from zmdm_plugin.services.export_formats import KINDS
from zmdm_plugin.web.download import streamed

BUTTONS = {"csv": "Export CSV", "jsonl": "Export JSON Lines"}


def check(kind: str) -> None:
    """NotFound for what is no kind of export."""
    if kind not in KINDS:
        raise NotFound("There is no such form of export.")


def export(parts: Iterator[bytes], kind: str, name: str) -> Response:
    """An export whose parts are read while it is sent."""
    return guarded(streamed(parts, kind, name))


def guarded(answer: Response) -> Response:
    """A download under the rules of pages, but for those that it has of its own."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
