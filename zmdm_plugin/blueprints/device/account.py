"""Account-driven enrollment: service discovery, the sign-in, and the profile it leads to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import replies
from zmdm_plugin.errors import ProtocolError, Traced, ZmdmError
from zmdm_plugin.protocol import account_driven
from zmdm_plugin.protocol.mobileconfig import CONTENT_TYPE
from zmdm_plugin.services.account import discovery, entrance, journey
from zmdm_plugin.web import public_pages

well_known = Blueprint("zmdm_well_known", __name__)
blueprint = Blueprint("zmdm_account", __name__, url_prefix="/public/mdm/account")

MAX_INTRODUCTION = 256 * 1024
_FRESH = "private, max-age=60"
"""Devices ask once; a browser that tries the URL must soon see what was changed."""
_LONGEST = 512


@well_known.route(discovery.PATH, methods=["GET"])
def discover() -> Response:
    """Which service is for this person and this kind of device."""
    with db.outages(), db.transaction():
        found = discovery.find(_asked("user-identifier"), _asked("model-family"))
    return _document(found)


@blueprint.route("/<secret>/com.apple.remotemanagement", methods=["GET"])
def discover_here(secret: str) -> Response:
    """This enrollment, for a web server whose redirect drops the query."""
    with db.outages(), db.transaction():
        return _document(discovery.of_enrollment(secret))


@blueprint.route("/<secret>/", methods=["POST"])
def ask(secret: str) -> Response:
    """The device's introduction: 401 that names the sign-in, or the profile for its token."""
    request.max_content_length = MAX_INTRODUCTION
    body = request.get_data(cache=False)
    authorization = request.headers.get("Authorization")
    with db.outages(), db.transaction():
        profile = entrance.ask(secret, body, authorization=authorization)
    response = Response(profile, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return replies.made(response)


def _for_people(view: Callable[[str], Response]) -> Callable[[str], Response]:
    """A page that is shown in the device's sign-in window: its errors are read by a person."""

    @wraps(view)
    def shown(secret: str) -> Response:
        try:
            with db.outages(), db.transaction():
                response = view(secret)
        except ZmdmError as error:
            if error.status >= 500:
                raise
            if isinstance(error, Traced):
                replies.write_down(error)
            return public_pages.stopped(str(error))
        response.headers["Cache-Control"] = "no-store"
        return replies.made(response)

    return shown


@blueprint.route("/<secret>/authenticate/", methods=["GET"])
@_for_people
def authenticate(secret: str) -> Response:
    """The device opened its sign-in window."""
    return Response(status=302, headers={"Location": journey.begin(secret)})


@blueprint.route("/<secret>/signed_in/", methods=["GET"])
@_for_people
def signed_in(secret: str) -> Response:
    """The person has signed in: back to the device, which waits for exactly this redirect."""
    handle = request.args.get("sign_in", "")
    if not handle or len(handle) > _LONGEST:
        raise ProtocolError("this page follows a sign-in")
    token = journey.end(secret, handle)
    return Response(status=308, headers={"Location": account_driven.authentication_result(token)})


def _asked(name: str) -> str:
    return request.args.get(name, "")[:_LONGEST]


def _document(found: discovery.Service) -> Response:
    response = Response(
        account_driven.discovery_document(found.mode, found.url), content_type="application/json"
    )
    response.headers["Cache-Control"] = _FRESH
    return replies.made(response)
