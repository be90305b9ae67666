from __future__ import annotations

from typing import Any

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.answers import flag, integer, text
from zmdm_plugin.commands.base import BOTH, FROM_THE_START, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, SecretSeen, SetFacts, Unreadable
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_PRK = "FDE_PersonalRecoveryKeyCMS"
_SECRET = frozenset({_PRK})

#: Where it stands in the answer ("" is the top), then Apple's keys and our columns.
_COLUMNS: dict[str, answers.Columns] = {
    "": {
        "HardwareEncryptionCaps": ("hardware_encryption", integer),
        "PasscodePresent": ("passcode_present", flag),
        "PasscodeCompliant": ("passcode_compliant", flag),
        "PasscodeCompliantWithProfiles": ("passcode_compliant_with_profiles", flag),
        "FDE_Enabled": ("filevault_enabled", flag),
        "FDE_HasPersonalRecoveryKey": ("filevault_has_prk", flag),
        "FDE_HasInstitutionalRecoveryKey": ("filevault_has_irk", flag),
        "SystemIntegrityProtectionEnabled": ("sip_enabled", flag),
        "RemoteDesktopEnabled": ("remote_desktop_enabled", flag),
        "AuthenticatedRootVolumeEnabled": ("authenticated_root_volume", flag),
        "BootstrapTokenAllowedForAuthentication": ("bootstrap_token_allowed", text),
        "BootstrapTokenRequiredForSoftwareUpdate": ("bootstrap_token_for_updates", flag),
        "BootstrapTokenRequiredForKernelExtensionApproval": ("bootstrap_token_for_kexts", flag),
        "IsRecoveryLockEnabled": ("recovery_lock_enabled", flag),
    },
    "ManagementStatus": {
        "EnrolledViaDEP": ("dep_enrollment", flag),
        "UserApprovedEnrollment": ("user_approved_enrollment", flag),
        "IsUserEnrollment": ("user_enrollment", flag),
        "IsActivationLockManageable": ("activation_lock_manageable", flag),
    },
    "FirewallSettings": {
        "FirewallEnabled": ("firewall_enabled", flag),
        "BlockAllIncoming": ("firewall_blocks_all", flag),
        "StealthMode": ("firewall_stealth", flag),
    },
    "FirmwarePasswordStatus": {
        "PasswordExists": ("firmware_password_set", flag),
        "ChangePending": ("firmware_password_pending", flag),
    },
    "SecureBoot": {
        "SecureBootLevel": ("secure_boot_level", text),
        "ExternalBootLevel": ("external_boot_level", text),
    },
}


@registry.add
class SecurityInfo(Command):
    """Its security. https://developer.apple.com/documentation/devicemanagement/securityinfocommand"""

    request_type = "SecurityInfo"
    min_os = FROM_THE_START
    channels = {Platform.MACOS: BOTH}
    access_right = AccessRights.SECURITY

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (info := answers.section(answer.body, "SecurityInfo")) is None:
            return [Unreadable("SecurityInfo")]
        columns: dict[str, Any] = {}
        for key, table in _COLUMNS.items():
            columns |= answers.columns((answers.section(info, key) or {}) if key else info, table)
        effects: list[Effect] = [
            SetFacts(cls.request_type, columns, answers.kept(info, without=_SECRET))
        ]
        if prk := answers.data(info.get(_PRK)):
            effects.append(SecretSeen("filevault_prk_cms", prk))
        return effects
