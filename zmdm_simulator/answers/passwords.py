"""Passwords of the start screen, of the administrator, of the disk; passcodes and codes of phones.

What a device says when a password is wrong is not written down anywhere; that it refuses is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_simulator.answers.replies import Handler, Order, Reply, failed, malformed
from zmdm_simulator.errors import WireError
from zmdm_simulator.secrets import Secrets, new_unlock_token

_WRONG = 12068
_MISSING = 12071


def _secrets(order: Order) -> Secrets:
    return order.device.secrets


def _password(order: Order, key: str) -> str | None:
    value = order.command.get(key)
    return value if isinstance(value, str) else None


def set_recovery_lock(order: Order) -> Reply:
    """Change, set or clear it; Intel Macs have none."""
    if not order.device.facts.model.apple_silicon:
        return failed(12021, "Recovery Lock needs Apple silicon.")
    new = _password(order, "NewPassword")
    if new is None:
        return malformed()
    if not _secrets(order).set_recovery_lock(order.command.get("CurrentPassword"), new):
        return failed(_WRONG, "The current password is wrong.")
    return Reply()


def verify_recovery_lock(order: Order) -> Reply:
    """Say whether a password is the one."""
    password = _password(order, "Password")
    if password is None:
        return malformed()
    if not order.device.facts.model.apple_silicon:
        return failed(12021, "Recovery Lock needs Apple silicon.")
    holds = bool(password) and password == _secrets(order).recovery_lock
    return Reply(body={"PasswordVerified": holds})


def set_firmware_password(order: Order) -> Reply:
    """Take it for the next start; while one waits for that, no other is taken."""
    if order.device.facts.model.apple_silicon:
        return failed(12021, "Firmware passwords need an Intel Mac.")
    new = _password(order, "NewPassword")
    if new is None:
        return malformed()
    kept = _secrets(order)
    if kept.firmware_next is not None:
        return failed(_WRONG, "A change of the firmware password is pending.")
    changed = kept.set_firmware(order.command.get("CurrentPassword"), new)
    return Reply(body={"SetFirmwarePassword": {"PasswordChanged": changed}})


def verify_firmware_password(order: Order) -> Reply:
    """Say whether a password is the one in force."""
    password = _password(order, "Password")
    if password is None:
        return malformed()
    if order.device.facts.model.apple_silicon:
        return failed(12021, "Firmware passwords need an Intel Mac.")
    holds = bool(password) and password == _secrets(order).firmware
    return Reply(body={"VerifyFirmwarePassword": {"PasswordVerified": holds}})


def rotate_filevault_key(order: Order) -> Reply:
    """Make another recovery key and send it to whoever asked, encrypted."""
    unlock = order.command.get("FileVaultUnlock")
    if order.command.get("KeyType") != "personal" or not isinstance(unlock, dict):
        return malformed()
    kept = _secrets(order)
    if not kept.rotate(unlock.get("Password")):
        return failed(_WRONG, "The recovery key is wrong.")
    certificate = order.command.get("ReplyEncryptionCertificate")
    if not isinstance(certificate, bytes):
        return Reply()
    try:
        sealed = kept.sealed_key(certificate)
    except (ValueError, WireError):
        return Reply()
    return Reply(body={"RotateResult": {"EncryptedNewRecoveryKey": sealed}})


def set_auto_admin_password(order: Order) -> Reply:
    """Take another hash for the administrator that Setup Assistant made."""
    made = _secrets(order).administrator
    given = order.command.get("passwordHash")
    if not isinstance(given, bytes) or not isinstance(order.command.get("GUID"), str):
        return malformed()
    if made is None or order.command["GUID"] != made.guid:
        return failed(_MISSING, "There is no such administrator.")
    made.password_hash = given
    return Reply()


def clear_passcode(order: Order) -> Reply:
    """Take the passcode away for whoever has the unlock token."""
    token = order.command.get("UnlockToken")
    if not isinstance(token, bytes):
        return malformed()
    if token != order.device.unlock_token:
        return failed(_WRONG, "The unlock token is wrong.")
    _secrets(order).passcode = False
    return Reply()


def request_unlock_token(order: Order) -> Reply:
    """Give another unlock token; the former one opens no more."""
    order.device.unlock_token = new_unlock_token()
    return Reply(body={"UnlockToken": order.device.unlock_token})


def clear_restrictions_password(order: Order) -> Reply:
    """Take the passcode of Screen Time away."""
    _secrets(order).restrictions_passcode = False
    return Reply()


def activation_lock_bypass_code(order: Order) -> Reply:
    """Tell the code, if there is one still."""
    code = _secrets(order).bypass_code
    if code is None:
        return failed(_MISSING, "There is no Activation Lock bypass code.")
    return Reply(body={"ActivationLockBypassCode": code})


def clear_activation_lock_bypass_code(order: Order) -> Reply:
    """Forget it."""
    _secrets(order).bypass_code = None
    return Reply()


def firmware_status(kept: Secrets) -> Mapping[str, Any]:
    """What SecurityInfo says about it."""
    return {
        "PasswordExists": kept.firmware is not None,
        "ChangePending": kept.firmware_next is not None,
        "AllowOroms": False,
    }


HANDLERS: Mapping[str, Handler] = {
    "SetRecoveryLock": set_recovery_lock,
    "VerifyRecoveryLock": verify_recovery_lock,
    "SetFirmwarePassword": set_firmware_password,
    "VerifyFirmwarePassword": verify_firmware_password,
    "RotateFileVaultKey": rotate_filevault_key,
    "SetAutoAdminPassword": set_auto_admin_password,
    "ClearPasscode": clear_passcode,
    "RequestUnlockToken": request_unlock_token,
    "ClearRestrictionsPassword": clear_restrictions_password,
    "ActivationLockBypassCode": activation_lock_bypass_code,
    "ClearActivationLockBypassCode": clear_activation_lock_bypass_code,
}
