"""The short way for the poll of an idle device, which is nearly all that a fleet sends.

It stands before Flask, calls the same proof and the same statement as the view, and answers only
when there is nothing to do. Whatever else it meets, a fault included, goes on to Flask untouched;
so do devices with an access token, which may be due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from flask import Flask

from zmdm_plugin.blueprints.device.evidence import signed_by
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.protocol import plist
from zmdm_plugin.services import conversation
from zmdm_plugin.state import state_of
from zmdm_plugin.web.origin import HEADER, request_id

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

POLLED = "zmdm.polled"
"""In the environ: the poll's statement has run, and there is something to do."""
_PATHS = frozenset({"/public/mdm/connect/", "/public/mdm/checkin/"})
_MAX_BODY = 2048
_HEADERS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")]


class IdleShortcut:
    """WSGI middleware around one application."""

    def __init__(self, app: Flask, inner: Wsgi) -> None:
        self._app = app
        self._inner = inner
        self._engine: sa.Engine | None = None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        signature = environ.get("HTTP_MDM_SIGNATURE")
        if (
            signature
            and "HTTP_AUTHORIZATION" not in environ
            and environ.get("PATH_INFO") in _PATHS
            and environ.get("REQUEST_METHOD") == "PUT"
            and 0 < _length(environ) <= _MAX_BODY
            and self._nothing_to_do(environ, signature)
        ):
            proxies = state_of(self._app).settings.trusted_proxies
            start_response("200 OK", [*_HEADERS, (HEADER, request_id(environ, proxies))])
            return (b"",)
        return self._inner(environ, start_response)

    def _nothing_to_do(self, environ: Environ, signature: str) -> bool:
        body = environ["wsgi.input"].read(_length(environ))
        environ["wsgi.input"] = BytesIO(body)
        message = plist.flat_strings(body)
        if message is None or message.get("Status") != "Idle":
            return False
        prepare = state_of(self._app).settings.prepared_statements
        try:
            evidence = signed_by(signature, body)
            nothing = conversation.idle(evidence, message, bound=self._bound(), prepare=prepare)
        except (ZmdmError, sa.exc.SQLAlchemyError):
            return False
        environ[POLLED] = True
        return nothing

    def _bound(self) -> sa.Engine:
        if self._engine is None:
            with self._app.app_context():
                self._engine = state_of(self._app).db.engine
        return self._engine


def _length(environ: Environ) -> int:
    """Content-Length; 0 where there is none that says something (chunked, or nonsense)."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
