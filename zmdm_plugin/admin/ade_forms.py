"""The forms that make an ADE enrollment and change one, in groups that people can take in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

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
    Artifact,
    DepVirtualServer,
    Enrollment,
    MDMBlueprint,
    PushCertificate,
    Realm,
    ScepIssuer,
)
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.ade import settings
from zmdm_plugin.services.ade.rules import LENGTHS
from zmdm_plugin.web.ade_said import AdeSaid

_NAME: Any = [ma.validate.Length(min=1, max=125), storable]
_LISTS: Final = ("serial_numbers", "udids", "supervising_host_certs")
_SKIP: Final = "skip_setup_items"
_EMPTIED: Final = (
    *("blueprint_id", "realm_id", "quota", "expires_at"),
    "return_wifi_artifact_id",
)
_FIXED: Final = ("server_id", "push_certificate", "scep_issuer")


def _rows(model: Any, label: str, about: str = "", **more: Any) -> ma.fields.Integer:
    metadata = {"rows": model, "label": label, "description": about, **more.pop("metadata", {})}
    return ma.fields.Integer(metadata=metadata, **more)


def _lines() -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=_NAME),
        validate=ma.validate.Length(max=10_000),
        metadata={"description": "Only these, one per line; empty: any device."},
    )


class Arguments(AdeSaid):
    """What an ADE enrollment is made of."""

    name = ma.fields.String(
        required=True,
        validate=_NAME,
        metadata={"description": "For administrators; devices never see it."},
    )
    server_id = _rows(DepVirtualServer, "Virtual server", "Whose devices it is for.", required=True)
    push_certificate = _rows(
        PushCertificate,
        "Push certificate",
        required=True,
        metadata={"only": PushCertificate.topic.is_not(None)},
    )
    scep_issuer = _rows(ScepIssuer, "Identities come from", required=True)
    blueprint_id = _rows(MDMBlueprint, "Blueprint", "What devices get that enroll from now on.")
    return_wifi_artifact = _rows(
        Artifact,
        "Returns by the Wi-Fi",
        "The profile of the network, among the artifacts. Needed without Ethernet or mobile data.",
        attribute="return_wifi_artifact_id",
        metadata={"only": (Artifact.type == "profile") & (Artifact.channel == "device")},
    )
    display_name = ma.fields.String(
        validate=[ma.validate.Length(max=128), storable],
        metadata={"description": "What people read on their device."},
    )
    realm_id = _rows(Realm, "Realm", "Where the person at the device may sign in.")
    realm_required = ma.fields.Boolean(
        metadata={"label": "They must sign in", "description": "There is no way around it then."}
    )
    quota = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata={"description": "How many devices may come this way; empty: any number."},
    )
    expires_at = ma.fields.AwareDateTime(metadata={"description": "In UTC; empty: never."})
    serial_numbers = _lines()
    udids = _lines()


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading; `opened` where one of them is at fault."""

    title: str
    about: str
    names: tuple[str, ...]


GROUPS: Final = (
    Group(
        "What it is",
        "",
        ("name", *_FIXED, "blueprint_id", "display_name"),
    ),
    Group(
        "Signing in",
        "A web view of Setup Assistant opens before the device enrolls.",
        ("realm_id", "realm_required"),
    ),
    Group(
        "Setup Assistant",
        "What the person who starts the device sees.",
        (
            *("await_device_configured", "auto_advance_setup", "language", "region"),
            *("department", "support_email_address", "support_phone_number"),
        ),
    ),
    Group(
        "Management",
        "What the device and its user may do.",
        (
            *("is_supervised", "is_mandatory", "is_mdm_removable", "allow_pairing"),
            *("supervising_host_certs", "is_multi_user"),
            *("do_not_use_profile_from_backup", "include_tls_certificates"),
        ),
    ),
    Group(
        "Return to Service",
        "A device that is reset, or resets itself, comes back without anybody's help.",
        (
            *("is_return_to_service", "return_wifi_artifact", "return_preserve_apps"),
            *("return_preserve_data_plan", "return_retry_enrollment"),
        ),
    ),
    Group(
        "Updates first",
        "A device with an older system updates before it enrolls, if Apple offers it something.",
        ("ios_min_version", "macos_min_version", "visionos_min_version"),
    ),
    Group(
        "Accounts on Macs",
        "Made while the Mac waits for its configuration.",
        (
            *("use_realm_user", "username_pattern", "realm_user_is_admin"),
            *("lock_primary_account_info", "skip_primary_account", "admin_full_name"),
            *("admin_short_name", "hidden_admin", "admin_password_complexity"),
            "admin_password_rotation_delay",
        ),
    ),
    Group(
        "Limits and names",
        "",
        (*("quota", "expires_at", "serial_numbers", "udids", "profile_name", "org_magic"),),
    ),
)


class NewAdeEnrollment(Screen):
    """A form of its own, so that its address can be linked to."""

    permission = access.ADD_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        schema = Arguments(exclude=(_SKIP,))
        form = forms.Form(_fields(schema, settings.defaults()))
        skipped: list[str] = []
        if request.method == "POST":
            skipped = request.form.getlist(_SKIP)
            if answer := _make(form, schema):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return _page(self, "Add an enrollment for Apple's devices", form, skipped, None)


