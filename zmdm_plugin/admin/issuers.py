"""SCEP CA and issuers: where devices get their identities from, and how long that holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose
from sqlalchemy.orm import undefer

from zmdm_plugin import db
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, row, session
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.commands.arguments import storable
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import CertificateAuthority, Enrollment, ScepIssuer
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import access, audit, ca, issuers
from zmdm_plugin.state import state

_LONGEST_CN = 64
_MAY_BE_EMPTY = ("ca_name", "ca_fingerprint")


def _text(about: str, most: int, *, required: bool = False) -> ma.fields.String:
    return ma.fields.String(
        required=required,
        validate=[ma.validate.Length(min=1, max=most), storable],
        metadata={"description": about},
    )


class Arguments(ma.Schema):
    """What an external issuer is made of."""

    name = _text("For administrators.", 128, required=True)
    url = _text("Of the SCEP service, as devices reach it.", 2000, required=True)
    key_size = ma.fields.Integer(
        required=True,
        validate=ma.validate.OneOf((2048, 3072, 4096)),
        metadata={"description": "Bits of the RSA key that each device makes."},
    )
    key_usage = ma.fields.Integer(
        required=True,
        validate=ma.validate.OneOf((5, 1, 4), labels=("Sign and encrypt", "Sign", "Encrypt")),
    )
    challenge = _text("The static challenge of the service. Kept sealed, never shown.", 1024)
    no_challenge = ma.fields.Boolean(metadata={"label": "Forget the challenge"})
    ca_name = _text("The instance name that some services ask for.", 256)
    ca_fingerprint = _text(
        "Hexadecimal; devices check the service's CA against it. The chain of the CA belongs "
        "into the setting ZMDM_SCEP_CA_FULLCHAIN.",
        300,
    )


class IssuerList(Screen):
    """The built-in CA with its generations, and every issuer."""

    permission = access.VIEW_SCEP_ISSUERS

    @expose("/")
    def index(self) -> Response:
        """There are few of either."""
        used = session().execute(
            sa.select(Enrollment.scep_issuer_id, sa.func.count()).group_by(
                Enrollment.scep_issuer_id
            )
        )
        authorities = session().scalars(
            sa.select(CertificateAuthority).order_by(CertificateAuthority.id.desc())
        )
        listed = sa.select(ScepIssuer).order_by(ScepIssuer.name)
        return self.page(
            "zmdm/issuers.html",
            title="SCEP CA and issuers",
            issuers=session().scalars(listed.options(undefer(ScepIssuer.challenge))).all(),
            used={issuer_id: count for issuer_id, count in used},
            authorities=authorities.all(),
            warning=warning,
            suggested=f"{state().settings.organization or 'Device management'} CA"[:_LONGEST_CN],
            most=_LONGEST_CN,
        )

    @expose("/ca/", methods=("POST",))
    def make(self) -> Response:
        """Make the built-in CA, once."""
        demand(access.CHANGE_SCEP_ISSUERS)
        name = request.form.get("name", "").strip()
        if not 0 < len(name) <= _LONGEST_CN or not name.isprintable():
            raise Refused("name", f"the CA needs a name of 1 to {_LONGEST_CN} characters")
        with db.transaction():
            made = ca.create(name)
            audit.record(acting(), "ca.create", made, after=audit.snapshot(made))
        return back("The CA is ready to issue identities.", ".index")

    @expose("/ca/renew/", methods=("POST",))
    def renew(self) -> Response:
        """The next generation issues from now on; the former ones stay trusted."""
        demand(access.CHANGE_SCEP_ISSUERS)
        with db.transaction():
            made = ca.renew()
            audit.record(acting(), "ca.renew", made, after=audit.snapshot(made))
        return back("The CA is renewed. Identities of the former one go on working.", ".index")

    @expose("/ca/<int:authority_id>/")
    def certificate(self, authority_id: int) -> Response:
        """The certificate of one generation; it is public."""
        found: CertificateAuthority = row(CertificateAuthority, authority_id)
        name = f'attachment; filename="scep_ca_{found.generation}.pem"'
        body = pem.certificate_pem(found.certificate)
        headers = {**HEADERS, "Content-Disposition": name}
        return Response(body, mimetype="application/x-pem-file", headers=headers)


class NewIssuer(Screen):
    """A form of its own, so that its address can be linked to."""

    permission = access.CHANGE_SCEP_ISSUERS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        form = forms.Form(_fields(None))
        if request.method == "POST":
            if _sent(form, _create):
                return back("The issuer is added.", "zmdm_issuers.index")
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/issuer.html",
            title="Add an external issuer",
            form=form,
            issuer=None,
            enrollments=[],
            status=422 if form.faults or form.fault else 200,
        )


class IssuerPage(Screen):
    """One issuer: what uses it, what can be changed, and its end."""

    permission = access.VIEW_SCEP_ISSUERS

    @expose("/", methods=("GET", "POST"))
    def index(self, issuer_id: int) -> Response:
        """Its form; whoever may only look sees what it says."""
        found: ScepIssuer = row(ScepIssuer, issuer_id)
        form = forms.Form(_fields(found))
        if request.method == "POST":
            demand(access.CHANGE_SCEP_ISSUERS)
            if _sent(form, lambda given: _update(issuer_id, given)):
                return back("The issuer is kept.", "zmdm_issuers.index")
            form.fields = forms.typed(form.fields, request.form)
        using = sa.select(Enrollment).where(Enrollment.scep_issuer_id == issuer_id)
        return self.page(
            "zmdm/issuer.html",
            title=row(ScepIssuer, issuer_id).name,
            form=form,
            issuer=row(ScepIssuer, issuer_id),
            enrollments=session().scalars(using.order_by(Enrollment.name)).all(),
            status=422 if form.faults or form.fault else 200,
        )

    @expose("/delete/", methods=("POST",))
    def delete(self, issuer_id: int) -> Response:
        """Gone, if no enrollment names it."""
        demand(access.CHANGE_SCEP_ISSUERS)
        with db.transaction():
            found: ScepIssuer = row(ScepIssuer, issuer_id)
            audit.record(acting(), "issuer.delete", found, before=audit.snapshot(found))
            issuers.delete(found)
        return back("The issuer is deleted.", "zmdm_issuers.index")


def screens(group: str) -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = IssuerList(
        "SCEP CA and issuers", endpoint="zmdm_issuers", url="scep_issuers", group=group
    )
    one = "scep_issuers/<int:issuer_id>"
    return [
        listed,
        NewIssuer("Add", endpoint="zmdm_new_issuer", url="scep_issuers/new", below=listed),
        IssuerPage("Issuer", endpoint="zmdm_issuer", url=one, below=listed),
    ]


def warning(authority: CertificateAuthority, now: datetime) -> str:
    """Why the CA should be renewed, empty as long as it need not be.

    No identity outlives its CA, so the time to renew is long before the end: once less is left
    than an identity lasts, all that are issued end on one day.
    """
    if not authority.issuing:
        return ""
    left = authority.not_after - now
    if left.total_seconds() <= 0:
        return "It has expired: no device can enroll or renew its identity. Renew it now."
    if left < ca.lifetime():
        return (
            f"It ends on {authority.not_after:%Y-%m-%d}, and every identity that it issues from "
            "now on ends with it. Renew it: identities of this one go on working."
        )
    return ""


def _fields(issuer: ScepIssuer | None) -> list[forms.Field]:
    """All of an external issuer, the name alone of the built-in one."""
    drawn = forms.of_schema(Arguments(), secret=("challenge",))
    if issuer is None:
        values: dict[str, Any] = {"key_size": 2048, "key_usage": 5}
        kept = [item for item in drawn if item.name != "no_challenge"]
    else:
        names = [item.name for item in drawn if hasattr(issuer, item.name)]
        values = {name: getattr(issuer, name) or "" for name in names if name != "challenge"}
        only = {"name"} if issuer.kind != issuers.EXTERNAL else {item.name for item in drawn}
        kept = [item for item in drawn if item.name in only]
    return [
        forms.replaced(_in_one_line(item, issuer), value=values.get(item.name, item.value))
        for item in kept
    ]


def _in_one_line(item: forms.Field, issuer: ScepIssuer | None) -> forms.Field:
    """However long an address or a fingerprint may be, it has no second line."""
    if item.name != "challenge":
        return forms.replaced(item, kind="text") if item.kind == "area" else item
    has = issuer is not None and issuer.challenge is not None
    return forms.replaced(
        item, kind="password", help="Empty: the one that is kept here." if has else item.help
    )


def _sent(form: forms.Form, act: Any) -> bool:
    """Do what was sent; False when the form has to be shown again, with what is wrong with it."""
    try:
        only = [item.name for item in form.fields]
        asked = Arguments(only=only).load(forms.data(form.fields, request.form))
        with db.transaction():
            act(asked)
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
    except Refused as error:
        form.blame(error.field, error.why)
    except Conflict as error:
        form.fault = sentence(str(error))
    return not form.faults and not form.fault


def _create(asked: dict[str, Any]) -> None:
    made = issuers.create(asked.pop("name"), asked.pop("url"), **asked)
    audit.record(acting(), "issuer.create", made, after=audit.snapshot(made))


def _update(issuer_id: int, asked: dict[str, Any]) -> None:
    """What a form leaves empty is emptied, but for the challenge, which it never shows."""
    found: ScepIssuer = row(ScepIssuer, issuer_id)
    before = audit.snapshot(found)
    if asked.pop("no_challenge", False):
        asked["challenge"] = None
    if found.kind == issuers.EXTERNAL:
        asked = {**dict.fromkeys(_MAY_BE_EMPTY), **asked}
    issuers.update(found, asked)
    audit.record(acting(), "issuer.change", found, before=before, after=audit.snapshot(found))
