"""Configuration profiles that a declaration brings, in the same list as those of InstallProfile.

A profile that InstallProfile brought is taken over only if it is the same one: identifier, UUID,
and the payloads in their order.
https://developer.apple.com/documentation/devicemanagement/legacyprofile
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative import downloads
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declared import Held
from zmdm_simulator.errors import ProfileRefused
from zmdm_simulator.profile import MDM, Profile, load

CANNOT, BAD = "Error.ConfigurationCannotBeApplied", "Error.ConfigurationIsInvalid"
PROFILE_TYPE = "application/x-apple-aspen-config"


def apply(
    device: DeviceCore, channel: Channel, held: Held, *, asset: bytes | None, wanted: set[str]
) -> None:
    """Install the profile of a configuration; `wanted` are all configurations in effect."""
    content = asset if asset is not None else _download(device, channel, held.payload)
    try:
        profile = load(content, identity=device.identity)
    except ProfileRefused as error:
        raise Problem(CANNOT, f"The profile cannot be installed: {error}") from error
    _check(device, channel, held, profile, wanted)
    before = {name for name, owner in channel.declared.profiles.items() if owner == held.identifier}
    channel.profiles[profile.identifier] = profile
    channel.declared.profiles[profile.identifier] = held.identifier
    for name in before - {profile.identifier}:
        _remove(channel, name)


def _download(device: DeviceCore, channel: Channel, payload: dict[str, Any]) -> bytes:
    url = downloads.check_url(device, payload.get("ProfileURL"), BAD)
    mdm = device.installed
    hosts = {urlsplit(place).hostname for place in (mdm.server_url, mdm.checkin_url)}
    if urlsplit(url).hostname not in hosts:
        raise Problem(BAD, "The profile is not on the server of this enrollment.", ProfileURL=url)
    content, kind = downloads.get(device, channel, url, code=CANNOT)
    if kind != PROFILE_TYPE:
        raise Problem(CANNOT, f"The profile has the media type {kind or 'none'}.")
    return content


def _check(
    device: DeviceCore, channel: Channel, held: Held, profile: Profile, wanted: set[str]
) -> None:
    name = profile.identifier
    if profile.of_type(MDM) or name == device.enrollment_identifier:
        raise Problem(CANNOT, "An enrollment profile is not brought by a declaration.")
    owner = channel.declared.profiles.get(name)
    if owner is not None and owner != held.identifier and owner in wanted:
        raise Problem(CANNOT, f"Another configuration, {owner}, brings this profile.")
    installed = channel.profiles.get(name)
    if installed is not None and owner is None and _looks(installed) != _looks(profile):
        raise Problem(
            CANNOT, "A different profile with this identifier is installed.", Profile=name
        )


def _looks(profile: Profile) -> list[tuple[str, str, str]]:
    """Return what must be equal for a take-over."""
    keys = ("PayloadType", "PayloadIdentifier", "PayloadUUID")
    parts = [profile.data, *profile.payloads]
    return [(str(part[keys[0]]), str(part[keys[1]]), str(part[keys[2]])) for part in parts]


def sweep(channel: Channel, wanted: set[str]) -> None:
    """Remove the profiles whose configuration is no longer in effect."""
    for name, owner in list(channel.declared.profiles.items()):
        if owner not in wanted:
            _remove(channel, name)


def _remove(channel: Channel, name: str) -> None:
    del channel.declared.profiles[name]
    channel.profiles.pop(name, None)
