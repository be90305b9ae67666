"""Tell the audit where a request comes from, once, before any view of ours runs."""

from __future__ import annotations

import re

from flask import Blueprint, request

from zmdm_plugin.services import audit
from zmdm_plugin.state import state
from zmdm_plugin.web.proxies import source_ip

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def watch(blueprint: Blueprint) -> None:
    """Have a blueprint set the origin of its requests and forget it when they are over."""
    blueprint.before_request(remember_origin)
    blueprint.teardown_request(forget_origin)


def remember_origin() -> None:
    """Read address, user agent and request id; for views that are no blueprint's, too."""
    request_id = request.headers.get("X-Request-Id", "")
    agent = _UNPRINTABLE.sub("?", request.headers.get("User-Agent", ""))
    audit.came_from(
        audit.Origin(
            source_ip=source_ip(request.environ, state().settings.trusted_proxies),
            user_agent=agent[:256] or None,
            request_id=request_id if _REQUEST_ID.fullmatch(request_id) else None,
        )
    )


def forget_origin(_error: BaseException | None = None) -> None:
    """Threads are used again: the next request must not look like this one."""
    audit.came_from(audit.NOWHERE)
