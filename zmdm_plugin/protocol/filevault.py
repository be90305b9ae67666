"""The profile that turns FileVault on, and what it makes of the recovery key.

https://developer.apple.com/documentation/devicemanagement/fdefilevault
https://developer.apple.com/documentation/devicemanagement/fderecoverykeyescrow
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.protocol import issuance, mobileconfig
from zmdm_plugin.protocol.mobileconfig import Texts

IDENTIFIER = "zmdm.filevault"
"""On a device it is the same for ever: another one would be a second profile."""
ESCROW = "com.apple.security.FDERecoveryKeyEscrow"
_CERTIFICATE = "com.apple.security.pkcs1"
_LIFE = timedelta(days=20 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVault:
    """What the profile says; `bypass_attempts` -1: also asked for at logout."""

    location: str
    at_login_only: bool = False
    bypass_attempts: int = -1
    show_recovery_key: bool = False
    destroy_key_on_standby: bool = False


def escrow_certificate(name: str, key: rsa.RSAPrivateKey, *, at: datetime) -> bytes:
    """What recovery keys are encrypted to (DER), self-signed, for twenty years."""
    return issuance.make_ca(
        [("CN", f"FileVault recovery key of {name}")], key, at=at, lifetime=_LIFE
    )


def profile(
    wanted: FileVault,
    certificate: bytes,
    *,
    in_setup_assistant: bool,
    serial_number: str | None,
    profile_uuid: uuid.UUID,
    texts: Texts,
) -> bytes:
    """The profile of one device. In Setup Assistant FileVault is turned on there and then."""
    names = {
        part: mobileconfig.derived_uuid(profile_uuid, part)
        for part in ("certificate", "escrow", "filevault", "options")
    }
    escrow: dict[str, Any] = {
        "Location": wanted.location,
        "EncryptCertPayloadUUID": names["certificate"],
    }
    if serial_number:
        escrow["DeviceKey"] = serial_number
    contents: dict[str, tuple[str, dict[str, Any]]] = {
        "certificate": (_CERTIFICATE, {"PayloadContent": certificate}),
        "escrow": (ESCROW, escrow),
        "filevault": ("com.apple.MCX.FileVault2", _settings(wanted, in_setup_assistant)),
        "options": (
            "com.apple.MCX",
            {
                "dontAllowFDEDisable": True,
                "DestroyFVKeyOnStandby": wanted.destroy_key_on_standby,
            },
        ),
    }
    payloads = [
        mobileconfig.inner(kind, f"{IDENTIFIER}.{part}", names[part]) | content
        for part, (kind, content) in contents.items()
    ]
    return mobileconfig.profile(
        payloads, identifier=IDENTIFIER, profile_uuid=profile_uuid, texts=texts, scope="System"
    )


def _settings(wanted: FileVault, in_setup_assistant: bool) -> dict[str, Any]:
    settings = {
        "Enable": "On",
        "Defer": True,
        "UseRecoveryKey": True,
        "ShowRecoveryKey": wanted.show_recovery_key,
    }
    if in_setup_assistant:
        return settings | {"ForceEnableInSetupAssistant": True}
    return settings | {
        "DeferDontAskAtUserLogout": wanted.at_login_only,
        "DeferForceAtUserLoginMaxBypassAttempts": wanted.bypass_attempts,
    }
