"""What devices are answered: exactly 200 for success, and errors that never make one leave.

401, 410 and 403 `com.apple.unrecognized.device` un-enroll a device; they are made here, from
Released and NotManaged alone; a 401 with the bearer challenge, which none leaves for, is made from
SignInRequired. Every other refusal is 400 (404 for a declaration), our own outage is 503, and
whatever an answer is that no view of ours made (a host's login, CSRF or rate limit) becomes 503
too, which a device answers by coming again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from zmdm_plugin.errors import (
    NoService,
    NotFound,
    ProtocolError,
    Released,
    SignInRequired,
    Traced,
    Unavailable,
    ZmdmError,
)
from zmdm_plugin.protocol import account_driven, ddm, plist
from zmdm_plugin.services.checkin import NotManaged
from zmdm_plugin.web import public, public_pages
from zmdm_plugin.web.public import made as made
from zmdm_plugin.web.public import to as to
from zmdm_plugin.web.public import write_down as write_down

log = logging.getLogger(__name__)

ENROLL = "zmdm_enroll"
"""The blueprint of what a person opens on the device."""
_NEXT = "Open the link again, or ask whoever gave it to you for another one."
_PLIST = "application/xml"
_ALLOWED_REFUSALS = frozenset({400, 404, 405, 411, 413, 431})


def command(body: bytes) -> Response:
    """A command, or the empty body that ends a conversation."""
    return made(Response(body, content_type=_PLIST if body else "text/plain"))


def checkin(body: bytes) -> Response:
    return made(Response(body, content_type=_PLIST if body else "text/plain"))


def declarations(body: bytes) -> Response:
    """Tokens, a list of declarations or one of them; a status report is answered by nothing."""
    return made(Response(body, content_type=ddm.CONTENT_TYPE if body else "text/plain"))


def refusal(body: dict[str, Any]) -> Response:
    """One of Apple's errors that a device acts upon; none of those that make it leave."""
    response = made(Response(json.dumps(body), 403, content_type="application/json"))
    response.headers["Cache-Control"] = "no-store"
    return response


def plain(text: str, status: int) -> Response:
    return made(Response(text + "\n", status, content_type="text/plain; charset=utf-8"))


def guard(blueprint: Blueprint) -> None:
    """Answer our errors, and replace what anybody else answered for us."""
    blueprint.register_error_handler(ZmdmError, _refusal)
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(Exception, _failure)
    public.guard(blueprint, refuse=plain)


def _refusal(error: ZmdmError) -> Response:
    if isinstance(error, Traced):
        write_down(error)
    if (made_of := _SPECIAL.get(type(error))) is not None:
        return made_of(error)
    if isinstance(error, NotManaged):
        return plain(str(error), 410)
    if isinstance(error, Unavailable):
        log.error("%s %s: %s", request.method, request.path, error)
        return plain("try again later", 503)
    status = error.status if error.status in _ALLOWED_REFUSALS else 400
    if not isinstance(error, ProtocolError | Traced | NotFound):
        log.warning("%s %s refused: %s", request.method, request.path, type(error).__name__)
    return _page(str(error), status) if _is_for_people() else plain(str(error), status)


def _is_for_people() -> bool:
    """Whether somebody opened the link of an enrollment in a browser; no device asks for HTML."""
    asked = request.accept_mimetypes.values()
    return request.method == "GET" and request.blueprint == ENROLL and "text/html" in asked


def _page(why: str, status: int) -> Response:
    title = "This device cannot enroll here"
    return public_pages.stopped(f"{why}. {_NEXT}", title=title, status=status)


def _release(error: Released) -> Response:
    """Make a device leave; only an operator's block leads here."""
    if error.status == 401:
        return plain("this device is not managed here", 401)
    body = {
        "code": "com.apple.unrecognized.device",
        "description": "The device was blocked by an administrator.",
        "message": "This device is not managed here.",
    }
    return made(Response(plist.dumps(body), 403, content_type=_PLIST))


def _ask_to_sign_in(error: SignInRequired) -> Response:
    """The one 401 that nobody leaves for: its header says where the person signs in."""
    response = plain(str(error), 401)
    response.headers["WWW-Authenticate"] = account_driven.challenge(error.url)
    response.headers["Cache-Control"] = "no-store"
    return response


def _no_service(error: NoService) -> Response:
    """The end of a service discovery; the person reads the message."""
    body = account_driven.discovery_failed(error.description, error.message)
    response = made(Response(body, 403, content_type="application/json"))
    response.headers["Cache-Control"] = "no-store"
    return response


_SPECIAL: dict[type[ZmdmError], Callable[[Any], Response]] = {
    NoService: _no_service,
    Released: _release,
    SignInRequired: _ask_to_sign_in,
}


def _http(error: HTTPException) -> Response:
    """Wrong method, too large, cut short: 4xx as they are, but for those that un-enroll."""
    status = error.code if error.code in _ALLOWED_REFUSALS else 400
    if error.code is not None and error.code >= 500:
        status = 503
    response = plain(error.name, status)
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _failure(error: Exception) -> Response:
    """A fault of ours: the device keeps its answer and comes again; the log has the traceback."""
    log.exception("%s %s failed", request.method, request.path)
    return plain("try again later", 503)
