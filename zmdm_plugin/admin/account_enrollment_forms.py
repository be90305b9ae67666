"""The forms that make an account-driven enrollment and change one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.new_enrollment import with_rows
from zmdm_plugin.admin.screen import Screen, acting, back, row
from zmdm_plugin.commands.arguments import storable
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import (
    AccountSettings,
    DepVirtualServer,
    Enrollment,
    MDMBlueprint,
    PushCertificate,
    Realm,
    ScepIssuer,
)
from zmdm_plugin.protocol.account_driven import FAMILIES, MODES
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.account import accounts
from zmdm_plugin.services.enrollment import enrollments

_NAME: Any = [ma.validate.Length(min=1, max=128), storable]
_OWN = ("name", "display_name", "blueprint_id", "quota", "expires_at")
_LISTS = ("domains", "model_families")
_EMPTY = ("quota", "expires_at", "blueprint_id", "reauthenticate_days", "server_id")
_FIXED = ("push_certificate", "scep_issuer", "realm")


def _lines(about: str, one: Any) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=one),
        validate=ma.validate.Length(max=500),
        metadata={"description": about},
    )


class Arguments(ma.Schema):
    """What an account-driven enrollment is made of."""

    name = ma.fields.String(
        required=True,
        validate=_NAME,
        metadata={"description": "For administrators; devices never see it."},
    )
    mode = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(
            MODES,
            labels=(
                "User enrollment: people's own devices (BYOD)",
                "Device enrollment: the organization's devices (ADDE)",
            ),
        ),
        metadata={"label": "Devices enroll as"},
    )
    realm = ma.fields.Integer(
        required=True,
        metadata={
            "rows": Realm,
            "only": Realm.enabled.is_(True),
            "label": "People sign in to",
        },
    )
    push_certificate = ma.fields.Integer(
        required=True,
        metadata={"rows": PushCertificate, "only": PushCertificate.topic.is_not(None)},
    )
    scep_issuer = ma.fields.Integer(
        required=True, metadata={"rows": ScepIssuer, "label": "Identities come from"}
    )
    domains = _lines(
        "Of the accounts that people type, one per line, like example.com.",
        [ma.validate.Length(min=1, max=253), storable],
    )
    is_default = ma.fields.Boolean(
        load_default=False, metadata={"label": "Also for people of every other domain"}
    )
    model_families = _lines(
        f"Only these kinds of devices, one per line: {', '.join(FAMILIES)}. Empty: all.",
        ma.validate.Length(min=1, max=40),
    )
    managed_account = ma.fields.String(
        load_default=accounts.PATTERN,
        validate=[ma.validate.Length(min=1, max=200), storable],
        metadata={
            "label": "Managed Apple Account",
            "description": "Of who signs in: $REALM_USER.EMAIL, or made of its parts, like "
            "$REALM_USER.EMAIL_PREFIX@appleid.example.com.",
        },
    )
    reauthenticate_days = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=3650),
        metadata={
            "label": "Sign in again after days",
            "description": "Devices ask their people then, and stay managed meanwhile; empty: "
            "never.",
        },
    )
    server_id = ma.fields.Integer(
        metadata={
            "rows": DepVirtualServer,
            "only": DepVirtualServer.uuid.is_not(None),
            "label": "Virtual server",
            "description": "Whose organization vouches for the accounts; empty: the one that was "
            "connected first.",
        }
    )
    blueprint_id = ma.fields.Integer(
        metadata={
            "rows": MDMBlueprint,
            "label": "Blueprint",
            "description": "What devices get that enroll this way from now on.",
        }
    )
    display_name = ma.fields.String(
        validate=[ma.validate.Length(max=128), storable],
        metadata={"description": "What people read on their device."},
    )
    quota = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata={"description": "How many devices may come this way; empty: any number."},
    )
    expires_at = ma.fields.AwareDateTime(metadata={"description": "In UTC; empty: never."})


class NewAccountEnrollment(Screen):
    """A form of its own, so that its address can be linked to."""

    permission = access.ADD_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        schema = Arguments()
        fields = [with_rows(item, schema) for item in forms.of_schema(schema)]
        form = forms.Form(fields)
        if request.method == "POST":
            if answer := _kept(form, schema, _make):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return _shown(self, form, "Add a user enrollment", None)


class ChangeAccountEnrollment(Screen):
    """What can be changed later; devices that are in keep what they enrolled with."""

    permission = access.CHANGE_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self, account_enrollment_id: int) -> Response:
        """The form, and the change."""
        settings = _settings(account_enrollment_id)
        name, schema = settings.name, Arguments(exclude=_FIXED)
        form = forms.Form(_present(settings, schema))
        if request.method == "POST":
            keep = _change_of(account_enrollment_id)
            if answer := _kept(form, schema, keep):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return _shown(self, form, f"Update {name}", account_enrollment_id)


def _shown(screen: Screen, form: forms.Form, title: str, enrollment_id: int | None) -> Response:
    return screen.page(
        "zmdm/account_enrollment_form.html",
        title=title,
        form=form,
        enrollment_id=enrollment_id,
        status=422 if form.faults or form.fault else 200,
    )


def _kept(
    form: forms.Form, schema: ma.Schema, keep: Callable[[dict[str, Any]], tuple[int, str]]
) -> Response | None:
    """None when the form has to be shown again."""
    try:
        asked = schema.load(forms.data(form.fields, request.form))
        with db.transaction():
            enrollment_id, said = keep(asked)
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
        return None
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    return back(said, "zmdm_account_enrollment.index", account_enrollment_id=enrollment_id)


def _make(asked: dict[str, Any]) -> tuple[int, str]:
    certificate = row(PushCertificate, asked.pop("push_certificate"))
    issuer = row(ScepIssuer, asked.pop("scep_issuer"))
    realm = row(Realm, asked.pop("realm"))
    settings = {name: asked.pop(name) for name in accounts.SETTINGS if name in asked}
    made = accounts.create(
        asked.pop("name"),
        push_certificate=certificate,
        issuer=issuer,
        realm=realm,
        settings=settings,
        **asked,
    )
    audit.record(acting(), "account_enrollment.create", made, after=audit.snapshot(made))
    return made.enrollment_id, "The enrollment is ready: its page says what to publish."


def _change_of(enrollment_id: int) -> Callable[[dict[str, Any]], tuple[int, str]]:
    def change(asked: dict[str, Any]) -> tuple[int, str]:
        found = _settings(enrollment_id)
        before = audit.snapshot(found)
        unset = dict.fromkeys(_EMPTY)
        limits: dict[str, Any] = {**unset, **{name: [] for name in _LISTS}, "is_default": False}
        accounts.update(found, {**limits, **asked})
        after = audit.snapshot(found)
        audit.record(acting(), "account_enrollment.change", found, before=before, after=after)
        return enrollment_id, "The enrollment is kept."

    return change


def _settings(enrollment_id: int) -> AccountSettings:
    enrollment: Enrollment = row(Enrollment, enrollment_id)
    if enrollment.kind != enrollments.ACCOUNT:
        raise NotFound("It does not exist, or does not exist any more.")
    return accounts.settings_of(enrollment)


def _present(found: AccountSettings, schema: ma.Schema) -> list[forms.Field]:
    """The fields that can be changed, with what they hold."""
    values = {name: getattr(found.enrollment, name) for name in _OWN}
    values |= {name: getattr(found, name) for name in accounts.SETTINGS}
    if found.enrollment.expires_at is not None:
        expires = found.enrollment.expires_at.astimezone(UTC)
        values["expires_at"] = expires.strftime("%Y-%m-%dT%H:%M")
    for name in _LISTS:
        values[name] = "\n".join(values[name] or [])
    return [
        forms.replaced(item, value="" if values[item.name] is None else values[item.name])
        for item in (with_rows(one, schema) for one in forms.of_schema(schema))
    ]
