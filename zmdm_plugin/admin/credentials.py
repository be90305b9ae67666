"""Push certificates and the built-in CA: what there is, and how long it will still do."""

from __future__ import annotations

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, session, text
from zmdm_plugin.commands.arguments import storable
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import CertificateAuthority, Enrollment, PushCertificate
from zmdm_plugin.services import access, audit, push_certificates

ADD = "mdm.add_pushcertificate"
CHANGE = "mdm.change_pushcertificate"
_LARGEST = 64 * 1024  # bytes of a certificate or a key


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
        authorities = session().scalars(
            sa.select(CertificateAuthority).order_by(CertificateAuthority.id.desc())
        )
        return self.page(
            "zmdm/push_certificates.html",
            title="Push certificates",
            certificates=certificates.all(),
            used={certificate_id: count for certificate_id, count in used},
            authorities=authorities.all(),
            add=ADD,
            change=CHANGE,
        )


class PushCertificateForm(Screen):
    """Adds a push certificate with its key, or puts a renewed one in the place of the former."""

    permission = access.VIEW_PUSH_CERTIFICATES

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form; `renew` in the address names the certificate that is renewed."""
        renewed = text("renew", most=256)
        demand(CHANGE if renewed else ADD)
        if renewed:
            push_certificates.by_name(renewed)  # else it could be added by who may only renew
        form = forms.Form(_fields(renewed))
        if request.method == "POST":
            if _taken(form, renewed):
                said = "The push certificate is in use from now on."
                return back(said, "zmdm_push_certificates.index")
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/push_certificate_form.html",
            title=f"Update {renewed}" if renewed else "Add a push certificate",
            form=form,
            renewed=renewed,
            status=422 if form.faults or form.fault else 200,
        )


def _fields(renewed: str) -> list[forms.Field]:
    name = forms.Field(name="name", label="Name", required=True, most=256)
    return [
        *([] if renewed else [name]),
        forms.Field(
            name="certificate",
            label="Certificate",
            kind="file",
            required=True,
            help="The file that Apple's push certificates portal gave you.",
        ),
        forms.Field(
            name="key", label="Private key", kind="file", required=True, help="PEM or DER."
        ),
        forms.Field(
            name="password",
            label="Password of the key",
            kind="password",
            secret=True,
            help="Empty if the key has none.",
        ),
    ]


def _taken(form: forms.Form, renewed: str) -> bool:
    """False when the form has to be shown again."""
    given = forms.data(form.fields, request.form, request.files)
    name = renewed or str(given.get("name", ""))
    for item in form.fields:
        if item.required and not given.get(item.name):
            form.blame(item.name, "This is needed.")
        elif isinstance(given.get(item.name), bytes) and len(given[item.name]) > _LARGEST:
            form.blame(item.name, "This file is too large.")
    if form.faults:
        return False
    try:
        _check_name(name)
        with db.transaction():
            if not renewed:
                _unused(name)
            password = str(given.get("password", "")).encode() or None
            row = push_certificates.take(
                name, given["certificate"], given["key"], password=password
            )
            action = "push_certificate.renew" if renewed else "push_certificate.add"
            audit.record(acting(), action, row, after=audit.snapshot(row))
    except Refused as error:
        form.blame(error.field, error.why)
        return False
    return True


def _check_name(name: str) -> None:
    """Refused for a name that no database takes."""
    try:
        storable(name)
        name.encode()
    except (ma.ValidationError, UnicodeEncodeError):
        raise Refused("name", "Characters that cannot be stored.") from None


def _unused(name: str) -> None:
    query = sa.select(PushCertificate.id).where(PushCertificate.name == name)
    if session().scalar(query) is not None:
        raise Refused("name", "There is one with this name: update it instead.")
