"""The bodies that a device sends to CheckInURL.

https://developer.apple.com/documentation/devicemanagement/check-in
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmdm_simulator.channel import SHARED_USER_ID, Channel
from zmdm_simulator.models_of_devices import TVOS

if TYPE_CHECKING:
    from zmdm_simulator.core import DeviceCore

Body = dict[str, Any]
RIGHT_LOCK = 4


def who(device: DeviceCore, channel: Channel) -> Body:
    """Return the keys that name the device, and the user of a user channel."""
    mdm = device.mdm
    byod = mdm is not None and mdm.byod
    body: Body = {"EnrollmentID": device.enrollment_id} if byod else {"UDID": device.facts.udid}
    user = channel.user
    if user is None:
        return body
    if device.facts.model.is_mac:
        body["EnrollmentUserID" if byod else "UserID"] = user.guid
        body |= {"UserShortName": user.short_name, "UserLongName": user.long_name}
    else:
        body |= {"UserID": SHARED_USER_ID, "UserShortName": user.short_name}
    return body


def authenticate(device: DeviceCore, channel: Channel) -> Body:
    """The first word of an enrollment; Macs introduce themselves by name."""
    facts, model = device.facts, device.facts.model
    body: Body = {
        "MessageType": "Authenticate",
        "Topic": device.installed.topic,
        "OSVersion": model.os_version,
        "BuildVersion": model.build,
        "ProductName": model.identifier,
        **who(device, channel),
    }
    if not device.installed.byod:
        body["SerialNumber"] = facts.serial
        if model.cellular:
            body |= {"IMEI": facts.imei, "MEID": facts.meid}
    if model.is_mac:
        body |= {
            "DeviceName": device.name,
            "ModelName": model.family,
            "Model": model.identifier,
        }
    return body


def token_update(device: DeviceCore, channel: Channel) -> Body:
    """Where pushes for a channel go; the unlock token comes with the first one only."""
    body: Body = {
        "MessageType": "TokenUpdate",
        "Topic": device.installed.topic,
        "Token": channel.token,
        "PushMagic": channel.magic,
        **who(device, channel),
    }
    if channel.user is None:
        body["AwaitingConfiguration"] = device.awaiting
        if _has_unlock_token(device) and not channel.announced:
            body["UnlockToken"] = device.unlock_token
        if device.facts.model.platform == TVOS:
            body["NotOnConsole"] = False
    elif device.facts.model.is_mac:
        body["NotOnConsole"] = False
    else:
        body["AwaitingConfiguration"] = channel.awaiting
    return body


def _has_unlock_token(device: DeviceCore) -> bool:
    mdm = device.installed
    may = bool(mdm.access_rights & RIGHT_LOCK) and not mdm.byod and not device.shared
    return may and device.facts.model.platform in {"iOS", "iPadOS", "visionOS"}


def check_out(device: DeviceCore, channel: Channel) -> Body:
    """The last word, sent once and not repeated."""
    return {
        "MessageType": "CheckOut",
        "Topic": device.installed.topic,
        **who(device, channel),
    }


def set_bootstrap_token(device: DeviceCore, channel: Channel, token: bytes | None) -> Body:
    """Escrow the bootstrap token; none (or an empty one) takes it back."""
    body: Body = {
        "MessageType": "SetBootstrapToken",
        "AwaitingConfiguration": device.awaiting,
        **who(device, channel),
    }
    if token is not None:
        body["BootstrapToken"] = token
    return body


def get_bootstrap_token(device: DeviceCore, channel: Channel) -> Body:
    """Ask for the escrowed bootstrap token."""
    return {
        "MessageType": "GetBootstrapToken",
        "AwaitingConfiguration": device.awaiting,
        **who(device, channel),
    }


def get_token(device: DeviceCore, channel: Channel, service: str) -> Body:
    """Ask for a token of a service, like com.apple.maid."""
    return {"MessageType": "GetToken", "TokenServiceType": service, **who(device, channel)}


def return_to_service(device: DeviceCore, channel: Channel) -> Body:
    """A device that is about to reset asks how to come back."""
    return {"MessageType": "ReturnToService", **who(device, channel)}


def declarative_management(
    device: DeviceCore, channel: Channel, endpoint: str, data: bytes | None
) -> Body:
    """Ask for, or tell, something about declarations; the data is JSON."""
    body: Body = {
        "MessageType": "DeclarativeManagement",
        "Endpoint": endpoint,
        **who(device, channel),
    }
    if data is not None:
        body["Data"] = data
    return body


def user_authenticate(device: DeviceCore, channel: Channel, digest: str | None) -> Body:
    """Ask to manage a network or mobile user; the second pass carries the digest."""
    body: Body = {"MessageType": "UserAuthenticate", **who(device, channel)}
    if digest is not None:
        body["DigestResponse"] = digest
    return body
