"""Profiles: list, install, remove.

A profile with the identifier of the enrollment profile renews the device's identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_simulator import pki
from zmdm_simulator.answers import escrow
from zmdm_simulator.answers.replies import (
    PROFILE_DOMAIN,
    Handler,
    Order,
    Reply,
    failed,
    malformed,
)
from zmdm_simulator.channel import After
from zmdm_simulator.errors import EnrollmentFailed, ProfileRefused, ScepFailed
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS
from zmdm_simulator.profile import MDM, Profile, load

INNER_KEYS = (
    "PayloadType",
    "PayloadVersion",
    "PayloadIdentifier",
    "PayloadUUID",
    "PayloadDisplayName",
    "PayloadDescription",
    "PayloadOrganization",
)
# What a device says here is not written down anywhere; that it refuses is.
DECLARED = 12089
SOURCE_SINCE = {MACOS: (15,), IOS: (18,), IPADOS: (18,), TVOS: (18,), VISIONOS: (2,)}
OUTER_KEYS = (
    "PayloadUUID",
    "PayloadIdentifier",
    "PayloadVersion",
    "PayloadDisplayName",
    "PayloadOrganization",
    "PayloadDescription",
)


def profile_list(order: Order) -> Reply:
    """List the channel's profiles."""
    listed = [_entry(order, profile) for profile in order.channel.profiles.values()]
    return Reply(body={"ProfileList": listed})


def _entry(order: Order, profile: Profile) -> dict[str, Any]:
    entry: dict[str, Any] = {key: profile.data[key] for key in OUTER_KEYS if key in profile.data}
    entry |= {
        "PayloadRemovalDisallowed": bool(profile.data.get("PayloadRemovalDisallowed", False)),
        "HasRemovalPasscode": False,
        "IsEncrypted": False,
        "SignerCertificates": [pki.der(certificate) for certificate in profile.signers],
        "PayloadContent": [
            {key: payload[key] for key in INNER_KEYS if key in payload}
            for payload in profile.payloads
        ],
    }
    if not order.is_mac:
        entry["IsManaged"] = True
    model = order.device.facts.model
    declared = profile.identifier in order.channel.declared.profiles
    if declared and model.version >= SOURCE_SINCE[model.platform]:
        entry["Source"] = "Declarative Device Management"
    return entry


def install_profile(order: Order) -> Reply:
    """Install, replace (same identifier), or renew the enrollment."""
    payload = order.command.get("Payload")
    if not isinstance(payload, bytes):
        return malformed()
    try:
        profile = load(payload, identity=order.device.identity)
        return _installed(order, profile)
    except ProfileRefused as error:
        domain = "MCMDMErrorDomain" if error.code >= 12000 else PROFILE_DOMAIN
        return failed(error.code, f"The profile could not be installed: {error}", domain=domain)
    except ScepFailed as error:
        return failed(
            22013, f"The identity could not be renewed: {error}", domain="MCSCEPErrorDomain"
        )
    except EnrollmentFailed as error:
        return failed(12002, f"The device could not check in: {error}")


def _installed(order: Order, profile: Profile) -> Reply:
    device = order.device
    if profile.identifier == device.enrollment_identifier and order.channel.user is None:
        device.renew(profile)
        return Reply()
    if profile.of_type(MDM):
        raise ProfileRefused("this device is managed already", code=12001)
    if profile.identifier in order.channel.declared.profiles:
        raise ProfileRefused("a declaration brings this profile", code=DECLARED)
    if (refusal := escrow.refusal(order.channel, profile)) is not None:
        raise ProfileRefused(refusal)
    order.channel.profiles[profile.identifier] = profile
    escrow.installed(device, profile)
    return Reply()


def remove_profile(order: Order) -> Reply:
    """Remove; without its enrollment profile the device is no longer managed."""
    identifier = order.command.get("Identifier")
    if not isinstance(identifier, str):
        return malformed()
    if identifier not in order.channel.profiles:
        return failed(12075, f"The profile “{identifier}” is not installed.")
    if identifier == order.device.enrollment_identifier and order.channel.user is None:
        return Reply(after=After.LEAVE)
    if identifier in order.channel.declared.profiles:
        return failed(DECLARED, f"The profile “{identifier}” is brought by a declaration.")
    escrow.removed(order.device, order.channel.profiles.pop(identifier))
    return Reply()


HANDLERS: Mapping[str, Handler] = {
    "ProfileList": profile_list,
    "InstallProfile": install_profile,
    "RemoveProfile": remove_profile,
}
