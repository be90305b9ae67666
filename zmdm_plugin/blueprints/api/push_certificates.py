"""/api/mdm/push_certificates/: made, uploaded, renewed under their topic, deleted when unused."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.push_certificates import (
    NewPushCertificate,
    PushCertificateQuery,
    PushCertificateSchema,
    PushCertificateUpload,
)
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.protocol import push_request
from zmdm_plugin.services import access, credential_lists, push_certificates
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "push_certificates", path="/push_certificates", description="What devices are woken with."
)
_BINARY = {"type": "string", "format": "binary"}
_CSR = "application/pkcs10"
_SIGNED = "application/octet-stream"


@blueprint.route("/")
@blueprint.arguments(PushCertificateQuery, location="query")
@blueprint.operation(access.VIEW_PUSH_CERTIFICATES)
@blueprint.response(200, PushCertificateSchema(many=True), headers=paging.HEADERS)
def list_push_certificates(query: dict[str, Any]) -> Any:
    """List push certificates"""
    return paging.rows(PushCertificate, access.VIEW_PUSH_CERTIFICATES, query)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewPushCertificate)
@blueprint.operation(access.ADD_PUSH_CERTIFICATES, 400, 413, 415)
@blueprint.response(201, PushCertificateSchema)
def create_push_certificate(asked: dict[str, Any]) -> PushCertificate:
    """Create a push certificate

    With a name alone its key is made here, and `csr/` or `signed_csr/` is what Apple wants.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_PUSH_CERTIFICATES)
    with db.transaction():
        if asked["certificate"] is None:
            return push_certificates.create(asked["name"], actor=actor)
        return push_certificates.add(
            asked["name"],
            asked["certificate"],
            asked["key"],
            actor=actor,
            password=_password(asked),
        )


@blueprint.route(f"/<{ID}:certificate_id>/")
@blueprint.operation(access.VIEW_PUSH_CERTIFICATES, 404)
@blueprint.response(200, PushCertificateSchema)
def get_push_certificate(certificate_id: int) -> PushCertificate:
    """Show a push certificate"""
    return _find(certificate_id, access.VIEW_PUSH_CERTIFICATES)


@blueprint.route(f"/<{ID}:certificate_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_PUSH_CERTIFICATES, 404, 409)
@blueprint.response(204)
def delete_push_certificate(certificate_id: int) -> None:
    """Delete a push certificate

    Its key is gone for ever. While an enrollment or a device uses it, this is a 409.
    """
    row = _find(certificate_id, access.DELETE_PUSH_CERTIFICATES)
    with db.transaction():
        push_certificates.delete(row, actor=api_actor())


@blueprint.route(f"/<{ID}:certificate_id>/upload/", methods=["POST"])
@blueprint.arguments(PushCertificateUpload)
@blueprint.operation(access.CHANGE_PUSH_CERTIFICATES, 400, 404, 409, 413, 415)
@blueprint.response(200, PushCertificateSchema)
def upload_push_certificate(asked: dict[str, Any], certificate_id: int) -> PushCertificate:
    """Upload the first certificate

    It must fit the key that was made here, or come with its own. A later one is a renewal.
    """
    return _upload(asked, certificate_id, renewal=False)


@blueprint.route(f"/<{ID}:certificate_id>/renew/", methods=["POST"])
@blueprint.arguments(PushCertificateUpload)
@blueprint.operation(access.CHANGE_PUSH_CERTIFICATES, 400, 404, 409, 413, 415)
@blueprint.response(200, PushCertificateSchema)
def renew_push_certificate(asked: dict[str, Any], certificate_id: int) -> PushCertificate:
    """Renew a push certificate

    Only with the same topic, for enrolled devices know no other: choose Renew in Apple's portal.
    """
    return _upload(asked, certificate_id, renewal=True)


@blueprint.route(f"/<{ID}:certificate_id>/csr/")
@blueprint.operation(access.VIEW_PUSH_CERTIFICATES, 404, 409)
@blueprint.response(200, _BINARY, content_type=_CSR)
def get_push_certificate_csr(certificate_id: int) -> Response:
    """Download the certificate request

    In PEM; an MDM vendor has to sign it before Apple takes it.
    """
    row = _find(certificate_id, access.VIEW_PUSH_CERTIFICATES)
    body = push_request.csr_pem(push_certificates.csr(row)).encode()
    return _download(body, _CSR, "push_certificate.csr")


@blueprint.route(f"/<{ID}:certificate_id>/signed_csr/")
@blueprint.operation(access.CHANGE_PUSH_CERTIFICATES, 404, 409)
@blueprint.response(200, _BINARY, content_type=_SIGNED)
def get_push_certificate_signed_csr(certificate_id: int) -> Response:
    """Download the signed certificate request

    What Apple's push certificates portal takes; a 409 where no vendor certificate is configured.
    """
    row = _find(certificate_id, access.CHANGE_PUSH_CERTIFICATES)
    with db.transaction():
        body = push_certificates.signed_csr(row, actor=api_actor())
    return _download(body, _SIGNED, "push_certificate_signed_csr.b64")


def _upload(asked: dict[str, Any], certificate_id: int, *, renewal: bool) -> PushCertificate:
    row = _find(certificate_id, access.CHANGE_PUSH_CERTIFICATES)
    with db.transaction():
        if renewal and row.topic is None:
            raise Conflict("there is no certificate yet that could be renewed: upload one")
        if not renewal and row.topic is not None:
            raise Conflict("there is a certificate already: renew it")
        return push_certificates.upload(
            row,
            asked["certificate"],
            actor=api_actor(),
            key=asked["key"],
            password=_password(asked),
        )


def _password(asked: dict[str, Any]) -> bytes | None:
    return asked["password"].encode() if asked["password"] else None


def _download(body: bytes, mimetype: str, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(body, mimetype=mimetype, headers=headers)


def _find(certificate_id: int, permission: str) -> PushCertificate:
    return credential_lists.find(
        PushCertificate, certificate_id, actor=api_actor(), permission=permission
    )
