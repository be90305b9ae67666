"""Errors as pages of ours, whose words are for the person at the device."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from zmdm_plugin.errors import ConfigError, Traced, Unavailable, ZmdmError
from zmdm_plugin.web import public, public_pages

log = logging.getLogger(__name__)

_LATER = "the server cannot do this at the moment; wait a little and try again"


def handle(blueprint: Blueprint) -> None:
    """Answer our errors, and replace what anybody else answered for us."""
    blueprint.register_error_handler(ZmdmError, _refusal)
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(Exception, _failure)
    public.guard(blueprint, refuse=lambda text, status: public_pages.stopped(text, status=status))


def _refusal(error: ZmdmError) -> Response:
    if isinstance(error, Traced):
        public.write_down(error)
    if isinstance(error, Unavailable | ConfigError):
        log.error("%s %s: %s", request.method, request.url_rule, error)
        return public_pages.stopped(_LATER, status=503)
    why = str(getattr(error, "why", "") or error)
    return public_pages.stopped(why, status=error.status if error.status < 500 else 400)


def _http(error: HTTPException) -> Response:
    status = error.code or 400
    if status >= 500:
        return public_pages.stopped(_LATER, status=503)
    response = public_pages.stopped(f"the address or the form is not right ({error.name})")
    response.status_code = status if status in (404, 405, 413) else 400
    return response


def _failure(error: Exception) -> Response:
    """A fault of ours: the log has the traceback, without the path, which holds a secret."""
    log.error("%s %s failed", request.method, request.url_rule, exc_info=error)
    return public_pages.stopped(_LATER, status=503)
