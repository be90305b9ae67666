"""Provisioning profiles: list, install, remove.

A provisioning profile is a signed property list with a UUID and a name.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.parsers.expat import ExpatError

from zmdm_simulator import cms
from zmdm_simulator.answers.replies import PROFILE_DOMAIN, Handler, Order, Reply, failed, malformed
from zmdm_simulator.errors import WireError

UNREADABLE, NOT_INSTALLED = 12023, 12024


def provisioning_profile_list(order: Order) -> Reply:
    """List them by name, UUID and date of expiry."""
    listed = [_entry(raw) for raw in order.channel.provisioning_profiles.values()]
    return Reply(body={"ProvisioningProfileList": listed})


def _entry(raw: bytes) -> dict[str, Any]:
    content = read(raw)
    entry: dict[str, Any] = {"Name": content["Name"], "UUID": content["UUID"]}
    expiry = content.get("ExpirationDate")
    return entry | ({"ExpiryDate": expiry} if isinstance(expiry, datetime) else {})


def read(raw: bytes) -> dict[str, Any]:
    """Return what a provisioning profile says; WireError if it is none."""
    try:
        content = plistlib.loads(cms.verify_attached(raw).content)
    except (ValueError, ExpatError, plistlib.InvalidFileException) as error:
        raise WireError("there is no property list in it") from error
    if not isinstance(content, dict):
        raise WireError("there is no dictionary in it")
    if not all(isinstance(content.get(key), str) for key in ("Name", "UUID")):
        raise WireError("it has no Name or no UUID")
    return content


def install_provisioning_profile(order: Order) -> Reply:
    """Install; one that is there already is no error."""
    raw = order.command.get("ProvisioningProfile")
    if not isinstance(raw, bytes):
        return malformed()
    try:
        uuid = read(raw)["UUID"]
    except WireError as error:
        return failed(
            UNREADABLE, f"The provisioning profile is not valid: {error}", domain=PROFILE_DOMAIN
        )
    order.channel.provisioning_profiles[uuid] = raw
    return Reply()


def remove_provisioning_profile(order: Order) -> Reply:
    """Remove by UUID."""
    uuid = order.command.get("UUID")
    if not isinstance(uuid, str):
        return malformed()
    if order.channel.provisioning_profiles.pop(uuid, None) is None:
        return failed(NOT_INSTALLED, f"The provisioning profile “{uuid}” is not installed.")
    return Reply()


HANDLERS: Mapping[str, Handler] = {
    "ProvisioningProfileList": provisioning_profile_list,
    "InstallProvisioningProfile": install_provisioning_profile,
    "RemoveProvisioningProfile": remove_provisioning_profile,
}
