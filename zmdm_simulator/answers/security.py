"""SecurityInfo: encryption, passcode and firewall, as each platform reports them.

https://developer.apple.com/documentation/devicemanagement/securityinforesponse
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_simulator.answers.passwords import firmware_status
from zmdm_simulator.answers.replies import Handler, Order, Reply
from zmdm_simulator.models_of_devices import IOS, IPADOS, TVOS, VISIONOS

PRIVATE = frozenset(
    {
        *("PasscodePresent", "PasscodeCompliantWithProfiles", "PasscodeLockGracePeriod"),
        *("PasscodeLockGracePeriodEnforced", "AutoLockTime", "RemoteDesktopEnabled"),
        *("FDE_HasPersonalRecoveryKey", "FDE_HasInstitutionalRecoveryKey"),
        *("FDE_PersonalRecoveryKeyCMS", "FDE_PersonalRecoveryKeyDeviceKey"),
        *("BootstrapTokenAllowedForAuthentication", "BootstrapTokenRequiredForSoftwareUpdate"),
        *("BootstrapTokenRequiredForKernelExtensionApproval", "IsRecoveryLockEnabled"),
    }
)
"""Apple's page forbids them in a user enrollment."""


def security_info(order: Order) -> Reply:
    """Report the state of security; of a person's own device, what concerns the organization."""
    make = MAKERS.get(order.device.facts.model.platform, _mac)
    security = make(order)
    if order.device.installed.byod:
        security = {key: value for key, value in security.items() if key not in PRIVATE}
        if firewall := security.get("FirewallSettings"):
            shown = {key: value for key, value in firewall.items() if key != "Applications"}
            security["FirewallSettings"] = shown
    return Reply(body={"SecurityInfo": security})


def _mac(order: Order) -> dict[str, Any]:
    model, silicon = order.device.facts.model, order.device.facts.model.apple_silicon
    secure_chip, kept = silicon or model.t2, order.device.secrets
    security = {
        "FDE_Enabled": kept.filevault,
        "FDE_HasPersonalRecoveryKey": kept.recovery_key is not None,
        "FDE_HasInstitutionalRecoveryKey": False,
        "SystemIntegrityProtectionEnabled": True,
        "FirewallSettings": {
            "FirewallEnabled": True,
            "BlockAllIncoming": False,
            "StealthMode": False,
            "LoggingEnabled": False,
            "LoggingOption": "throttled",
            "Applications": [
                {"Allowed": True, "BundleID": "com.example.sync", "Name": "Example Sync"}
            ],
        },
        "ManagementStatus": {
            "EnrolledViaDEP": order.device.automated,
            "UserApprovedEnrollment": True,
            "IsUserEnrollment": order.device.installed.byod,
            "IsActivationLockManageable": secure_chip,
        },
        "SecureBoot": _secure_boot(silicon=silicon, t2=model.t2),
        "RemoteDesktopEnabled": order.device.condition.remote_desktop,
        "AuthenticatedRootVolumeEnabled": True,
        "BootstrapTokenAllowedForAuthentication": "allowed" if silicon else "not supported",
        "BootstrapTokenRequiredForSoftwareUpdate": silicon,
        "BootstrapTokenRequiredForKernelExtensionApproval": silicon,
    }
    if kept.escrowed:
        security["FDE_PersonalRecoveryKeyCMS"] = kept.sealed_key(kept.escrowed)
        security["FDE_PersonalRecoveryKeyDeviceKey"] = order.device.facts.serial
    if silicon:
        return security | {"IsRecoveryLockEnabled": kept.recovery_lock is not None}
    return security | {"FirmwarePasswordStatus": firmware_status(kept)}


def _secure_boot(*, silicon: bool, t2: bool) -> dict[str, Any]:
    if silicon:
        return {"SecureBootLevel": "full", "ExternalBootLevel": "allowed"}
    level = "full" if t2 else "not supported"
    return {
        "SecureBootLevel": level,
        "ExternalBootLevel": "disallowed" if t2 else "not supported",
    }


def _mobile(order: Order) -> dict[str, Any]:
    return {
        "HardwareEncryptionCaps": 3,
        "PasscodePresent": order.device.secrets.passcode,
        "PasscodeCompliant": True,
        "PasscodeCompliantWithProfiles": True,
        "PasscodeLockGracePeriod": 0,
        "PasscodeLockGracePeriodEnforced": 0,
        "AutoLockTime": 120,
        "ManagementStatus": {"IsUserEnrollment": order.device.installed.byod},
    }


def _tv(order: Order) -> dict[str, Any]:
    return {
        "HardwareEncryptionCaps": 3,
        "PasscodeCompliant": True,
        "ManagementStatus": {"IsUserEnrollment": False},
    }


def _vision(order: Order) -> dict[str, Any]:
    return {key: value for key, value in _mobile(order).items() if key != "AutoLockTime"}


MAKERS = {IOS: _mobile, IPADOS: _mobile, TVOS: _tv, VISIONOS: _vision}
HANDLERS: Mapping[str, Handler] = {"SecurityInfo": security_info}
