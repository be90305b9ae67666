"""/public/mdm/ade/<secret>/web/: the web view of Setup Assistant, until a profile ends it."""

from __future__ import annotations

import json

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.protocol import machine_info
from zmdm_plugin.protocol.mobileconfig import CONTENT_TYPE
from zmdm_plugin.services.ade import web
from zmdm_plugin.web import public_pages
from zmdm_plugin.web.public import made

blueprint = Blueprint("zmdm_setup_assistant", __name__, url_prefix="/public/mdm/ade")

_MOST_HEADER = 64 * 1024


@blueprint.get("/<secret>/web/")
def opened(secret: str) -> Response:
    """The device opens the view, and says in a header who it is."""
    header = request.headers.get(machine_info.HEADER)
    if header and len(header) > _MOST_HEADER:
        return public_pages.stopped("what the device says of itself is too long", status=400)
    with db.outages(), db.transaction():
        answer = web.opened(secret, header)
    if answer.update is not None:
        return _kept_by_nobody(
            Response(json.dumps(answer.update), 403, mimetype="application/json")
        )
    if answer.sign_in:
        return _on(answer.sign_in)
    return _profile(answer.profile)


@blueprint.get("/<secret>/web/signed_in/")
def signed_in(secret: str) -> Response:
    """The browser comes back from the sign-in."""
    with db.outages(), db.transaction():
        address = web.signed_in(secret, request.args.get("sign_in", ""))
    return _on(address)


@blueprint.get("/<secret>/web/<ticket>/")
def profile(secret: str, ticket: str) -> Response:
    """The profile; the view closes when it comes, and asks again if it was lost."""
    with db.outages(), db.transaction():
        body = web.profile(secret, ticket)
    return _profile(body)


def _profile(body: bytes) -> Response:
    return _kept_by_nobody(Response(body, content_type=CONTENT_TYPE))


def _on(address: str) -> Response:
    response = _kept_by_nobody(Response(status=303))
    response.headers["Location"] = address
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _kept_by_nobody(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return made(response)
