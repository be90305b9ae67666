"""FileVault and recovery password configurations as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.protection import configs

_ID = ma.validate.Range(min=1, max=MAX_ID)
Options = Any


def _name(**options: Options) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.Length(min=1, max=256), metadata={"example": "Staff Macs"}, **options
    )


def _flag(about: str, **options: Options) -> ma.fields.Boolean:
    return ma.fields.Boolean(metadata=described(about), **options)


def _days(about: str, **options: Options) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=configs.LONGEST_INTERVAL),
        metadata=described(f"Days between two {about}; 0: never."),
        **options,
    )


def _delay(about: str, **options: Options) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=configs.LONGEST_DELAY),
        metadata=described(f"Minutes after a reveal until {about}, 5 to 1440; 0: not for that."),
        **options,
    )


def _filevault_fields(needed: bool) -> dict[str, ma.fields.Field[Any]]:
    """All of them with defaults (needed: the two without), or none needed for a change."""

    def given(name: str) -> dict[str, Any]:
        return {"load_default": configs.FILEVAULT.defaults[name]} if needed else {}

    return {
        "name": _name(required=needed),
        "escrow_location_display_name": ma.fields.String(
            required=needed,
            validate=ma.validate.Length(min=1, max=256),
            metadata=described("Where people are told the key goes.", example="Example Inc."),
        ),
        "at_login_only": _flag("Ask at login only; else at logout too.", **given("at_login_only")),
        "bypass_attempts": ma.fields.Integer(
            strict=True,
            validate=ma.validate.Range(min=-1, max=configs.MOST_ATTEMPTS),
            metadata=described(
                "How often it may be put off at login: 0 to 9999 with at_login_only, else -1."
            ),
            **given("bypass_attempts"),
        ),
        "show_recovery_key": _flag("Show people the recovery key.", **given("show_recovery_key")),
        "destroy_key_on_standby": _flag(
            "Forget the key in standby, so that waking asks for a password.",
            **given("destroy_key_on_standby"),
        ),
        "enforce_in_setup_assistant": _flag(
            "Turn FileVault on in Setup Assistant, from macOS 14 on, after automated enrollment.",
            **given("enforce_in_setup_assistant"),
        ),
        "prk_rotation_interval_days": _days("recovery keys", **given("prk_rotation_interval_days")),
        "prk_reveal_rotation_delay": _delay(
            "another recovery key is made", **given("prk_reveal_rotation_delay")
        ),
    }


def _recovery_fields(needed: bool) -> dict[str, ma.fields.Field[Any]]:
    def given(name: str) -> dict[str, Any]:
        return {"load_default": configs.RECOVERY.defaults[name]} if needed else {}

    return {
        "name": _name(required=needed),
        "dynamic_password": _flag(
            "Draw a password for each device; else all have the static one.",
            **given("dynamic_password"),
        ),
        "rotation_interval_days": _days("passwords", **given("rotation_interval_days")),
        "reveal_rotation_delay": _delay(
            "another password is set", **given("reveal_rotation_delay")
        ),
        "rotate_firmware_password": _flag(
            "Replace firmware passwords too; their users are asked to restart.",
            **given("rotate_firmware_password"),
        ),
    }


_STATIC: dict[str, ma.fields.Field[Any]] = {
    "static_password": ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(min=8, max=32),
        metadata=described(
            "The password of all devices, 8 to 32 characters that any keyboard has. It is never "
            "shown again; leave it out to keep the one there is."
        ),
    )
}
_SHOWN: dict[str, ma.fields.Field[Any]] = {
    "id": ma.fields.Integer(required=True),
    "blueprints": ma.fields.List(
        ma.fields.Integer(), required=True, metadata=described("That have it, by their ids.")
    ),
    "created_at": Moment(required=True),
    "updated_at": Moment(required=True),
}


def _schema(name: str, about: str, fields: dict[str, ma.fields.Field[Any]]) -> type[ma.Schema]:
    schema: type[ma.Schema] = type(name, (ma.Schema,), {**fields, "__doc__": about})
    return schema


def _as_answer(fields: dict[str, ma.fields.Field[Any]]) -> dict[str, ma.fields.Field[Any]]:
    for field in fields.values():
        field.required = True
    return {**fields, **_SHOWN}


FileVaultConfigSchema = _schema(
    "FileVaultConfig", "How disks are encrypted.", _as_answer(_filevault_fields(False))
)
NewFileVaultConfig = _schema(
    "NewFileVaultConfig", "A FileVault configuration to be made.", _filevault_fields(True)
)
FileVaultConfigChange = _schema(
    "FileVaultConfigChange", "What is not named stays.", _filevault_fields(False)
)
RecoveryPasswordConfigSchema = _schema(
    "RecoveryPasswordConfig",
    "How recovery passwords are set; a static one is never shown.",
    _as_answer(_recovery_fields(False)),
)
NewRecoveryPasswordConfig = _schema(
    "NewRecoveryPasswordConfig",
    "A configuration of recovery passwords to be made.",
    {**_recovery_fields(True), **_STATIC},
)
RecoveryPasswordConfigChange = _schema(
    "RecoveryPasswordConfigChange",
    "What is not named stays.",
    {**_recovery_fields(False), **_STATIC},
)


class ConfigQuery(NamedPageQuery):
    """Filters of both lists."""

    name = text_argument("Exactly this name.")


def reference(about: str, **options: Options) -> ma.fields.Integer:
    """A blueprint's configuration, by its id."""
    return ma.fields.Integer(
        strict=True, allow_none=True, validate=_ID, metadata=described(about), **options
    )
