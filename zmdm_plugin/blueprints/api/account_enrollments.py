"""/api/mdm/account_enrollments/: ways in for people with a Managed Apple Account."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.account_enrollments import (
    AccountEnrollmentChange,
    AccountEnrollmentQuery,
    AccountEnrollmentSchema,
    AccountSessionSchema,
    NewAccountEnrollment,
    SessionQuery,
)
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import AccountSettings, Enrollment, Realm
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.account import accounts, listing
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "account_enrollments",
    path="/account_enrollments",
    description="Ways in for people with a Managed Apple Account: user and device enrollment.",
)
_ONE = f"/<{ID}:account_enrollment_id>/"


@blueprint.route("/")
@blueprint.arguments(AccountEnrollmentQuery, location="query")
@blueprint.operation(access.VIEW_ENROLLMENTS)
@blueprint.response(200, AccountEnrollmentSchema(many=True), headers=paging.HEADERS)
def list_account_enrollments(query: dict[str, Any]) -> Any:
    """List account-driven enrollments"""
    access.demand(api_actor(), access.VIEW_ENROLLMENTS)
    return paging.answer(listing.page(**query), query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewAccountEnrollment)
@blueprint.operation(access.ADD_ENROLLMENTS, 400, 413, 415)
@blueprint.response(201, AccountEnrollmentSchema)
def create_account_enrollment(asked: dict[str, Any]) -> AccountSettings:
    """Create an account-driven enrollment

    People of its domains are sent here once the domains' web server says so: see well_known_url.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_ENROLLMENTS)
    with db.transaction():
        realm = db.session().get(Realm, asked.pop("realm"))
        if realm is None:
            raise Refused("realm", "there is no such realm")
        certificate = credential_lists.push_certificate(asked.pop("push_certificate"))
        issuer = credential_lists.scep_issuer(asked.pop("scep_issuer"))
        settings = {name: asked.pop(name) for name in accounts.SETTINGS if name in asked}
        row = accounts.create(
            asked.pop("name"),
            push_certificate=certificate,
            issuer=issuer,
            realm=realm,
            settings=settings,
            **asked,
        )
        audit.record(actor, "account_enrollment.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(_ONE)
@blueprint.operation(access.VIEW_ENROLLMENTS, 404)
@blueprint.response(200, AccountEnrollmentSchema)
def get_account_enrollment(account_enrollment_id: int) -> AccountSettings:
    """Show an account-driven enrollment"""
    return accounts.settings_of(find(account_enrollment_id, access.VIEW_ENROLLMENTS))


@blueprint.route(_ONE, methods=["PATCH"])
@blueprint.arguments(AccountEnrollmentChange)
@blueprint.operation(access.CHANGE_ENROLLMENTS, 400, 404, 413, 415)
@blueprint.response(200, AccountEnrollmentSchema)
def change_account_enrollment(asked: dict[str, Any], account_enrollment_id: int) -> AccountSettings:
    """Change an account-driven enrollment

    What is not named stays. Devices that enrolled through it keep what they enrolled with.
    """
    find(account_enrollment_id, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = accounts.settings_of(db.session().get_one(Enrollment, account_enrollment_id))
        before = audit.snapshot(row)
        accounts.update(row, asked)
        audit.record(
            api_actor(), "account_enrollment.change", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(_ONE, methods=["DELETE"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(204)
def delete_account_enrollment(account_enrollment_id: int) -> None:
    """Delete an account-driven enrollment

    As long as no device has begun to enroll through it; afterwards it is a 409: revoke it.
    """
    find(account_enrollment_id, access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = db.session().get_one(Enrollment, account_enrollment_id)
        audit.record(api_actor(), "enrollment.delete", row, before=audit.snapshot(row))
        enrollments.delete(row)


@blueprint.route(f"{_ONE}revoke/", methods=["POST"])
@blueprint.operation(access.CHANGE_ENROLLMENTS, 404, 409)
@blueprint.response(200, AccountEnrollmentSchema)
def revoke_account_enrollment(account_enrollment_id: int) -> AccountSettings:
    """Revoke an account-driven enrollment

    Nobody can enroll through it any more; devices that did stay enrolled.
    """
    row = find(account_enrollment_id, access.CHANGE_ENROLLMENTS)
    if row.revoked_at is not None:
        raise Conflict("the enrollment is revoked already")
    with db.transaction():
        row = db.session().get_one(Enrollment, account_enrollment_id)
        enrollments.revoke(row)
        audit.record(api_actor(), "enrollment.revoke", row, after={"revoked_at": row.revoked_at})
    return accounts.settings_of(row)


@blueprint.route(f"{_ONE}sessions/")
@blueprint.arguments(SessionQuery, location="query")
@blueprint.operation(access.VIEW_ENROLLMENTS, 404)
@blueprint.response(200, AccountSessionSchema(many=True), headers=paging.HEADERS)
def list_account_sessions(query: dict[str, Any], account_enrollment_id: int) -> Any:
    """List who came through an account-driven enrollment"""
    row = find(account_enrollment_id, access.VIEW_ENROLLMENTS)
    return paging.answer(listing.session_page(row, api_actor(), **query), query["limit"])


def find(account_enrollment_id: int, permission: str) -> Enrollment:
    """An enrollment of this kind that the actor may use this permission on."""
    row = credential_lists.find(
        Enrollment, account_enrollment_id, actor=api_actor(), permission=permission
    )
    if row.kind != enrollments.ACCOUNT:
        raise NotFound("there is no such account-driven enrollment")
    return row
