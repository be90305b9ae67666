"""Apps on a channel: what they are found by, and whether a command takes them off again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands.target import Target
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    Asset,
    Channel,
    ChannelArtifact,
    LocationAsset,
    Package,
)
from zmdm_plugin.protocol.packages.values import Bundle
from zmdm_plugin.services import targets
from zmdm_plugin.services.artifacts.wanted import APP, PACKAGE, STORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The version of an app that counts: the tried one, else the installed one."""

    kind: str
    """store_app | package | app"""
    version: int
    bundles: tuple[Bundle, ...] = ()
    """What the device lists; empty where nobody knows."""
    removable: bool = True
    """That nobody knows how a store app is called may pass: it is tried, and says so."""
    managed: bool = True
    """Whether the device lists it among its managed apps."""


def of(channel: Channel, rows: Sequence[ChannelArtifact]) -> Mapping[int, Brought]:
    """By artifact; one statement."""
    ids = {
        version: row
        for row in rows
        if (version := row.tried_version_id or row.installed_version_id) is not None
    }
    if not ids:
        return {}
    target = targets.target(channel)
    found = session().execute(
        sa.select(
            ArtifactVersion.id,
            ArtifactVersion.content,
            Artifact.type,
            Asset.bundle_id,
            Package.product_id,
            Package.bundles,
        )
        .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
        .outerjoin(Package, Package.id == ArtifactVersion.package_id)
        .outerjoin(LocationAsset, LocationAsset.id == ArtifactVersion.location_asset_id)
        .outerjoin(Asset, Asset.id == LocationAsset.asset_id)
        .where(ArtifactVersion.id.in_(list(ids)))
    )
    return {
        ids[version].artifact_id: _one(
            target,
            version,
            content,
            type_=type_,
            bundles=_bundles(target, bundle_id or ids[version].app_identifier, *package),
        )
        for version, content, type_, bundle_id, *package in found
    }


def _one(
    target: Target,
    version: int,
    content: Mapping[str, Any],
    *,
    type_: str,
    bundles: tuple[Bundle, ...],
) -> Brought:
    managed = not target.is_mac or bool(content.get("install_as_managed"))
    forbidden = target.is_mac and target.user_enrollment
    own = PACKAGE if target.is_mac else APP
    kind = STORE if type_ == STORE else own
    return Brought(
        kind=kind,
        version=version,
        bundles=bundles,
        removable=managed and not forbidden and (bool(bundles) or kind == STORE),
        managed=managed,
    )


def _bundles(
    target: Target, bundle_id: str | None, product_id: str | None, bundles: list[Any] | None
) -> tuple[Bundle, ...]:
    """What it is found by: the store's identifier, a package's bundles, an archive's own."""
    if product_id is None:
        return (Bundle(identifier=bundle_id),) if bundle_id else ()
    if target.is_mac:
        return tuple(Bundle(**one) for one in bundles or ())
    return (Bundle(identifier=product_id),)
