"""Exports as they leave: streamed, named, kept by no cache."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, stream_with_context

from zmdm_plugin.models.base import utcnow

_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def streamed(parts: Iterator[bytes], kind: str, name: str) -> Response:
    """A download that begins before its end is read; `kind` is csv or jsonl."""
    stamp = utcnow().strftime("%Y%m%d-%H%M%S")
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}-{stamp}.{kind}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(stream_with_context(parts), content_type=_TYPES[kind], headers=headers)


def attachment(body: bytes, name: str, content_type: str) -> Response:
    """A file under a name that a person gave, whatever characters that has."""
    answer = Response(body, content_type=content_type)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
