"""Versions of apps: a document that names a package or a store app, and how it is installed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, Asset, Location, LocationAsset, Package
from zmdm_plugin.protocol import plist, variables
from zmdm_plugin.protocol.packages.values import IPA
from zmdm_plugin.services.artifacts import declared
from zmdm_plugin.services.artifacts.upload import Upload
from zmdm_plugin.services.keyset import MAX_ID

_DOMAIN = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+(?::[0-9]{1,5})?\Z")
_MOST_DOMAINS = 100
_LONGEST = 256 * 1024
"""Characters of a configuration."""
_ANYWHERE = {"visionOS": {"iOS"}, "iPadOS": {"iOS"}}
"""What an app for one platform runs on besides."""

FLAGS: Mapping[str, bool] = {
    "removable": True,
    "prevent_backup": False,
    "remove_on_unenroll": True,
    "take_over": False,
    "install_as_managed": True,
    "ios_app": False,
    "associated_domains_enable_direct_downloads": False,
    "tap_to_pay_screen_lock": False,
    "hideable": True,
    "lockable": True,
}
"""Of a store app or an .ipa, with what counts where nothing is said."""
UUIDS = ("vpn_uuid", "content_filter_uuid", "dns_proxy_uuid", "relay_uuid")
PACKAGE_FLAGS: Mapping[str, bool] = {
    "install_as_managed": False,
    "remove_on_unenroll": False,
    "take_over": False,
}
"""Of an installer for Macs."""


_MOBILE = frozenset({*FLAGS, *UUIDS, "associated_domains", "cellular_slice_uuid"})


def store_app(artifact: Artifact, source: bytes) -> Upload:
    """An app that a location has licences for."""
    given = declared.json_object(source)
    _known(given, {"location_asset", "configuration", *_MOBILE})
    of_location, asset = _licensed(given.get("location_asset"))
    _same_asset(artifact, of_location.asset_id)
    content = _mobile(given)
    _runs_on(artifact, asset.supported_platforms, ios_app=content["ios_app"])
    content |= {
        "location_asset": of_location.id,
        "adam_id": asset.adam_id,
        "name": asset.name or asset.adam_id,
        "bundle_id": asset.bundle_id,
    }
    text, used = _configuration(given)
    content["configured"] = text is not None
    content["declarable"] = content["remove_on_unenroll"]
    return Upload(
        source=_source({**content, "configuration": text}),
        content=content,
        content_type="application/json",
        variables=used,
        location_asset_id=of_location.id,
    )


def enterprise_app(artifact: Artifact, source: bytes) -> Upload:
    """A package that was uploaded before."""
    given = declared.json_object(source)
    package = _package(given.get("package"))
    mobile = package.kind == IPA
    _known(given, {"package", "configuration", *(_MOBILE if mobile else PACKAGE_FLAGS)})
    _same_product(artifact, package)
    content = _mobile(given) if mobile else _installer(given)
    _runs_on(artifact, package.platforms, ios_app=bool(content.get("ios_app")))
    content |= {
        "package": package.id,
        "kind": package.kind,
        "product_id": package.product_id,
        "product_version": package.product_version,
        "name": package.name,
    }
    text, used = _configuration(given)
    if text is not None and not content["install_as_managed"]:
        raise Refused("configuration", "only managed apps have one: install it as managed")
    managed = content["install_as_managed"]
    plain = content["remove_on_unenroll"] if mobile else not managed
    content |= {"configured": text is not None, "declarable": plain}
    return Upload(
        source=_source({**content, "configuration": text}),
        content=content,
        content_type="application/json",
        variables=used,
        filename=package.filename,
        package_id=package.id,
    )


def _source(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _known(given: Mapping[str, Any], names: Collection[str]) -> None:
    for key in given.keys() - names:
        raise Refused("source", f"{key[:50]} is unknown, or not for this kind of app")


def _licensed(given: Any) -> tuple[LocationAsset, Asset]:
    of_location = session().get(LocationAsset, given) if _is_id(given) else None
    asset = session().get(Asset, of_location.asset_id) if of_location is not None else None
    if of_location is None or asset is None:
        raise Refused("location_asset", "no location has such an app")
    if session().get_one(Location, of_location.location_id).deleting_at is not None:
        raise Refused("location_asset", "its location is being deleted")
    if asset.product_type != "App":
        raise Refused("location_asset", "is no app")
    if not asset.device_assignable:
        raise Refused("location_asset", "its licences cannot be assigned to devices")
    return of_location, asset


def _package(given: Any) -> Package:
    row = session().get(Package, given) if _is_id(given) else None
    if row is None:
        raise Refused("package", "there is no such package: upload it first")
    return row


def _is_id(given: Any) -> bool:
    return type(given) is int and 0 < given <= MAX_ID


def _same_asset(artifact: Artifact, asset_id: int) -> None:
    """All versions of an artifact are of one app, though locations may change."""
    other = session().scalar(
        sa.select(Asset.name)
        .join(LocationAsset, LocationAsset.asset_id == Asset.id)
        .join(ArtifactVersion, ArtifactVersion.location_asset_id == LocationAsset.id)
        .where(ArtifactVersion.artifact_id == artifact.id, LocationAsset.asset_id != asset_id)
        .limit(1)
    )
    if other is not None:
        raise Refused("location_asset", f"versions of this artifact are of “{other}”")


def _same_product(artifact: Artifact, package: Package) -> None:
    other = session().execute(
        sa.select(Package.product_id, Package.kind)
        .join(ArtifactVersion, ArtifactVersion.package_id == Package.id)
        .where(ArtifactVersion.artifact_id == artifact.id)
        .limit(1)
    )
    for product_id, kind in other:
        if (product_id, kind) != (package.product_id, package.kind):
            words = f"versions of this artifact are of {product_id}; this is {package.product_id}"
            raise Refused("package", words)


def _runs_on(artifact: Artifact, supported: Collection[str], *, ios_app: bool) -> None:
    """Every platform of the artifact, or a device would be sent what it cannot install."""
    names = set(supported)
    for platform in artifact.platforms:
        runs = platform in names or bool(_ANYWHERE.get(platform, set()) & names)
        if platform == "macOS" and ios_app:
            runs = "iOS" in names
        if not runs:
            said = ", ".join(sorted(names)) or "no platform at all"
            words = f"it is for {said}: take {platform} from the platforms of the artifact"
            raise Refused("platforms", words)


def _flags(given: Mapping[str, Any], defaults: Mapping[str, bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in defaults.items():
        value = given.get(name)
        if value is not None and not isinstance(value, bool):
            raise Refused(name, "must be true or false")
        found[name] = default if value is None else value
    return found


def _installer(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of a package for Macs: what is not managed is neither taken over nor taken away."""
    content = _flags(given, PACKAGE_FLAGS)
    for name in ("remove_on_unenroll", "take_over"):
        if content[name] and not content["install_as_managed"]:
            raise Refused(name, "only what is installed as managed")
    return content


