"""POST /public/mdm/locations/<mdm_info_id>/notify/: taken, kept, answered; a job reads it.

Whoever does not show the token that Apple was given gets 403 and learns nothing, be it that the
location does not exist.
"""

from __future__ import annotations

import json
import logging

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from zmdm_plugin.errors import Denied, ProtocolError, Unavailable, ZmdmError
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.apps_books import notifications

log = logging.getLogger(__name__)

blueprint = Blueprint("zmdm_apple", __name__, url_prefix="/public/mdm/locations")


@blueprint.post("/<mdm_info_id>/notify/")
def notify(mdm_info_id: str) -> Response:
    """204 once it is kept, also for one that was kept before."""
    request.max_content_length = notifications.MAX_SIZE
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise Denied("this is not for this server")
    body = request.get_data(cache=False)
    notifications.take(mdm_info_id[:36], token.strip(), _json(body), now=utcnow())
    return Response(status=204)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None  # who may not speak learns that first


@blueprint.errorhandler(ZmdmError)
def _refused(error: ZmdmError) -> Response:
    if isinstance(error, Unavailable):
        log.error("a notification could not be kept: %s", error)
        return _plain("try again later", 503)
    status = 400 if isinstance(error, ProtocolError) else 403
    return _plain(str(error), status)


@blueprint.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response:
    return _plain(error.name, error.code or 400)


def _plain(text: str, status: int) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
