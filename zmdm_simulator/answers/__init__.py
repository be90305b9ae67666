"""The answers to commands: one module per topic, one table of handlers.

Before a handler is asked, the rules that all commands share are checked: known here, on this
channel, supervised where that is needed, and within the access rights of the enrollment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmdm_simulator.answers import (
    apps,
    control,
    custody,
    information,
    lists,
    passwords,
    profiles,
    provisioning,
    security,
    setup,
)
from zmdm_simulator.answers.replies import (
    INVALID_REQUEST_TYPE,
    NOT_AUTHORIZED,
    Handler,
    Order,
    Reply,
    failed,
    malformed,
)
from zmdm_simulator.channel import Channel
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

EVERYWHERE = frozenset({MACOS, IOS, IPADOS, TVOS, VISIONOS})
MOBILE = frozenset({IOS, IPADOS})
_LOCKABLE = MOBILE | frozenset({MACOS, VISIONOS})
MACS = frozenset({MACOS})
HANDLERS: Mapping[str, Handler] = {
    **information.HANDLERS,
    **security.HANDLERS,
    **lists.HANDLERS,
    **profiles.HANDLERS,
    **provisioning.HANDLERS,
    **control.HANDLERS,
    **setup.HANDLERS,
    **passwords.HANDLERS,
    **custody.HANDLERS,
    **apps.HANDLERS,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a command works, and what it takes."""

    right: int = 0
    platforms: frozenset[str] = EVERYWHERE
    mac_user: bool = False  # works on a Mac's user channel
    shared_user: bool = False  # works on a Shared iPad's user channel
    shared_only: bool = False  # works nowhere else
    supervised_on: frozenset[str] = frozenset()


TERMS = {
    "DeviceInformation": Terms(mac_user=True, shared_user=True),
    "SecurityInfo": Terms(1024, mac_user=True),
    "InstalledApplicationList": Terms(256, mac_user=True),
    "CertificateList": Terms(1, mac_user=True),
    "ProfileList": Terms(1, mac_user=True, shared_user=True),
    "InstallProfile": Terms(2, mac_user=True, shared_user=True),
    "RemoveProfile": Terms(2, mac_user=True, shared_user=True),
    "ProvisioningProfileList": Terms(64),
    "InstallProvisioningProfile": Terms(128),
    "RemoveProvisioningProfile": Terms(128),
    "DeviceLock": Terms(4, platforms=EVERYWHERE - {TVOS}),
    "EraseDevice": Terms(8),
    "RestartDevice": Terms(
        4, platforms=EVERYWHERE - {VISIONOS}, supervised_on=MOBILE | frozenset({TVOS})
    ),
    "ShutDownDevice": Terms(4, platforms=MOBILE | frozenset({MACOS}), supervised_on=MOBILE),
    "SetRecoveryLock": Terms(4, platforms=frozenset({MACOS})),
    "VerifyRecoveryLock": Terms(4, platforms=frozenset({MACOS})),
    "SetFirmwarePassword": Terms(4, platforms=frozenset({MACOS})),
    "VerifyFirmwarePassword": Terms(platforms=frozenset({MACOS})),
    "RotateFileVaultKey": Terms(4, platforms=frozenset({MACOS})),
    "SetAutoAdminPassword": Terms(platforms=frozenset({MACOS})),
    "ClearPasscode": Terms(4, platforms=MOBILE | frozenset({VISIONOS})),
    "RequestUnlockToken": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "ClearRestrictionsPassword": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "ActivationLockBypassCode": Terms(platforms=_LOCKABLE, supervised_on=_LOCKABLE),
    "ClearActivationLockBypassCode": Terms(platforms=_LOCKABLE, supervised_on=_LOCKABLE),
    "InstallApplication": Terms(4096, mac_user=True),
    "InstallEnterpriseApplication": Terms(4096, platforms=frozenset({MACOS})),
    "ManagedApplicationList": Terms(4096, mac_user=True),
    "RemoveApplication": Terms(4096),
    "DeclarativeManagement": Terms(mac_user=True, shared_user=True),
    "EnableLostMode": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "DisableLostMode": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "DeviceLocation": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "PlayLostModeSound": Terms(platforms=MOBILE, supervised_on=MOBILE),
    "EnableRemoteDesktop": Terms(platforms=MACS, supervised_on=MACS),
    "DisableRemoteDesktop": Terms(platforms=MACS, supervised_on=MACS),
    "UserList": Terms(platforms=MACS | MOBILE, supervised_on=MACS),
    "DeleteUser": Terms(platforms=MACS | MOBILE, supervised_on=MACS),
    "LogOutUser": Terms(platforms=MOBILE),
    "UnlockUserAccount": Terms(4, platforms=MACS),
    "Settings": Terms(2048, mac_user=True, shared_user=True),
    "AccountConfiguration": Terms(platforms=frozenset({MACOS})),
    "DeviceConfigured": Terms(supervised_on=EVERYWHERE - {MACOS}),
    "UserConfigured": Terms(platforms=frozenset({IPADOS}), shared_user=True, shared_only=True),
}
# Macs ask no right for these, all others do.
FREE_ON_MACS = frozenset(provisioning.HANDLERS)


def answer(device: SimulatedDevice, channel: Channel, command: Mapping[str, Any]) -> Reply:
    """Carry out one command."""
    request_type = command.get("RequestType")
    if not isinstance(request_type, str) or not request_type:
        return malformed()
    terms, handler = TERMS.get(request_type), HANDLERS.get(request_type)
    if terms is None or handler is None:
        return failed(INVALID_REQUEST_TYPE, f"“{request_type}” is not a valid request type.")
    return _refusal(device, channel, request_type, terms) or handler(
        Order(device, channel, command)
    )


def _refusal(
    device: SimulatedDevice, channel: Channel, request_type: str, terms: Terms
) -> Reply | None:
    platform = device.facts.model.platform
    on_channel = terms.mac_user if platform == MACOS else terms.shared_user
    wrong_channel = not on_channel if channel.user else terms.shared_only
    if platform not in terms.platforms or wrong_channel:
        return failed(INVALID_REQUEST_TYPE, f"“{request_type}” is not a valid request type.")
    right = 0 if platform == MACOS and request_type in FREE_ON_MACS else terms.right
    if device.installed.access_rights & right != right:
        return failed(NOT_AUTHORIZED, "The MDM server is not authorized to send this command.")
    if platform in terms.supervised_on and not device.supervised:
        return failed(12035, f"“{request_type}” requires a supervised device.")
    return None
