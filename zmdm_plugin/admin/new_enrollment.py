"""The forms that make an enrollment and change one."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import Screen, acting, back, row, session
from zmdm_plugin.commands.arguments import storable
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Enrollment, MDMBlueprint, PushCertificate, Realm, ScepIssuer
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.enrollment import enrollments

_NAME: Any = [ma.validate.Length(min=1, max=128), storable]
_MOST = 10_000
_LISTED = ("serial_numbers", "udids")
_PEOPLE = ("realm_id", "realm_required")
_CHANGEABLE = (
    *("name", "display_name", "blueprint_id", *_PEOPLE, "quota", "expires_at"),
    *_LISTED,
)


def _listed(about: str) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=_NAME),
        validate=ma.validate.Length(max=_MOST),
        metadata={"description": about},
    )


class Arguments(ma.Schema):
    """What an enrollment is made of."""

    name = ma.fields.String(
        required=True,
        validate=_NAME,
        metadata={"description": "For administrators; devices never see it."},
    )
    kind = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(
            enrollments.KINDS, labels=("Over the air, by a link", "By hand, by a profile")
        ),
    )
    push_certificate = ma.fields.Integer(
        required=True,
        metadata={"rows": PushCertificate, "only": PushCertificate.topic.is_not(None)},
    )
    scep_issuer = ma.fields.Integer(
        required=True,
        metadata={"rows": ScepIssuer, "label": "Identities come from", "description": ""},
    )
    blueprint_id = ma.fields.Integer(
        metadata={
            "rows": MDMBlueprint,
            "label": "Blueprint",
            "description": "What devices get that enroll this way from now on.",
        }
    )
    realm_id = ma.fields.Integer(
        metadata={
            "rows": Realm,
            "label": "People sign in to",
            "description": "Over the air: before the device gets its profile. Empty: nobody "
            "signs in.",
        }
    )
    realm_required = ma.fields.Boolean(
        metadata={
            "label": "A sign-in is required",
            "description": "Otherwise people may go on without.",
        }
    )
    display_name = ma.fields.String(
        validate=ma.validate.Length(max=128),
        metadata={"description": "What people read on their device."},
    )
    quota = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata={"description": "How many devices may come this way; empty: any number."},
    )
    expires_at = ma.fields.AwareDateTime(metadata={"description": "In UTC; empty: never."})
    serial_numbers = _listed("Only these, one per line; empty: any device.")
    udids = _listed("Only these, one per line; empty: any device.")


class NewEnrollment(Screen):
    """A form of its own, so that its address can be linked to."""

    permission = access.ADD_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        form = forms.Form([with_rows(item, Arguments()) for item in forms.of_schema(Arguments())])
        if request.method == "POST":
            if answer := _make(form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/new_enrollment.html",
            title="Add an enrollment",
            form=form,
            enrollment=None,
            status=422 if form.faults or form.fault else 200,
        )


class ChangeEnrollment(Screen):
    """What can be changed later: texts and limits, not what devices enroll with."""

    permission = access.CHANGE_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self, enrollment_id: int) -> Response:
        """The form, and the change."""
        found: Enrollment = row(Enrollment, enrollment_id)
        name, fields = found.name, _present(found)
        form = forms.Form(fields)
        if request.method == "POST":
            if answer := _change(form, enrollment_id):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/new_enrollment.html",
            title=f"Update {name}",
            form=form,
            enrollment=row(Enrollment, enrollment_id),
            status=422 if form.faults or form.fault else 200,
        )


def _present(found: Enrollment) -> list[forms.Field]:
    """The fields that can be changed, with what they hold."""
    values = {name: getattr(found, name) for name in _CHANGEABLE}
    if found.expires_at is not None:
        values["expires_at"] = found.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    for name in _LISTED:
        values[name] = "\n".join(values[name] or [])
    return [
        forms.replaced(item, value="" if values[item.name] is None else values[item.name])
        for item in (
            with_rows(one, Arguments()) for one in forms.of_schema(Arguments(only=_CHANGEABLE))
        )
    ]


def _change(form: forms.Form, enrollment_id: int) -> Response | None:
    """None when the form has to be shown again; a field that is left empty sets no limit."""
    try:
        asked = Arguments(only=_CHANGEABLE).load(forms.data(form.fields, request.form))
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            before = audit.snapshot(found)
            unset = dict.fromkeys(("quota", "expires_at", "blueprint_id", "realm_id"))
            limits = {**unset, **dict.fromkeys(_LISTED, ())}
            enrollments.update(found, {**limits, **asked})
            after = audit.snapshot(found)
            audit.record(acting(), "enrollment.change", found, before=before, after=after)
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
        return None
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    return back("The enrollment is kept.", "zmdm_enrollment.index", enrollment_id=enrollment_id)


def _make(form: forms.Form) -> Response | None:
    """None when the form has to be shown again."""
    try:
        asked = Arguments().load(forms.data(form.fields, request.form))
        with db.transaction():
            made = _create(asked)
            audit.record(acting(), "enrollment.create", made, after=audit.snapshot(made))
            enrollment_id = made.id
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
        return None
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    said = "The enrollment is ready: its page has what devices need."
    return back(said, "zmdm_enrollment.index", enrollment_id=enrollment_id)


def _create(asked: dict[str, Any]) -> Any:
    certificate = row(PushCertificate, asked.pop("push_certificate"))
    issuer = row(ScepIssuer, asked.pop("scep_issuer"))
    kind, name = asked.pop("kind"), asked.pop("name")
    return enrollments.create(kind, name, push_certificate=certificate, issuer=issuer, **asked)


def with_rows(item: forms.Field, schema: ma.Schema) -> forms.Field:
    """A reference to another row becomes a choice among those that will do."""
    about = schema.fields[item.name].metadata
    model: Any = about.get("rows")
    if model is None:
        return item
    fit: Any = about.get("only", sa.true())
    rows = session().execute(sa.select(model.id, model.name).where(fit).order_by(model.name))
    choices = tuple((str(row_id), name) for row_id, name in rows)
    empty = () if item.required else (("", "–"),)
    return forms.replaced(item, kind="choice", choices=(*empty, *choices))
