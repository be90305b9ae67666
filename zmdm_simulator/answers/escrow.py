"""What a FileVault profile does to a Mac: where its recovery key goes, and when it encrypts.

https://developer.apple.com/documentation/devicemanagement/fderecoverykeyescrow
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from zmdm_simulator import pki
from zmdm_simulator.channel import Channel
from zmdm_simulator.profile import PKCS1, Profile

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

ESCROW, FILEVAULT = "com.apple.security.FDERecoveryKeyEscrow", "com.apple.MCX.FileVault2"


def refusal(channel: Channel, profile: Profile) -> str | None:
    """Why this profile cannot be installed; a Mac takes one escrow payload and no second."""
    if not profile.of_type(ESCROW):
        return None
    if channel.user is not None:
        return "recovery keys are escrowed on the device channel alone"
    others = [one for name, one in channel.profiles.items() if name != profile.identifier]
    if any(one.of_type(ESCROW) for one in others):
        return "another profile escrows the recovery key already"
    return None if _certificate(profile) else "EncryptCertPayloadUUID names no certificate"


def installed(device: SimulatedDevice, profile: Profile) -> None:
    """Take its certificate; Setup Assistant may be told to encrypt once it goes on."""
    if not device.facts.model.is_mac or not profile.of_type(ESCROW):
        return
    device.secrets.escrow_certificate = _certificate(profile)
    settings = profile.of_type(FILEVAULT)
    forced = settings and settings[0].get("ForceEnableInSetupAssistant")
    device.secrets.encrypts_in_setup = bool(device.awaiting and forced)


def goes_on(device: SimulatedDevice) -> None:
    """Setup Assistant has made the person's account: an administrator's has a secure token, and
    turns FileVault on there and then; a standard account is not asked."""
    kept = device.secrets
    asked, kept.encrypts_in_setup = kept.encrypts_in_setup, False
    if asked and not device.accounts.get("SetPrimarySetupAccountAsRegularUser"):
        kept.turn_on_filevault()


def removed(device: SimulatedDevice, profile: Profile) -> None:
    """The disk stays encrypted; the next key goes nowhere."""
    if profile.of_type(ESCROW):
        device.secrets.escrow_certificate = None


def _certificate(profile: Profile) -> bytes | None:
    """The certificate (DER) that the escrow payload names."""
    wanted = profile.of_type(ESCROW)[0].get("EncryptCertPayloadUUID")
    for payload in profile.of_type(PKCS1):
        content = payload.get("PayloadContent")
        if payload.get("PayloadUUID") == wanted and isinstance(content, bytes):
            try:
                return pki.der(x509.load_der_x509_certificate(content))
            except ValueError:
                return None
    return None
