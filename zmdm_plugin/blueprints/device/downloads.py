"""What declarations point at: profiles and the data of assets, by signed links."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import ranges, replies
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.services.artifacts import profiles
from zmdm_plugin.services.declarations import downloads

blueprint = Blueprint("zmdm_downloads", __name__, url_prefix="/public/mdm/ddm")


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
        response.make_conditional(ranges.environ(size), accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        response = replies.plain("Range Not Satisfiable", 416)
        response.headers["Content-Range"] = f"bytes */{len(found.body)}"
    return replies.made(response)
