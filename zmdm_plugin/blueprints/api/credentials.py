"""/api/mdm/push_certificates/."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.enrollments import PushCertificateSchema
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.services import access, credential_lists
from zmdm_plugin.web.actor import api_actor

push_certificates = Resource(
    "push_certificates", path="/push_certificates", description="What devices are woken with."
)


@push_certificates.route("/")
@push_certificates.arguments(PageQuery, location="query")
@push_certificates.operation(access.VIEW_PUSH_CERTIFICATES)
@push_certificates.response(200, PushCertificateSchema(many=True), headers=paging.HEADERS)
def list_push_certificates(query: dict[str, Any]) -> Any:
    """List push certificates"""
    access.demand(api_actor(), access.VIEW_PUSH_CERTIFICATES)
    page = credential_lists.page(PushCertificate, {}, **query)
    return paging.answer(page, query["limit"])


@push_certificates.route(f"/<{ID}:certificate_id>/")
@push_certificates.operation(access.VIEW_PUSH_CERTIFICATES, 404)
@push_certificates.response(200, PushCertificateSchema)
def get_push_certificate(certificate_id: int) -> Any:
    """Show a push certificate"""
    return credential_lists.find(
        PushCertificate,
        certificate_id,
        actor=api_actor(),
        permission=access.VIEW_PUSH_CERTIFICATES,
    )
