"""/api/mdm/enrollments/: ways in for devices, their links and profiles."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.enrollments import (
    EnrollmentChange,
    EnrollmentQuery,
    EnrollmentSchema,
    LinkSchema,
    NewEnrollment,
    ProfileQuery,
)
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Enrollment
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("enrollments", path="/enrollments", description="Ways in for devices.")
MOBILECONFIG = "application/x-apple-aspen-config"


@blueprint.route("/")
@blueprint.arguments(EnrollmentQuery, location="query")
@blueprint.operation(access.VIEW_ENROLLMENTS)
@blueprint.response(200, EnrollmentSchema(many=True), headers=paging.HEADERS)
def list_enrollments(query: dict[str, Any]) -> Any:
    """List enrollments"""
    if "revoked" in query:
        query["revoked_at"] = query.pop("revoked")
    return paging.rows(Enrollment, access.VIEW_ENROLLMENTS, query)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewEnrollment)
@blueprint.operation(access.ADD_ENROLLMENTS, 400, 413, 415)
@blueprint.response(201, EnrollmentSchema)
def create_enrollment(asked: dict[str, Any]) -> Enrollment:
    """Create an enrollment"""
    actor = api_actor()
    access.demand(actor, access.ADD_ENROLLMENTS)
    with db.transaction():
        certificate = credential_lists.push_certificate(asked.pop("push_certificate"))
        issuer = credential_lists.scep_issuer(asked.pop("scep_issuer"))
        row = enrollments.create(
            asked.pop("kind"),
            asked.pop("name"),
            push_certificate=certificate,
            issuer=issuer,
            **asked,
        )
        audit.record(actor, "enrollment.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:enrollment_id>/")
@blueprint.operation(access.VIEW_ENROLLMENTS, 404)
@blueprint.response(200, EnrollmentSchema)
def get_enrollment(enrollment_id: int) -> Enrollment:
    """Show an enrollment"""
    return _find(enrollment_id, access.VIEW_ENROLLMENTS)


@blueprint.route(f"/<{ID}:enrollment_id>/", methods=["PATCH"])
@blueprint.arguments(EnrollmentChange)
@blueprint.operation(access.CHANGE_ENROLLMENTS, 400, 404, 413, 415)
@blueprint.response(200, EnrollmentSchema)
def change_enrollment(asked: dict[str, Any], enrollment_id: int) -> Enrollment:
    """Change an enrollment

    What is not named stays. Devices that enrolled through it stay enrolled.
    """
    _find(enrollment_id, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = db.session().get_one(Enrollment, enrollment_id)
        before = audit.snapshot(row)
        enrollments.update(row, asked)
        audit.record(
            api_actor(), "enrollment.change", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(f"/<{ID}:enrollment_id>/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(204)
def delete_enrollment(enrollment_id: int) -> None:
    """Delete an enrollment

    As long as no device has begun to enroll through it; afterwards it is a 409: revoke it.
    """
    _find(enrollment_id, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = db.session().get_one(Enrollment, enrollment_id)
        audit.record(api_actor(), "enrollment.delete", row, before=audit.snapshot(row))
        enrollments.delete(row)


@blueprint.route(f"/<{ID}:enrollment_id>/revoke/", methods=["POST"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(200, EnrollmentSchema)
def revoke_enrollment(enrollment_id: int) -> Enrollment:
    """Revoke an enrollment

    Nobody can enroll through it any more; devices that did stay enrolled.
    """
    row = _find(enrollment_id, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        enrollments.revoke(row)
        audit.record(api_actor(), "enrollment.revoke", row, after={"revoked_at": row.revoked_at})
    return row


@blueprint.route(f"/<{ID}:enrollment_id>/link/")
@blueprint.operation(access.ADD_ENROLLMENTS, 404)
@blueprint.response(200, LinkSchema)
def get_enrollment_link(enrollment_id: int) -> dict[str, str]:
    """Reveal the link of an enrollment

    Whoever has it can enroll, so that each time is written to the audit.
    """
    row = _find(enrollment_id, access.ADD_ENROLLMENTS)
    with db.transaction():
        url = enrollments.link(row)
        audit.record(api_actor(), "enrollment.reveal_link", row)
    return {"url": url}


@blueprint.route(f"/<{ID}:enrollment_id>/profile/")
@blueprint.arguments(ProfileQuery, location="query")
@blueprint.operation(access.ADD_ENROLLMENTS, 404, 409)
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type=MOBILECONFIG)
def get_enrollment_profile(query: dict[str, Any], enrollment_id: int) -> Response:
    """Download the profile of an enrollment by hand

    It holds the challenge that admits devices, so that each time is written to the audit.
    """
    row = _find(enrollment_id, access.ADD_ENROLLMENTS)
    with db.transaction():
        if row.kind != enrollments.MANUAL:
            raise Conflict("devices fetch the profile of this enrollment by its link")
        profile = manual.profile(row, sign=not query["unsigned"])
        audit.record(api_actor(), "enrollment.download_profile", row)
    headers = {
        "Content-Disposition": 'attachment; filename="enrollment.mobileconfig"',
        "Cache-Control": "no-store",
    }
    return Response(profile, mimetype=MOBILECONFIG, headers=headers)


def _find(enrollment_id: int, permission: str) -> Enrollment:
    row = credential_lists.find(Enrollment, enrollment_id, actor=api_actor(), permission=permission)
    assert isinstance(row, Enrollment)
    return row
