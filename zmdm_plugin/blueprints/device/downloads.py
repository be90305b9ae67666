"""What declarations point at: profiles and the data of assets, by signed links."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import replies
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.services.artifacts import profiles
from zmdm_plugin.services.declarations import downloads

blueprint = Blueprint("zmdm_downloads", __name__, url_prefix="/public/mdm/ddm")

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


@blueprint.route("/<channel_uid>/<version_uid>/<name>", methods=["GET"])
def download(channel_uid: str, version_uid: str, name: str) -> Response:
    """The whole, or the range that is asked for; 404 for a link that holds no longer."""
    with db.outages(), db.transaction():
        try:
            found = downloads.find(channel_uid, version_uid, name, profile=profiles.render)
        except Refused as refusal:  # it cannot be made for this channel at present
            raise NotFound(str(refusal)) from refusal
    response = Response(found.body, content_type=found.content_type)
    response.set_etag(hashlib.sha256(found.body).hexdigest())
    response.headers["Cache-Control"] = "private, no-cache"
    try:
        size = len(found.body)
        response.make_conditional(_asked(size), accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        response = replies.plain("Range Not Satisfiable", 416)
        response.headers["Content-Range"] = f"bytes */{len(found.body)}"
    return replies.made(response)


def _asked(size: int) -> dict[str, Any]:
    """The request, without a Range that is to be ignored: odd ones, several, and the whole.

    https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    """
    shape = _RANGE.fullmatch(request.headers.get("Range", ""))
    if shape is not None:
        first, last, suffix = shape.groups()
        if int(suffix) < size if suffix else not last or int(first) <= int(last):
            return request.environ
    return {name: value for name, value in request.environ.items() if name != "HTTP_RANGE"}
