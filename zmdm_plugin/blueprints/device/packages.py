"""Packages and their manifests, by signed links: in ranges, or sent on to where the file is."""

from __future__ import annotations

from flask import Blueprint, Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import ranges, replies
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import package_downloads
from zmdm_plugin.services.package_downloads import MANIFEST, File
from zmdm_plugin.services.storage import backends

blueprint = Blueprint("zmdm_package_files", __name__, url_prefix="/public/mdm/packages")

_REDIRECT = 3600
"""Seconds that a pre-signed link holds: a device follows it at once."""


@blueprint.route("/<channel_uid>/<version_uid>/<moment>/<name>", methods=["GET"])
def download(channel_uid: str, version_uid: str, moment: str, name: str) -> Response:
    """404 for a link that is not ours or holds no longer; 503 while the storage is away."""
    with db.outages(), db.transaction():
        found = package_downloads.find(channel_uid, version_uid, moment, name, now=utcnow())
    if isinstance(found, bytes):
        return replies.made(Response(found, content_type=MANIFEST))
    storage = backends.current()
    link = storage.link(found.sha256, seconds=_REDIRECT, content_type=found.content_type)
    if link is not None:
        return replies.made(_sent_on(link))
    return replies.made(_served(found, storage))


def _sent_on(link: str) -> Response:
    answer = Response(status=302)
    answer.headers["Location"] = link
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _served(found: File, storage: backends.Storage) -> Response:
    """The whole, or the part that is asked for, in pieces from the storage."""
    try:
        part = ranges.asked(found.size, found.sha256)
    except ranges.BeyondEnd:
        refused = replies.plain("Range Not Satisfiable", 416)
        refused.headers["Content-Range"] = f"bytes */{found.size}"
        return refused
    start, length = (part.start, part.length) if part else (0, found.size)
    try:
        pieces = storage.read(found.sha256, start, length)
    except FileNotFoundError as error:
        raise NotFound("there is nothing here") from error
    answer = Response(pieces, status=206 if part else 200, content_type=found.content_type)
    answer.headers["Content-Length"] = str(length)
    answer.headers["Accept-Ranges"] = "bytes"
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.set_etag(found.sha256)
    if part:
        answer.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    return answer