class ChangeAdeEnrollment(Screen):
    """Everything but its server and what devices enroll with."""

    permission = access.CHANGE_ENROLLMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self, enrollment_id: int) -> Response:
        """The form, and the change."""
        found = _found(enrollment_id)
        said = settings.of(found)
        schema = Arguments(exclude=(_SKIP, *_FIXED))
        form = forms.Form(_fields(schema, _present(found)))
        skipped = list(said.skip_setup_items)
        if request.method == "POST":
            skipped = request.form.getlist(_SKIP)
            if answer := _change(form, schema, enrollment_id):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return _page(self, f"Update {found.name}", form, skipped, _found(enrollment_id))


def _page(
    screen: Screen, title: str, form: forms.Form, skipped: list[str], found: Enrollment | None
) -> Response:
    drawn = {item.name: item for item in form.drawn}
    return screen.page(
        "zmdm/ade_form.html",
        title=title,
        form=form,
        groups=[
            (group, [drawn[name] for name in group.names if name in drawn]) for group in GROUPS
        ],
        items=SKIP_ITEMS.values(),
        skipped=frozenset(skipped),
        enrollment=found,
        status=422 if form.faults or form.fault else 200,
    )


def _fields(schema: ma.Schema, values: dict[str, Any]) -> list[forms.Field]:
    """The schema's fields, with what they hold."""
    drawn = []
    for item in forms.of_schema(schema):
        field = schema.fields[item.name]
        value = values.get(field.attribute or item.name, item.value)
        if item.name in _LISTS:
            value = "\n".join(value or [])
        changes: dict[str, Any] = {"value": "" if value is None else value}
        if item.kind == "area" and item.name in LENGTHS:
            changes["kind"] = "text"  # long enough for two lines, but never one of several
        drawn.append(forms.replaced(with_rows(item, schema), **changes))
    return drawn


def _found(enrollment_id: int) -> Enrollment:
    found: Enrollment = row(Enrollment, enrollment_id)
    if found.ade is None:
        raise NotFound("This is no enrollment for Apple's devices.")
    return found


def _present(found: Enrollment) -> dict[str, Any]:
    said = settings.of(found)
    own = ("name", "display_name", "blueprint_id", "realm_id", "realm_required", "quota")
    values = {name: getattr(found, name) for name in (*own, "serial_numbers", "udids")}
    values |= {name: getattr(said, name) for name in settings.FIELDS}
    if found.expires_at is not None:
        values["expires_at"] = found.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    return values


def _read(form: forms.Form, schema: ma.Schema) -> dict[str, Any]:
    """What was typed; a text that was emptied is empty, a choice that was undone is none."""
    asked: dict[str, Any] = schema.load(forms.data(form.fields, request.form))
    blank = {
        name: "" for name in settings.FIELDS if isinstance(settings.defaults()[name], str)
    } | dict.fromkeys(_EMPTIED)
    lists = dict.fromkeys(_LISTS, ())
    return {**blank, **lists, **asked, _SKIP: request.form.getlist(_SKIP)}


def _make(form: forms.Form, schema: ma.Schema) -> Response | None:
    """None when the form has to be shown again."""
    try:
        asked = _read(form, schema)
        with db.transaction():
            made = settings.create(
                asked.pop("name"),
                asked,
                server_id=asked.pop("server_id"),
                push_certificate=row(PushCertificate, asked.pop("push_certificate")),
                issuer=row(ScepIssuer, asked.pop("scep_issuer")),
                actor=acting(),
            )
            audit.record(acting(), "enrollment.create", made, after=settings.snapshot(made))
            enrollment_id = made.id
    except (ma.ValidationError, Refused) as error:
        _blame(form, error)
        return None
    said = "The enrollment is kept; its profile is being defined at Apple."
    return back(said, "zmdm_enrollment.index", enrollment_id=enrollment_id)


def _change(form: forms.Form, schema: ma.Schema, enrollment_id: int) -> Response | None:
    """None when the form has to be shown again."""
    try:
        asked = _read(form, schema)
        with db.transaction():
            found = _found(enrollment_id)
            before = settings.snapshot(found)
            settings.change(found, asked, actor=acting())
            after = settings.snapshot(found)
            audit.record(acting(), "enrollment.change", found, before=before, after=after)
    except (ma.ValidationError, Refused) as error:
        _blame(form, error)
        return None
    return back("The enrollment is kept.", "zmdm_enrollment.index", enrollment_id=enrollment_id)


def _blame(form: forms.Form, error: ma.ValidationError | Refused) -> None:
    """`realm` and `blueprint` are what the API calls those fields."""
    if isinstance(error, ma.ValidationError):
        form.faults.update(forms.faults(error))
        return
    names = {"realm": "realm_id", "blueprint": "blueprint_id", "virtual_server": "server_id"}
    form.blame(names.get(error.field, error.field), error.why)
