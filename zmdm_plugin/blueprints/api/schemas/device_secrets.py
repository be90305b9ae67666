"""Secrets of a device as JSON: how they stand, and their values once they are revealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, described
from zmdm_plugin.models import Device
from zmdm_plugin.services.protection.health import Standing
from zmdm_plugin.services.reveal import Revealed

STATES = ("pending", "confirmed", "superseded", "refused")


class _RevealedSchema(ma.Schema):
    id = ma.fields.Integer(required=True, metadata=described("Of the device."))
    serial_number = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(STATES),
        metadata=described(
            "confirmed: the device said that it holds. pending: it may hold. superseded: it held."
        ),
    )
    also_try = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata=described(
            "What may hold instead: a change is under way, and its answer is not here yet.",
            example=[],
        ),
    )
    command = ma.fields.UUID(
        required=True,
        allow_none=True,
        metadata=described("The command that carried it, or whose answer brought it."),
    )
    created_at = Moment(required=True)
    verified_at = Moment(
        required=True, allow_none=True, metadata=described("When the device last proved it.")
    )
    rotate_at = Moment(
        required=True, allow_none=True, metadata=described("When it is replaced, for it was seen.")
    )


class FileVaultKeySchema(_RevealedSchema):
    """The recovery key of a Mac's disk."""

    filevault_prk = ma.fields.String(
        required=True, metadata={"example": "0000-0000-0000-0000-0000-0000"}
    )


class RecoveryPasswordSchema(_RevealedSchema):
    """The recovery lock or firmware password of a Mac."""

    recovery_password = ma.fields.String(required=True, metadata={"example": "000000000000"})


class AdminPasswordSchema(_RevealedSchema):
    """The password of the administrator that Setup Assistant made."""

    admin_password = ma.fields.String(
        required=True, metadata={"example": "abcdef-ghjkmn-pqrstu-vwxyz2"}
    )


class LockPinSchema(_RevealedSchema):
    """The PIN that a Mac was last locked or erased with."""

    device_lock_pin = ma.fields.String(required=True, metadata={"example": "012345"})


class BypassCodeSchema(_RevealedSchema):
    """The code that opens a device which its user locked to an Apple Account."""

    activation_lock_bypass_code = ma.fields.String(
        required=True, metadata={"example": "00000-00000-00000-00000-00000"}
    )


class UnlockTokenSchema(_RevealedSchema):
    """What takes the passcode off an iPhone or iPad."""

    unlock_token = ma.fields.String(
        required=True, metadata=described("Base64.", example="AAECAwQFBgc=")
    )


class BootstrapTokenSchema(_RevealedSchema):
    """What lets accounts of a Mac unlock its disk, and updates be installed."""

    bootstrap_token = ma.fields.String(
        required=True, metadata=described("Base64.", example="AAECAwQFBgc=")
    )


class RecoveryPasswordAsked(ma.Schema):
    """A recovery password that somebody chose for one Mac."""

    recovery_password = ma.fields.String(
        required=True,
        load_only=True,
        validate=ma.validate.Length(max=256),
        metadata=described(
            "8 to 32 characters that any keyboard has; write-only.", example="a long sentence"
        ),
    )


class SecretSchema(ma.Schema):
    """How a secret of a device stands; never the secret."""

    name = ma.fields.String(required=True, metadata={"example": "filevault_prk"})
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(
            ("none", "kept", "pending", "missing", "not validated", "wrong")
        ),
    )
    problem = ma.fields.String(
        required=True, metadata=described("What is wrong, in words; empty where all is well.")
    )
    confirmed_at = Moment(required=True, allow_none=True)
    verified_at = Moment(required=True, allow_none=True)
    rotate_at = Moment(required=True, allow_none=True)
    failures = ma.fields.Integer(
        required=True, metadata=described("Attempts in a row that failed.")
    )
    error = ma.fields.String(required=True, allow_none=True)
    next_try_at = Moment(required=True, allow_none=True)
    under_way = ma.fields.Boolean(
        required=True, metadata=described("Somebody has asked for another one.")
    )


class SecretsSchema(ma.Schema):
    """All secrets of a device, and what stands in the way of its protection."""

    secrets = ma.fields.List(ma.fields.Nested(SecretSchema), required=True)
    filevault_profile = ma.fields.Nested(
        SecretSchema,
        required=True,
        metadata=described("The profile: kept is on the Mac; pending is under way or failed."),
    )
    warnings = ma.fields.List(ma.fields.String(), required=True)


def revealed(device: Device, name: str, shown: Sequence[Revealed]) -> dict[str, Any]:
    """The version in force, and what else may be."""
    first, *others = shown
    return {
        "id": device.id,
        "serial_number": device.serial_number,
        name: first.value,
        "state": first.state,
        "also_try": [one.value for one in others],
        "command": first.command_uuid,
        "created_at": first.created_at,
        "verified_at": first.verified_at,
        "rotate_at": first.rotate_at,
    }


def standing(one: Standing) -> dict[str, Any]:
    return {name: getattr(one, name) for name in SecretSchema._declared_fields}
