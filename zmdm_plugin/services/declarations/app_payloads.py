"""Apps and packages as declarations.

https://developer.apple.com/documentation/devicemanagement/appmanaged
https://developer.apple.com/documentation/devicemanagement/package
"""

from __future__ import annotations

from typing import Any

from zmdm_plugin.models import ArtifactVersion, Channel
from zmdm_plugin.protocol import apps
from zmdm_plugin.protocol.packages.values import PKG
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import targets
from zmdm_plugin.services.packages import links

Payload = dict[str, Any]

_REQUIRED = "Required"
_LATER = {Platform.IOS: "26.0", Platform.MACOS: "26.0", Platform.VISIONOS: "26.0"}
_SINCE = {"Hideable": {Platform.IOS: "18.1"}, "Lockable": {Platform.IOS: "18.1"}}
_NOT_ON_VISION = frozenset({"CellularSliceUUID", "Hideable", "Lockable", "TapToPayScreenLock"})


def store_app(version: ArtifactVersion, channel: Channel) -> Payload:
    """With the licence of the device; kept up to date by itself where the OS can."""
    behavior = {"Install": _REQUIRED, "License": {"Assignment": "Device"}}
    payload = _managed(version, channel) | {"InstallBehavior": behavior}
    payload["AppStoreID"] = str(version.content["adam_id"])
    if targets.target(channel).is_mac and version.content.get("ios_app"):
        payload["iOSApp"] = True
    return payload


def enterprise_app(version: ArtifactVersion, channel: Channel) -> Payload:
    """A package of a Mac, or an application by its manifest."""
    link = links.url(channel.uid, version.uid, "manifest", until=None, ending="plist")
    if version.content["kind"] == PKG:
        return {"ManifestURL": link, "InstallBehavior": {"Install": _REQUIRED}}
    payload = _managed(version, channel) | {"InstallBehavior": {"Install": _REQUIRED}}
    return payload | {"ManifestURL": link}


def _managed(version: ArtifactVersion, channel: Channel) -> Payload:
    """What store apps and others share; what the OS does not know is left out."""
    target = targets.target(channel)
    payload: Payload = {}
    if target.knows(_LATER):
        payload["UpdateBehavior"] = {"AutomaticAppUpdates": "AlwaysOn"}
    if target.is_mac:
        return payload
    if version.content.get("prevent_backup"):
        payload["IncludeInBackup"] = False
    attributes = apps.attributes(version.content)
    attributes.pop("Removable", None)  # what is required stays anyway
    if target.platform is Platform.VISIONOS:
        attributes = {key: attributes[key] for key in attributes.keys() - _NOT_ON_VISION}
    kept = {key: attributes[key] for key in attributes if target.knows(_SINCE.get(key, _ANY))}
    if kept:
        payload["Attributes"] = kept
    return payload


_ANY = dict.fromkeys(Platform, "0")
