"""Push certificates: what there is and how long it will still do, made, renewed, deleted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, row, session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Enrollment, PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import push_request
from zmdm_plugin.services import access, push_certificates, vendor_certificates

SIGNED_CSR = "push_certificate_signed_csr.b64"
_LARGEST = 64 * 1024  # bytes of a certificate or a key
_PORTAL = "The file that Apple's push certificates portal gave you."


class PushCertificateList(Screen):
    """Without one of these no device can be woken."""

    permission = access.VIEW_PUSH_CERTIFICATES

    @expose("/")
    def index(self) -> Response:
        """All of them; there are few."""
        certificates = session().scalars(sa.select(PushCertificate).order_by(PushCertificate.name))
        used = session().execute(
            sa.select(Enrollment.push_certificate_id, sa.func.count()).group_by(
                Enrollment.push_certificate_id
            )
        )
        return self.page(
            "zmdm/push_certificates.html",
            title="Push certificates",
            certificates=certificates.all(),
            used={certificate_id: count for certificate_id, count in used},
            expiry=push_certificates.expiry,
        )


class PushCertificateForm(Screen):
    """Adds one: by its name alone, for which a key is made, or with certificate and key."""

    permission = access.ADD_PUSH_CERTIFICATES

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        form = forms.Form(
            [
                forms.Field(name="name", label="Name", required=True, most=256),
                _file("certificate", "Certificate", f"If you have one already. {_PORTAL}"),
                _file("key", "Private key", "Its key, PEM or DER. Empty: a key is made here."),
                _PASSWORD,
            ]
        )
        if request.method == "POST":
            if (made := _sent(form, _add)) is not None:
                said = "The push certificate is added."
                return back(said, "zmdm_push_certificate.index", certificate_id=made)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/push_certificate_form.html",
            title="Add a push certificate",
            form=form,
            certificate=None,
            status=422 if form.faults or form.fault else 200,
        )


class PushCertificatePage(Screen):
    """One push certificate: its state, its request, its renewal, its end."""

    permission = access.VIEW_PUSH_CERTIFICATES

    @expose("/")
    def index(self, certificate_id: int) -> Response:
        """What it says, and what to do next."""
        found: PushCertificate = row(PushCertificate, certificate_id)
        enrollments, devices = push_certificates.uses(found)
        return self.page(
            "zmdm/push_certificate.html",
            title=found.name,
            certificate=found,
            enrollments=enrollments,
            devices=devices,
            has_key=found.private_key is not None,
            vendor=vendor_certificates.configured(),
            expiry=push_certificates.expiry(found.not_after, utcnow()),
        )

    @expose("/update/", methods=("GET", "POST"))
    def update(self, certificate_id: int) -> Response:
        """Take in what Apple made, for the first time or as a renewal."""
        demand(access.CHANGE_PUSH_CERTIFICATES)
        found: PushCertificate = row(PushCertificate, certificate_id)
        name, has_key = found.name, found.private_key is not None
        help_ = "Empty: the key that is kept here." if has_key else "PEM or DER."
        form = forms.Form(
            [
                _file("certificate", "Certificate", _PORTAL, required=True),
                _file("key", "Private key", help_, required=not has_key),
                _PASSWORD,
            ]
        )
        if request.method == "POST":
            if _sent(form, lambda given: _update(certificate_id, given)) is not None:
                said = "The push certificate is in use from now on."
                return back(said, ".index", certificate_id=certificate_id)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/push_certificate_form.html",
            title=f"Update {name}",
            form=form,
            certificate=row(PushCertificate, certificate_id),
            status=422 if form.faults or form.fault else 200,
        )

    @expose("/csr/", methods=("POST",))
    def csr(self, certificate_id: int) -> Response:
        """The request, for an MDM vendor to sign."""
        der = push_certificates.csr(row(PushCertificate, certificate_id))
        return _download(push_request.csr_pem(der).encode(), "push_certificate.csr")

    @expose("/signed_csr/", methods=("POST",))
    def signed_csr(self, certificate_id: int) -> Response:
        """The request as Apple's portal takes it."""
        demand(access.CHANGE_PUSH_CERTIFICATES)
        with db.transaction():
            found: PushCertificate = row(PushCertificate, certificate_id)
            body = push_certificates.signed_csr(found, actor=acting())
        return _download(body, SIGNED_CSR)

    @expose("/delete/", methods=("POST",))
    def delete(self, certificate_id: int) -> Response:
        """Gone, with its key, if nothing uses it."""
        demand(access.DELETE_PUSH_CERTIFICATES)
        with db.transaction():
            push_certificates.delete(row(PushCertificate, certificate_id), actor=acting())
        return back("The push certificate is deleted.", "zmdm_push_certificates.index")


_PASSWORD = forms.Field(
    name="password",
    label="Password of the key",
    kind="password",
    secret=True,
    help="Empty if the key has none.",
)


def _file(name: str, label: str, help_: str, *, required: bool = False) -> forms.Field:
    return forms.Field(name=name, label=label, kind="file", required=required, help=help_)


def _sent(form: forms.Form, act: Any) -> int | None:
    """Do what was sent; None when the form has to be shown again, with what is wrong with it."""
    given = forms.data(form.fields, request.form, request.files)
    for item in form.fields:
        if item.required and not given.get(item.name):
            form.blame(item.name, "This is needed.")
        elif isinstance(given.get(item.name), bytes) and len(given[item.name]) > _LARGEST:
            form.blame(item.name, "This file is too large.")
    if form.faults:
        return None
    try:
        with db.transaction():
            row_id: int = act(given).id
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    return row_id


def _add(given: dict[str, Any]) -> PushCertificate:
    if not given.keys() & {"certificate", "key"}:
        return push_certificates.create(given["name"], actor=acting())
    for field in ("certificate", "key"):
        if field not in given:
            raise Refused(field, "certificate and key come together")
    return push_certificates.add(
        given["name"],
        given["certificate"],
        given["key"],
        actor=acting(),
        password=_password(given),
    )


def _update(certificate_id: int, given: dict[str, Any]) -> PushCertificate:
    return push_certificates.upload(
        row(PushCertificate, certificate_id),
        given["certificate"],
        actor=acting(),
        key=given.get("key"),
        password=_password(given),
    )


def _password(given: dict[str, Any]) -> bytes | None:
    return str(given.get("password", "")).encode("utf-8", "replace") or None


def _download(body: bytes, name: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, mimetype="application/octet-stream", headers=headers)
