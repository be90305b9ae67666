"""The commands that install an app, made for one channel at delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands.target import Target
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import (
    ArtifactVersion,
    Asset,
    Channel,
    ChannelArtifact,
    LocationAsset,
    Package,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import apps
from zmdm_plugin.protocol.packages.values import PKG
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import targets
from zmdm_plugin.services.apps import content
from zmdm_plugin.services.packages import links, packages
from zmdm_plugin.state import state

_MANAGED_ON_MACS = {Platform.MACOS: "11.0"}
_ATTRIBUTES_SINCE = {
    "VPNUUID": {Platform.IOS: "7.0", Platform.VISIONOS: "1.1"},
    "ContentFilterUUID": {Platform.IOS: "16.0", Platform.VISIONOS: "1.1"},
    "DNSProxyUUID": {Platform.IOS: "16.0", Platform.VISIONOS: "1.1"},
    "RelayUUID": {Platform.IOS: "17.0", Platform.VISIONOS: "1.1"},
    "CellularSliceUUID": {Platform.IOS: "17.0"},
    "AssociatedDomains": {Platform.IOS: "13.0", Platform.VISIONOS: "1.1"},
    "AssociatedDomainsEnableDirectDownloads": {Platform.IOS: "14.0", Platform.VISIONOS: "1.1"},
    "Removable": {Platform.IOS: "14.0", Platform.TVOS: "14.0", Platform.VISIONOS: "1.1"},
    "TapToPayScreenLock": {Platform.IOS: "16.4"},
    "Hideable": {Platform.IOS: "18.1"},
    "Lockable": {Platform.IOS: "18.1"},
}
"""An attribute that the OS does not know is left out: it would refuse the whole command."""

_NAMELESS = (
    "neither the App Store nor the device has told the app's bundle identifier, by which it would "
    "be removed: ask the store again on the app's page, or have the user delete the app"
)

Payload = dict[str, Any]


def payload(channel: Channel, version_id: int) -> Payload:
    """All keys of the command but its RequestType; NotFound or Refused if they cannot be made."""
    version = session().get(ArtifactVersion, version_id)
    if version is None:
        raise NotFound("this version of the artifact is gone")
    target = targets.target(channel)
    made = _store(version) if version.location_asset_id else _enterprise(version, channel, target)
    configuration = content.configuration(version, channel)
    manages = not target.is_mac or target.knows(_MANAGED_ON_MACS)
    if configuration and manages:
        made["Configuration"] = configuration
    if manages:
        made |= _management(version, target)
    if attributes := _attributes(version, target):
        made["Attributes"] = attributes
    return made


def identifier(channel: Channel, version_id: int) -> str:
    """By which a device removes the app; Refused where nobody knows it."""
    version = session().get(ArtifactVersion, version_id)
    if version is None:
        raise NotFound("this version of the artifact is gone")
    if version.location_asset_id is not None:
        found = _asset(version).bundle_id or _told_here(channel, version)
        if found is None:
            raise Refused("", _NAMELESS)
        return found
    package = _package(version)
    return str(package.bundles[0]["identifier"]) if package.bundles else package.product_id


def _told_here(channel: Channel, version: ArtifactVersion) -> str | None:
    """What the device itself called it."""
    row = ChannelArtifact
    return session().scalar(
        sa.select(row.app_identifier).where(
            row.channel_id == channel.id, row.artifact_id == version.artifact_id
        )
    )


def _store(version: ArtifactVersion) -> Payload:
    """The licence is the device's own, so nobody has to sign in."""
    adam_id = _asset(version).adam_id
    if not adam_id.isdecimal():
        raise Refused("", "the App Store's number of the app is none")
    return {"iTunesStoreID": int(adam_id), "Options": {"PurchaseMethod": 1}}


def _enterprise(version: ArtifactVersion, channel: Channel, target: Target) -> Payload:
    """A Mac gets the manifest within the command, the others a link to it."""
    package = _package(version)
    until = utcnow() + timedelta(hours=state().settings.package_link_hours)
    if not target.is_mac:
        made = links.url(channel.uid, version.uid, "manifest", until=until, ending="plist")
        return {"ManifestURL": made}
    ending = "pkg" if package.kind == PKG else "ipa"
    url = links.url(channel.uid, version.uid, "file", until=until, ending=ending)
    return {"Manifest": dict(packages.manifest(package, url))}


def _management(version: ArtifactVersion, target: Target) -> Payload:
    told = version.content
    made: Payload = {}
    managed = not target.is_mac or bool(told.get("install_as_managed"))
    if target.is_mac and managed:
        made["InstallAsManaged"] = True
    if target.is_mac and told.get("ios_app"):
        made["iOSApp"] = True
    flags = content.flags(told) if managed else 0
    if target.is_mac and version.package_id is not None:
        flags &= 1
    if flags:
        made["ManagementFlags"] = flags
    if managed and told.get("take_over") and not target.user_enrollment:
        made["ChangeManagementState"] = "Managed"
    return made


def _attributes(version: ArtifactVersion, target: Target) -> Payload:
    if target.is_mac:
        return {}
    found = apps.attributes(version.content)
    return {key: value for key, value in found.items() if target.knows(_ATTRIBUTES_SINCE[key])}


def _asset(version: ArtifactVersion) -> Asset:
    found = session().scalar(
        sa.select(Asset)
        .join(LocationAsset, LocationAsset.asset_id == Asset.id)
        .where(LocationAsset.id == version.location_asset_id)
    )
    if found is None:
        raise NotFound("the location no longer has this app")
    return found


def _package(version: ArtifactVersion) -> Package:
    found = session().get(Package, version.package_id or 0)
    if found is None:
        raise NotFound("the package is gone")
    return found
