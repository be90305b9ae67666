"""Errors as JSON, in one documented shape: {code, status, message, errors}.

Handlers hang on our blueprints, one per status, because a host's handler for a status would win
over a handler of ours for all of them; the host's own pages stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, default_exceptions

from zmdm_plugin import db
from zmdm_plugin.errors import (
    Denied,
    Overtaken,
    Refused,
    TooMany,
    Unauthorized,
    Unavailable,
    ZmdmError,
)
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import audit, idempotency
from zmdm_plugin.web.actor import api_actor

log = logging.getLogger(__name__)


class ErrorSchema(ma.Schema):
    """What every error of the API looks like."""

    class Meta:
        ordered = True

    code = ma.fields.Integer(required=True, metadata={"description": "The HTTP status."})
    status = ma.fields.String(required=True, metadata={"description": "Its name."})
    message = ma.fields.String(required=True, metadata={"description": "What is wrong, in words."})
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        metadata={
            "description": "Faults by place (`query`, `json`, `headers`) and field, as lists of "
            "texts; empty unless arguments are at fault.",
            "example": {"json": {"pin": ["Six digits, 0 to 9."]}},
        },
    )


def answer(
    code: int,
    message: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One error as a response."""
    body = {
        "code": code,
        "status": HTTPStatus(code).phrase,
        "message": message,
        "errors": dict(errors or {}),
    }
    response = jsonify(body)
    response.status_code = code
    response.headers.extend(dict(headers or {}))
    return response


def handle_with_json(blueprint: Blueprint) -> None:
    """Have a blueprint answer every error in this shape."""
    for code in default_exceptions:
        blueprint.register_error_handler(code, _http)
    blueprint.register_error_handler(HTTPException, _http)
    blueprint.register_error_handler(ZmdmError, _ours)
    blueprint.register_error_handler(Denied, _denied)
    blueprint.register_error_handler(IntegrityError, _overtaken)
    for outage in (OperationalError, InterfaceError, PoolTimeout):
        blueprint.register_error_handler(outage, _outage)


def _http(error: HTTPException) -> Response:
    """Errors of Flask and of the argument parser; `data` is what the parser puts there."""
    if error.response is not None or error.code is None or error.code < 400:
        return Response.force_type(error.get_response())  # type: ignore[return-value]
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    faults = {
        place: found if isinstance(found, Mapping) else {"_schema": found}
        for place, found in (data.get("messages") or {}).items()
    }
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    message = "arguments are at fault" if faults else HTTPStatus(error.code).phrase.lower()
    if error.code == 500:
        message = "an error of the server, which its log describes"
    return answer(error.code, data.get("message", message), errors=faults, headers=headers)


def _ours(error: ZmdmError) -> Response:
    code = error.status
    if isinstance(error, Refused):
        place = _place(error.field)
        faults = {place: {error.field: [error.why]}} if error.field else {}
        return answer(code, f"{error.field}: {error.why}".removeprefix(": "), errors=faults)
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Token realm="zmdm", Bearer realm="zmdm"'
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "5"
    if isinstance(error, TooMany):
        headers["Retry-After"] = "60"
    if code >= 500:
        log.error("an API request failed: %s", error)
    return answer(code, str(error), headers=headers)


def _place(field: str) -> str:
    if field == idempotency.HEADER:
        return "headers"
    return "query" if field in request.args else "json"


def _denied(error: Denied) -> Response:
    """A denial is written down, committed before the answer leaves."""
    subject = error.subject if isinstance(error.subject, Base) else None
    with db.transaction():
        audit.record(api_actor(), "denied", subject, reason=str(error))
    return _ours(error)


def _overtaken(error: IntegrityError) -> Response:
    """Two who did the same at once; any other broken constraint is a fault of ours."""
    if not db.is_race(error):
        raise error
    return _ours(Overtaken())


def _outage(error: DBAPIError | PoolTimeout) -> Response:
    log.error("the database does not answer: %s", type(error).__name__)
    return _ours(Unavailable("the database does not answer; try again"))
