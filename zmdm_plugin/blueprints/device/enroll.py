"""Where devices come in: over the air, in Setup Assistant, and by hand."""

from __future__ import annotations

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import replies
from zmdm_plugin.protocol.mobileconfig import CONTENT_TYPE
from zmdm_plugin.services.ade import entering
from zmdm_plugin.services.enrollment import enrollments, manual, ota

blueprint = Blueprint(replies.ENROLL, __name__, url_prefix="/public/mdm")

MAX_ATTRIBUTES = 256 * 1024


@blueprint.route("/ota/<secret>/", methods=["GET"])
def over_the_air(secret: str) -> Response:
    """Step 1: a person opened the enrollment's link on the device, and may have to sign in."""
    with db.outages(), db.transaction():
        if (elsewhere := ota.sign_in(secret)) is not None:
            return replies.to(elsewhere)
        return _profile(ota.first_profile(secret), "enroll.mobileconfig")


@blueprint.route("/ota/<secret>/signed_in/", methods=["GET"])
def signed_in(secret: str) -> Response:
    """Step 1 after the sign-in."""
    with db.outages(), db.transaction():
        profile = ota.signed_in(secret, request.args.get("sign_in", ""))
        return _profile(profile, "enroll.mobileconfig")


@blueprint.route("/ota/<secret>/device/", methods=["POST"])
def attributes(secret: str) -> Response:
    """Steps 2 and 3: the device's attributes, signed."""
    request.max_content_length = MAX_ATTRIBUTES
    body = request.get_data(cache=False)
    with db.outages(), db.transaction():
        return _profile(ota.next_profile(secret, body), "enroll.mobileconfig")


@blueprint.route("/manual/<secret>/", methods=["GET"])
def by_hand(secret: str) -> Response:
    """The MDM profile itself, for whoever has the link."""
    with db.outages(), db.transaction():
        enrollment = enrollments.by_secret(secret, enrollments.MANUAL)
        return _profile(manual.profile(enrollment), "enroll.mobileconfig")


@blueprint.route("/ade/<secret>/", methods=["POST"])
def automated(secret: str) -> Response:
    """A device in Setup Assistant asks for its profile, or learns that it has to update first."""
    request.max_content_length = MAX_ATTRIBUTES
    body = request.get_data(cache=False)
    with db.outages(), db.transaction():
        answer = entering.by_post(secret, body)
    if answer.update is not None:
        return replies.refusal(answer.update)
    return _profile(answer.profile, "enroll.mobileconfig")


def _profile(body: bytes, filename: str) -> Response:
    response = Response(body, content_type=CONTENT_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return replies.made(response)
