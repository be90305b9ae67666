"""/api/mdm/dep_enrollments/: ways in for devices that Apple assigns (ADE)."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import dep_enrollments as shown
from zmdm_plugin.blueprints.api.schemas.dep_enrollments import (
    ComparedSchema,
    DepEnrollmentChange,
    DepEnrollmentQuery,
    DepEnrollmentSchema,
    NewDepEnrollment,
    SkipItemSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models import Enrollment
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.ade import comparing, defining, settings
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.ade import download

blueprint = Resource(
    "dep_enrollments",
    path="/dep_enrollments",
    description="Ways in for devices that Apple Business or School Manager assigns.",
)


@blueprint.route("/")
@blueprint.arguments(DepEnrollmentQuery, location="query")
@blueprint.operation(access.VIEW_ENROLLMENTS)
@blueprint.response(200, DepEnrollmentSchema(many=True), headers=paging.HEADERS)
def list_dep_enrollments(query: dict[str, Any]) -> Any:
    """List ADE enrollments"""
    access.demand(api_actor(), access.VIEW_ENROLLMENTS)
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    equal = {**query, "kind": enrollments.ADE}
    page = credential_lists.page(Enrollment, equal, ordering=ordering, cursor=cursor, limit=limit)
    return paging.answer(Page(_shown(page.items), page.next_cursor), limit)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewDepEnrollment)
@blueprint.operation(access.ADD_ENROLLMENTS, 400, 413, 415)
@blueprint.response(201, DepEnrollmentSchema)
def create_dep_enrollment(asked: dict[str, Any]) -> dict[str, Any]:
    """Create an ADE enrollment

    Its profile is defined at Apple in the background: `profile` tells how that stands.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_ENROLLMENTS)
    with db.transaction():
        row = settings.create(
            asked.pop("name"),
            asked,
            server_id=asked.pop("server_id"),
            push_certificate=credential_lists.push_certificate(asked.pop("push_certificate")),
            issuer=credential_lists.scep_issuer(asked.pop("scep_issuer")),
            actor=actor,
        )
        audit.record(actor, "enrollment.create", row, after=settings.snapshot(row))
        answer = _shown([row])[0]
    return answer


@blueprint.route("/skip_setup_items/")
@blueprint.operation(access.VIEW_ENROLLMENTS)
@blueprint.response(200, SkipItemSchema(many=True))
def list_skip_setup_items() -> Any:
    """List the screens of Setup Assistant that can be skipped

    With the systems on which each of them exists.
    """
    access.demand(api_actor(), access.VIEW_ENROLLMENTS)
    return shown.skip_items()


@blueprint.route(f"/<{ID}:ade_enrollment_id>/")
@blueprint.operation(access.VIEW_ENROLLMENTS, 404)
@blueprint.response(200, DepEnrollmentSchema)
def get_dep_enrollment(ade_enrollment_id: int) -> dict[str, Any]:
    """Show an ADE enrollment"""
    access.demand(api_actor(), access.VIEW_ENROLLMENTS)
    return _shown([settings.find(ade_enrollment_id)])[0]


@blueprint.route(f"/<{ID}:ade_enrollment_id>/", methods=["PATCH"])
@blueprint.arguments(DepEnrollmentChange)
@blueprint.operation(access.CHANGE_ENROLLMENTS, 400, 404, 413, 415)
@blueprint.response(200, DepEnrollmentSchema)
def change_dep_enrollment(asked: dict[str, Any], ade_enrollment_id: int) -> dict[str, Any]:
    """Change an ADE enrollment

    What is not named stays. If Apple is to be told something else, a new profile is defined in the
    background, and its devices are moved to it; the address of the former one goes on to work.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = settings.find(ade_enrollment_id)
        before = settings.snapshot(row)
        settings.change(row, asked, actor=actor)
        after = settings.snapshot(row)
        audit.record(actor, "enrollment.change", row, before=before, after=after)
        answer = _shown([row])[0]
    return answer


@blueprint.route(f"/<{ID}:ade_enrollment_id>/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(204)
def delete_dep_enrollment(ade_enrollment_id: int) -> None:
    """Delete an ADE enrollment

    As long as no device has begun to enroll through it and none is assigned to it at Apple.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = settings.find(ade_enrollment_id)
        audit.record(actor, "enrollment.delete", row, before=settings.snapshot(row))
        enrollments.delete(row)


@blueprint.route(f"/<{ID}:ade_enrollment_id>/define/", methods=["POST"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(201, TaskSchema)
def define_dep_enrollment(ade_enrollment_id: int) -> dict[str, str]:
    """Define the profile of an ADE enrollment at Apple once more

    For one that Apple refused or has lost; changes are defined by themselves.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = settings.find(ade_enrollment_id)
        run = defining.want_again(row, actor)
        audit.record(actor, "enrollment.define", row)
        answer = accepted(run)
    return answer


@blueprint.route(f"/<{ID}:ade_enrollment_id>/profile/")
@blueprint.operation(access.VIEW_ENROLLMENTS, 404, 409)
@blueprint.response(200, ComparedSchema)
def test_dep_enrollment(ade_enrollment_id: int) -> dict[str, Any]:
    """Download the profile from Apple and compare it with ours

    A 409 until Apple has one, and with Apple's reason when it refuses; a 503 when Apple is away.
    """
    access.demand(api_actor(), access.VIEW_ENROLLMENTS)
    uuid = comparing.uuid_of(settings.find(ade_enrollment_id))
    given = download(ade_enrollment_id)
    return shown.compared(uuid, comparing.lines(settings.find(ade_enrollment_id), given))


def _shown(rows: list[Enrollment]) -> list[dict[str, Any]]:
    settings.load(rows)
    standings = defining.standings([row.id for row in rows])
    return [shown.shown(row, standings[row.id]) for row in rows]
