"""/api/mdm/push_certificates/ and /api/mdm/scep_issuers/."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.enrollments import PushCertificateSchema, ScepIssuerSchema
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.models import PushCertificate, ScepIssuer
from zmdm_plugin.services import access, credential_lists
from zmdm_plugin.web.actor import api_actor

push_certificates = Resource(
    "push_certificates", path="/push_certificates", description="What devices are woken with."
)
scep_issuers = Resource(
    "scep_issuers", path="/scep_issuers", description="Where devices get their identity from."
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


@scep_issuers.route("/")
@scep_issuers.arguments(PageQuery, location="query")
@scep_issuers.operation(access.VIEW_SCEP_ISSUERS)
@scep_issuers.response(200, ScepIssuerSchema(many=True), headers=paging.HEADERS)
def list_scep_issuers(query: dict[str, Any]) -> Any:
    """List SCEP issuers"""
    access.demand(api_actor(), access.VIEW_SCEP_ISSUERS)
    page = credential_lists.page(ScepIssuer, {}, **query)
    return paging.answer(page, query["limit"])


@scep_issuers.route(f"/<{ID}:issuer_id>/")
@scep_issuers.operation(access.VIEW_SCEP_ISSUERS, 404)
@scep_issuers.response(200, ScepIssuerSchema)
def get_scep_issuer(issuer_id: int) -> Any:
    """Show a SCEP issuer"""
    return credential_lists.find(
        ScepIssuer, issuer_id, actor=api_actor(), permission=access.VIEW_SCEP_ISSUERS
    )