def _mobile(given: Mapping[str, Any]) -> dict[str, Any]:
    content = _flags(given, FLAGS)
    for name in UUIDS:
        content[name] = _uuid(name, given.get(name))
    content["cellular_slice_uuid"] = _slice(given.get("cellular_slice_uuid"))
    content["associated_domains"] = _domains(given.get("associated_domains"))
    return content


def _uuid(name: str, value: Any) -> str | None:
    if value in (None, ""):
        return None
    try:
        return str(uuid.UUID(value)).upper() if isinstance(value, str) else _no_uuid(name)
    except ValueError:
        return _no_uuid(name)


def _no_uuid(name: str) -> str:
    raise Refused(name, "must be a UUID, as in the profile that brings it")


def _slice(value: Any) -> str | None:
    if value in (None, ""):
        return None
    kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in ("DNN", "AppCategory") or not name or len(value) > 255:
        raise Refused("cellular_slice_uuid", "must be DNN:name or AppCategory:name")
    return str(value)


def _domains(value: Any) -> list[str]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or len(value) > _MOST_DOMAINS:
        raise Refused("associated_domains", f"must be a list of at most {_MOST_DOMAINS} domains")
    for one in value:
        if not isinstance(one, str) or len(one) > 255 or not _DOMAIN.match(one.lower()):
            raise Refused("associated_domains", f"{str(one)[:50]!r} is no domain")
    return list(dict.fromkeys(value))


def _configuration(given: Mapping[str, Any]) -> tuple[str | None, frozenset[str]]:
    """As a property list in XML, and the variables in it; a JSON object may stand for it."""
    value = given.get("configuration")
    if value in (None, "", {}):
        return None, frozenset()
    if isinstance(value, str) and len(value) <= _LONGEST:
        try:
            content = plist.loads(value.encode())
        except (ProtocolError, UnicodeError) as error:
            raise Refused("configuration", f"is no property list: {error}") from None
    else:
        content = value
    if not isinstance(content, dict):
        raise Refused("configuration", "must be a dictionary")
    try:
        text = plist.dumps(content).decode()
    except ProtocolError as error:
        raise Refused("configuration", f"cannot be sent: {error}") from None
    if len(text) > _LONGEST:
        raise Refused("configuration", "is too long")
    return text, variables.used(content)


READERS: Mapping[str, Callable[[Artifact, bytes], Upload]] = {
    "store_app": store_app,
    "enterprise_app": enterprise_app,
}
