"""Blueprints and their links as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)
from zmdm_plugin.blueprints.api.schemas.protection_configs import reference
from zmdm_plugin.blueprints.api.schemas.scopes import EXAMPLE, ScopeField
from zmdm_plugin.models.artifacts import TYPES
from zmdm_plugin.models.blueprints import COLLECT
from zmdm_plugin.services.artifacts.blueprints import LONGEST, SHORTEST
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.protection import configs

_ID = ma.validate.Range(min=1, max=MAX_ID)


def _interval(**options: object) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=SHORTEST, max=LONGEST),
        metadata=described("Seconds between two inventories of a device."),
        **options,  # type: ignore[arg-type]
    )


def _collect(what: str, **options: object) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.OneOf(COLLECT),
        metadata=described(f"Which {what} devices list: none, managed ones, or all."),
        **options,  # type: ignore[arg-type]
    )


def _apps_via_ddm(**options: object) -> ma.fields.Boolean:
    about = "Apps and packages go by declaration where devices know them, else by command."
    return ma.fields.Boolean(metadata=described(about), **options)  # type: ignore[arg-type]


def _via_ddm(**options: object) -> ma.fields.Boolean:
    about = "Configuration profiles go by declaration where devices know them, else by command."
    return ma.fields.Boolean(metadata=described(about), **options)  # type: ignore[arg-type]


def _name(**options: object) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.Length(min=1, max=256),
        metadata={"example": "Office Macs"},
        **options,  # type: ignore[arg-type]
    )


def _days(**options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=configs.LONGEST_INTERVAL),
        metadata=described("Days between two passwords of the administrator; 0: never."),
        **options,
    )


def _minutes(**options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=configs.LONGEST_DELAY),
        metadata=described(
            "Minutes from a reveal of the administrator's password to another one, 5 to 1440; "
            "0: not for that."
        ),
        **options,
    )


def _disks(**options: Any) -> ma.fields.Integer:
    return reference("The FileVault configuration; null: none.", **options)


def _start(**options: Any) -> ma.fields.Integer:
    return reference("The configuration of recovery passwords; null: none.", **options)


class BlueprintSchema(ma.Schema):
    """What a group of devices should have."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    inventory_interval = _interval(required=True)
    collect_apps = _collect("apps", required=True)
    collect_certificates = _collect("certificates", required=True)
    collect_profiles = _collect("profiles", required=True)
    legacy_profiles_via_ddm = _via_ddm(required=True)
    filevault_config = _disks(required=True, attribute="filevault_config_id")
    recovery_password_config = _start(required=True, attribute="recovery_password_config_id")
    admin_password_rotation_interval_days = _days(required=True)
    admin_password_reveal_rotation_delay = _minutes(required=True)
    apps_via_ddm = _apps_via_ddm(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NewBlueprint(ma.Schema):
    """A blueprint to be made."""

    name = _name(required=True)
    inventory_interval = _interval(load_default=86_400)
    collect_apps = _collect("apps", load_default="no")
    collect_certificates = _collect("certificates", load_default="no")
    collect_profiles = _collect("profiles", load_default="no")
    legacy_profiles_via_ddm = _via_ddm(load_default=True)
    filevault_config = _disks(load_default=None)
    recovery_password_config = _start(load_default=None)
    admin_password_rotation_interval_days = _days(load_default=0)
    admin_password_reveal_rotation_delay = _minutes(load_default=configs.DEFAULT_DELAY)
    apps_via_ddm = _apps_via_ddm(load_default=False)


class BlueprintChange(ma.Schema):
    """What is not named stays."""

    name = _name()
    inventory_interval = _interval()
    collect_apps = _collect("apps")
    collect_certificates = _collect("certificates")
    collect_profiles = _collect("profiles")
    legacy_profiles_via_ddm = _via_ddm()
    filevault_config = _disks()
    recovery_password_config = _start()
    admin_password_rotation_interval_days = _days()
    admin_password_reveal_rotation_delay = _minutes()
    apps_via_ddm = _apps_via_ddm()


class BlueprintQuery(NamedPageQuery):
    """Filters of the list of blueprints."""

    name = text_argument("Exactly this name.")


class LinkedArtifact(ma.Schema):
    """The artifact of a link, in short."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    type = ma.fields.String(required=True, validate=ma.validate.OneOf(TYPES))


class BlueprintArtifactSchema(ma.Schema):
    """An artifact in a blueprint, and which of its devices get it."""

    artifact = ma.fields.Nested(LinkedArtifact, required=True)
    scope = ScopeField(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NewLink(ma.Schema):
    """An artifact to be put into a blueprint."""

    artifact = ma.fields.Integer(required=True, strict=True, validate=_ID)
    scope = ScopeField(
        allow_none=True,
        load_default=None,
        metadata=described("Which of the blueprint's devices; null: all."),
    )


class ScopeChange(ma.Schema):
    """Another scope."""

    scope = ScopeField(
        required=True, allow_none=True, metadata=described("Null: every device.", example=EXAMPLE)
    )


class BlueprintChoice(ma.Schema):
    """The blueprint of a device."""

    blueprint = ma.fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=_ID,
        metadata=described("Null: none, which withdraws what the former one had brought."),
    )


class DeviceBlueprintSchema(ma.Schema):
    """The blueprint of a device, and where it has it from."""

    blueprint = ma.fields.Nested(
        BlueprintSchema, required=True, allow_none=True, metadata=described("Null: none.")
    )
    chosen_by = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Who chose it; null: it came with the enrollment."),
    )
