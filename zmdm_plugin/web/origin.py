"""Tell audit, events and log lines where a request comes from, once, before any view of ours runs.

The request's id is a trusted proxy's `X-Request-Id`, or made here; the answer carries it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, request

from zmdm_plugin import origin
from zmdm_plugin.state import state
from zmdm_plugin.web.proxies import Network, peer_is_trusted, source_ip

HEADER = "X-Request-Id"
_KEPT = "zmdm.request_id"
"""In the environ: what comes before Flask, and a second blueprint's view, mean the same id."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def watch(blueprint: Blueprint) -> None:
    """Have a blueprint set the origin of its requests and forget it when they are over."""
    blueprint.before_request(remember_origin)
    blueprint.after_request(_echo)
    blueprint.teardown_request(forget_origin)


def remember_origin() -> None:
    """Read address, user agent and request id; for views that are no blueprint's, too."""
    proxies = state().settings.trusted_proxies
    agent = _UNPRINTABLE.sub("?", request.headers.get("User-Agent", ""))
    origin.came_from(
        origin.Origin(
            source_ip=source_ip(request.environ, proxies),
            user_agent=agent[:256] or None,
            request_id=request_id(request.environ, proxies),
        )
    )


def forget_origin(_error: BaseException | None = None) -> None:
    """Threads are used again: the next request must not look like this one."""
    origin.came_from(origin.NOWHERE)


def request_id(environ: dict[str, Any], proxies: Sequence[Network]) -> str:
    """The id of this request, the same however often it is asked for."""
    kept: str | None = environ.get(_KEPT)
    if kept is None:
        kept = environ[_KEPT] = _given(environ, proxies) or origin.new_request_id()
    return kept


def _given(environ: Mapping[str, Any], proxies: Sequence[Network]) -> str | None:
    """What a proxy of ours says; anybody else could make entries look like another request's."""
    said = environ.get("HTTP_X_REQUEST_ID")
    if not said or not _REQUEST_ID.fullmatch(said) or not peer_is_trusted(environ, proxies):
        return None
    return str(said)


def _echo(response: Response) -> Response:
    if found := origin.origin().request_id:
        response.headers[HEADER] = found
    return response
