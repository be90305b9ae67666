"""What our public routes share, for devices and for people at them: answers are our own.

Whatever an answer is that no view of ours made (a host's login, CSRF or rate limit) becomes 503:
a device comes again, and nobody takes the host's page for one of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.errors import Traced

log = logging.getLogger(__name__)

Refuse = Callable[[str, int], Response]
"""(text, status) -> an answer made here."""
_MADE_HERE = "_zmdm_made_here"
_REACHED = "zmdm.reached"


def made(response: Response) -> Response:
    """Mark an answer as our own, so that the guard lets it through."""
    setattr(response, _MADE_HERE, True)
    return response


def to(address: str) -> Response:
    """Send a browser on (303); where it came from holds secrets and is not told."""
    response = made(Response(status=303))
    response.headers["Location"] = address
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def guard(blueprint: Blueprint, *, refuse: Refuse) -> None:
    """Replace what anybody else answered for this blueprint."""

    def reached() -> Response | None:
        """Every hook of the host has passed: from here on, a refusal is our own, no hook's abort.

        Flask would answer OPTIONS by itself, which looks like a hook's answer; nobody asks that.
        """
        request.environ[_REACHED] = True
        return refuse("Method Not Allowed", 405) if request.method == "OPTIONS" else None

    def replace_foreign(response: Response) -> Response:
        if getattr(response, _MADE_HERE, False) and _REACHED in request.environ:
            return response
        log.error(
            "%s %s was answered %s by the host, not by zmdm: exempt the endpoint %s from the hook "
            "(login, CSRF, rate limit) that did it",
            request.method,
            request.url_rule,  # the path may hold a secret
            response.status_code,
            request.endpoint,
        )
        return refuse("try again later", 503)

    blueprint.before_request(reached)
    blueprint.after_request(replace_foreign)


def write_down(refusal: Traced) -> None:
    """Keep the reason of a refusal, in a transaction of its own after the rollback."""
    if refusal.trace is not None:
        with db.outages(), db.transaction():
            refusal.trace()
