"""/api/mdm/devices/<id>/filevault_prk/ and its like: secrets of a device, revealed and audited."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import device_secrets as shown
from zmdm_plugin.blueprints.api.schemas.device_secrets import (
    AdminPasswordSchema,
    BootstrapTokenSchema,
    BypassCodeSchema,
    FileVaultKeySchema,
    LockPinSchema,
    RecoveryPasswordAsked,
    RecoveryPasswordSchema,
    SecretsSchema,
    UnlockTokenSchema,
)
from zmdm_plugin.services import access, devices, reveal
from zmdm_plugin.services.protection import by_hand, health, replacing
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("device_secrets", path="/devices", description="Secrets of a device.")
_HEADERS = {"Cache-Control": "no-store"}
_PERMISSION = {name: one.permission for name, one in reveal.SECRETS.items()}


@blueprint.route(f"/<{ID}:device_id>/secrets/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, SecretsSchema)
def list_device_secrets(device_id: int) -> dict[str, Any]:
    """Show how the secrets of a device stand

    Which are kept, which are missing or doubtful and why; never a secret.
    """
    device = devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    return {
        "secrets": [shown.standing(one) for one in health.of(device)],
        "filevault_profile": shown.standing(health.profile(device)),
        "warnings": health.warnings(device),
    }


@blueprint.route(f"/<{ID}:device_id>/filevault_prk/")
@blueprint.operation(_PERMISSION["filevault_prk"], 404)
@blueprint.response(200, FileVaultKeySchema)
def get_filevault_prk(device_id: int) -> Any:
    """Reveal the FileVault recovery key of a Mac

    Each time is written to the audit, and the key is replaced afterwards where the FileVault
    configuration says so. 404 says why there is none.
    """
    return _revealed(device_id, "filevault_prk")


@blueprint.route(f"/<{ID}:device_id>/recovery_password/")
@blueprint.operation(_PERMISSION["recovery_password"], 404)
@blueprint.response(200, RecoveryPasswordSchema)
def get_recovery_password(device_id: int) -> Any:
    """Reveal the recovery password of a Mac

    The recovery lock of Apple silicon, the firmware password of Intel. Each time is written to the
    audit, and it is replaced afterwards where its configuration says so. 404 says why there is
    none.
    """
    return _revealed(device_id, "recovery_password")


@blueprint.route(f"/<{ID}:device_id>/admin_password/")
@blueprint.operation(_PERMISSION["admin_password"], 404)
@blueprint.response(200, AdminPasswordSchema)
def get_admin_password(device_id: int) -> Any:
    """Reveal the administrator's password of a Mac

    Of the account that Setup Assistant made. Each time is written to the audit, and it is replaced
    afterwards where the blueprint says so. 404 says why there is none.
    """
    return _revealed(device_id, "admin_password")


@blueprint.route(f"/<{ID}:device_id>/device_lock_pin/")
@blueprint.operation(_PERMISSION["device_lock_pin"], 404)
@blueprint.response(200, LockPinSchema)
def get_device_lock_pin(device_id: int) -> Any:
    """Reveal the lock PIN of a device

    The PIN that a Mac was last locked or erased with, also one that was drawn for it. Each time is
    written to the audit. 404 where there is none.
    """
    return _revealed(device_id, "device_lock_pin")


@blueprint.route(f"/<{ID}:device_id>/activation_lock_bypass_code/")
@blueprint.operation(_PERMISSION["activation_lock_bypass_code"], 404)
@blueprint.response(200, BypassCodeSchema)
def get_activation_lock_bypass_code(device_id: int) -> Any:
    """Reveal the Activation Lock bypass code of a device

    It is typed in place of the Apple Account that a device is locked to. It is fetched from each
    supervised device after its enrollment. Each time is written to the audit. 404 says why there
    is none.
    """
    return _revealed(device_id, "activation_lock_bypass_code")


@blueprint.route(f"/<{ID}:device_id>/unlock_token/")
@blueprint.operation(_PERMISSION["unlock_token"], 404)
@blueprint.response(200, UnlockTokenSchema)
def get_unlock_token(device_id: int) -> Any:
    """Reveal the unlock token of an iPhone or iPad

    The command ClearPasscode uses it without showing it to anybody. Each time is written to the
    audit. 404 says why there is none.
    """
    return _revealed(device_id, "unlock_token")


@blueprint.route(f"/<{ID}:device_id>/bootstrap_token/")
@blueprint.operation(_PERMISSION["bootstrap_token"], 404)
@blueprint.response(200, BootstrapTokenSchema)
def get_bootstrap_token(device_id: int) -> Any:
    """Reveal the bootstrap token of a Mac

    The Mac fetches it by itself when it needs it. Each time is written to the audit. 404 says why
    there is none.
    """
    return _revealed(device_id, "bootstrap_token")


@blueprint.route(f"/<{ID}:device_id>/recovery_password/", methods=["PUT"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.arguments(RecoveryPasswordAsked)
@blueprint.response(204)
def set_recovery_password(asked: dict[str, Any], device_id: int) -> None:
    """Set a recovery password of one's own on a Mac

    The recovery lock of Apple silicon, or the firmware password of Intel (in force after the
    restart that its user is asked for). It stays until the blueprint's configuration replaces it.
    A 409 says why it cannot be.
    """
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_SECRETS)
    with db.transaction():
        device = devices.locked(device_id)
        by_hand.set_recovery_password(actor, device, asked["recovery_password"])


@blueprint.route(f"/<{ID}:device_id>/filevault_prk/replace/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def replace_filevault_prk(device_id: int) -> None:
    """Have a Mac make another FileVault recovery key

    As soon as it comes by, whatever failed before. The former key stays readable. A 409 says why it
    cannot be.
    """
    _replace(device_id, "filevault_prk")


@blueprint.route(f"/<{ID}:device_id>/recovery_password/replace/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def replace_recovery_password(device_id: int) -> None:
    """Set another recovery password on a Mac

    As soon as it comes by; a firmware password is in force after the restart that its user is asked
    for. A 409 says why it cannot be.
    """
    _replace(device_id, "recovery_password")


@blueprint.route(f"/<{ID}:device_id>/admin_password/replace/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def replace_admin_password(device_id: int) -> None:
    """Set another administrator's password on a Mac

    As soon as it comes by. A 409 says why it cannot be.
    """
    _replace(device_id, "admin_password")


@blueprint.route(f"/<{ID}:device_id>/filevault_profile/retry/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def retry_filevault_profile(device_id: int) -> None:
    """Put the FileVault profile on a Mac again

    As soon as it comes by, whatever failed before. A 409 says why it cannot be.
    """
    _replace(device_id, "filevault_profile")


@blueprint.route(f"/<{ID}:device_id>/activation_lock_bypass_code/fetch/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def fetch_activation_lock_bypass_code(device_id: int) -> None:
    """Fetch the Activation Lock bypass code of a device again

    As soon as it comes by; it tells it for fifteen days after it was enrolled.
    """
    _replace(device_id, "activation_lock_bypass_code")


@blueprint.route(f"/<{ID}:device_id>/activation_lock_bypass_code/clear/", methods=["POST"])
@blueprint.operation(access.CHANGE_SECRETS, 404, 409)
@blueprint.response(204)
def clear_activation_lock_bypass_code(device_id: int) -> None:
    """Have a device forget its Activation Lock bypass code

    Once it was used, or should not be. What was fetched stays readable as a former one.
    """
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_SECRETS)
    with db.transaction():
        by_hand.clear_bypass_code(actor, devices.locked(device_id))


def _revealed(device_id: int, name: str) -> Any:
    actor, secret = api_actor(), reveal.find(name)
    found = devices.find(actor, device_id, secret.permission)
    with db.transaction():
        device = devices.find(actor, found.id, secret.permission)
        answer = shown.revealed(device, name, reveal.reveal(actor, device, secret))
    return answer, 200, _HEADERS


def _replace(device_id: int, name: str) -> None:
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_SECRETS)
    with db.transaction():
        replacing.replace(actor, devices.locked(device_id), name)
