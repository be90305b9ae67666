"""Apps and packages that declarations bring, and the status items that tell of them.

https://developer.apple.com/documentation/devicemanagement/appmanaged
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import httpx

from zmdm_simulator import apps
from zmdm_simulator.apps import COMMAND, DECLARATION, Installed
from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative.downloads import check_url
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declared import Held
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, VISIONOS
from zmdm_simulator.packages import App
from zmdm_simulator.script import Do

FAULTS = frozenset({Do.USER_REJECTS})
CONFIGURED_SINCE = {IOS: (18, 4), IPADOS: (18, 4), VISIONOS: (2, 4), MACOS: (27,)}
STATES = {
    apps.QUEUED: "queued",
    apps.INSTALLING: "installing",
    apps.MANAGED: "managed",
    apps.UNINSTALLED: "managed-but-uninstalled",
    "Failed": "failed",
}


def managed_app(
    device: DeviceCore, channel: Channel, held: Held, assets: Mapping[str, bytes]
) -> None:
    """Install what is required, or take over what a command had brought; then configure it."""
    payload = held.payload
    number, url = payload.get("AppStoreID"), payload.get("ManifestURL")
    given = [key for key in ("AppStoreID", "BundleID", "ManifestURL") if payload.get(key)]
    if len(given) != 1:
        raise Problem("Error.ConfigurationIsInvalid", "It names no app, or more than one.")
    if url is not None:
        found, failure = _from_manifest(device, check_url(device, url, _INVALID)), ""
    else:
        found, failure = [_in_store(device, number)], _licence(device, payload, number)
    for app in found:
        _put(device, channel, held, app, failure=failure)
        device.apps[app.identifier].configuration = _configuration(device, held.payload, assets)


def _configuration(
    device: DeviceCore, payload: dict[str, Any], assets: Mapping[str, bytes]
) -> dict[str, Any]:
    """As the asset has it that is named for it, where the system knows that key."""
    named = payload.get("LegacyAppConfigAssetReference")
    if named is None:
        return {}
    model = device.facts.model
    first = CONFIGURED_SINCE.get(model.platform)
    if first is None or model.version < first:
        raise Problem("Error.UnknownPayloadKeys", "The system takes no configuration so.")
    try:
        found = plistlib.loads(assets[named])
    except (ValueError, ExpatError, plistlib.InvalidFileException) as error:
        raise Problem(_INVALID, f"The configuration cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Problem(_INVALID, "The configuration is no dictionary.")
    return found


def package(device: DeviceCore, channel: Channel, held: Held) -> None:
    """Install an installer package of a Mac."""
    url = check_url(device, held.payload["ManifestURL"], _INVALID)
    for app in _from_manifest(device, url):
        _put(device, channel, held, app, package=True)


_INVALID = "Error.ConfigurationIsInvalid"


def _in_store(device: DeviceCore, number: object) -> App:
    if not isinstance(number, str) or not number.isdecimal():
        raise Problem(_INVALID, "AppStoreID is no number.")
    return device.store.find(int(number))


def _licence(device: DeviceCore, payload: dict[str, Any], number: object) -> str:
    license_ = (payload.get("InstallBehavior") or {}).get("License") or {}
    owned = license_.get("Assignment") == "Device"
    licensed = device.store.licensed(device.facts.serial, int(str(number)))
    return "" if owned and licensed else "Error.LicenseNotFound"


def _from_manifest(device: DeviceCore, url: str) -> list[App]:
    try:
        return apps.fetch_package(device, apps.fetch_manifest(device, url))
    except (apps.DownloadFailed, httpx.HTTPError) as error:
        raise Problem("Error.DownloadFailed", str(error)) from error


def _put(
    device: DeviceCore,
    channel: Channel,
    held: Held,
    app: App,
    *,
    failure: str = "",
    package: bool = False,
) -> None:
    rule = device.script.choose(device.facts, app.identifier, channel.kind, among=FAULTS)
    failure = "Error.UserRejected" if rule is not None else failure
    former = device.apps.get(app.identifier)
    taken_over = former is not None and former.via == COMMAND and former.state == apps.MANAGED
    device.apps[app.identifier] = Installed(
        identifier=app.identifier,
        name=app.name,
        version=app.version,
        size=app.size,
        via=DECLARATION,
        state="Failed" if failure else apps.MANAGED if taken_over or package else apps.QUEUED,
        steps=device.app_steps,
        declaration=held.identifier,
        package=package,
        attributes=dict(held.payload.get("Attributes") or {}),
        reason=failure,
    )


def app_list(device: DeviceCore, _: Channel) -> list[dict[str, Any]]:
    """app.managed.list."""
    return [
        _told(app, STATES.get(app.state, "queued"))
        for app in device.apps.values()
        if app.via == DECLARATION and not app.package
    ]


def package_list(device: DeviceCore, _: Channel) -> list[dict[str, Any]]:
    """package.list: one entry for each declaration."""
    return [
        {
            "identifier": app.declaration,
            "declaration-identifier": app.declaration,
            "name": app.name,
            "version": app.version,
            "state": "installed",
        }
        for app in device.apps.values()
        if app.via == DECLARATION and app.package
    ]


def command_list(device: DeviceCore, _: Channel) -> list[dict[str, Any]]:
    """mdm.app: what commands manage."""
    return [
        {
            "identifier": app.identifier,
            "name": app.name,
            "version": app.version,
            "short-version": app.version,
            "state": STATES.get(app.state, "unknown"),
        }
        for app in device.apps.values()
        if app.via == COMMAND and app.managed
    ]


def step(device: DeviceCore) -> None:
    """Time passes: what declarations are installing comes further."""
    for app in device.apps.values():
        if app.via == DECLARATION:
            app.look()


def _told(app: Installed, state: str) -> dict[str, Any]:
    told = {
        "identifier": app.identifier,
        "declaration-identifier": app.declaration,
        "name": app.name,
        "version": app.version,
        "short-version": app.version,
        "state": state,
    }
    return told | ({"reasons": [{"code": app.reason}]} if app.reason else {})
