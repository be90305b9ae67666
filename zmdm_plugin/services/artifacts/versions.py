"""Versions of an artifact: uploaded, made current again, scoped, and deleted while unused.

Their content never changes; what a device gets is the version of highest rank that is for it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    Channel,
    ChannelArtifact,
    ChannelDeclarations,
    Manifest,
)
from zmdm_plugin.models.artifacts import APPS, DECLARATIONS
from zmdm_plugin.protocol.apps import MANAGED_APPS, PACKAGES
from zmdm_plugin.protocol.packages.values import PKG
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.artifacts import graph, locking, revisions, scopes, uploads
from zmdm_plugin.services.artifacts.upload import Upload
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

KEYSET = Keyset(ArtifactVersion.id, {})
_LONGEST_NAME = 256


def create(
    artifact: Artifact,
    source: bytes,
    *,
    actor: Actor,
    filename: str | None = None,
    scope: Any = None,
) -> ArtifactVersion:
    """A new version, which is the current one from now on; Refused says what is wrong with it.

    Warnings are kept in its content, for screens and answers to show.
    """
    locking.hold(artifact)
    upload = uploads.read(artifact, source)
    digest = _digest(artifact, upload)
    number, rank = _next(artifact)
    row = ArtifactVersion(
        artifact_id=artifact.id,
        number=number,
        rank=rank,
        scope=scopes.checked(scope, artifact),
        content={**upload.content, "warnings": upload.warnings},
        variables=sorted(upload.variables),
        sha256=digest,
        size=len(upload.source),
        content_type=upload.content_type,
        filename=_filename(filename or upload.filename),
        package_id=upload.package_id,
        location_asset_id=upload.location_asset_id,
        actor_id=actor.person.id[:128],
    )
    vault.seal(row, "source", upload.source)
    session().add(row)
    _declare(artifact, row)
    _changed(artifact)
    events.record(
        "artifact.version_created", name=artifact.name, artifact=artifact.id, version=number
    )
    return row


def _digest(artifact: Artifact, upload: Upload) -> str:
    """Of the source; Refused if the current version has the same."""
    digest = hashlib.sha256(upload.source).hexdigest()
    current = find_current(artifact)
    if current is not None and current.sha256 == digest:
        raise Refused("source", f"is the same as that of version {current.number}, the current one")
    return digest


def make_current(row: ArtifactVersion) -> None:
    """Put a version above all others; devices in its scope get it (again)."""
    artifact = _locked(row)
    current = find_current(artifact)
    if current is not None and current.id == row.id:
        raise Conflict("this version is the current one")
    row.rank = _next(artifact)[1]
    _changed(artifact)
    events.record(
        "artifact.version_current", name=artifact.name, artifact=artifact.id, version=row.number
    )


def change_scope(row: ArtifactVersion, scope: Any) -> None:
    """Say anew which devices get this version."""
    artifact = _locked(row)
    row.scope = scopes.checked(scope, artifact)
    _changed(artifact)
    events.record(
        "artifact.version_scoped", name=artifact.name, artifact=artifact.id, version=row.number
    )


def delete(row: ArtifactVersion) -> None:
    """Delete a version that no device has, is getting, or is offered; Conflict says so."""
    artifact = _locked(row)
    if used := usage(row):
        raise Conflict(used)
    events.record(
        "artifact.version_deleted", name=artifact.name, artifact=artifact.id, version=row.number
    )
    session().execute(sa.delete(ChannelArtifact).where(_mentions(row)))
    session().delete(row)
    _changed(artifact)


def usage(row: ArtifactVersion) -> str:
    """What stands against deleting it, in words; empty if nothing does."""
    number = session().scalar(
        sa.select(sa.func.count(ChannelArtifact.id))
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .where(_mentions(row), Channel.ended_at.is_(None))
    )
    if number:
        return f"{number} channel{'s' * (number != 1)} have this version, or tried to install it"
    channel = ChannelDeclarations
    offered = session().scalar(
        sa.select(channel.channel_id)
        .join(
            Manifest,
            sa.or_(Manifest.id == channel.manifest_id, Manifest.id == channel.offered_manifest_id),
        )
        .where(sa.cast(Manifest.entries, sa.Text).contains(row.uid, autoescape=True))
        .limit(1)
    )
    return "this version is offered to a device by declaration" if offered is not None else ""


def _mentions(row: ArtifactVersion) -> sa.ColumnElement[bool]:
    return sa.or_(
        ChannelArtifact.installed_version_id == row.id, ChannelArtifact.tried_version_id == row.id
    )


def find(artifact: Artifact, version_id: int) -> ArtifactVersion:
    """A version of this artifact; NotFound."""
    row = session().get(ArtifactVersion, version_id) if 0 < version_id <= MAX_ID else None
    if row is None or row.artifact_id != artifact.id:
        raise NotFound("the artifact has no such version")
    return row


def numbered(artifact: Artifact, number: int) -> ArtifactVersion:
    """The version of this number, as people name it; NotFound."""
    row = session().scalar(
        sa.select(ArtifactVersion).where(
            ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.number == number
        )
    )
    if row is None:
        raise NotFound(f"the artifact has no version {number}")
    return row


def find_current(artifact: Artifact) -> ArtifactVersion | None:
    """The version of highest rank."""
    return session().scalar(
        sa.select(ArtifactVersion)
        .where(ArtifactVersion.artifact_id == artifact.id)
        .order_by(ArtifactVersion.rank.desc())
        .limit(1)
    )


def page(
    artifact: Artifact, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[ArtifactVersion]:
    """A page of versions, the newest first."""
    statement = sa.select(ArtifactVersion).where(ArtifactVersion.artifact_id == artifact.id)
    return KEYSET.entities(statement, ordering="-id", cursor=cursor, limit=limit)


def source(row: ArtifactVersion) -> bytes:
    """What was uploaded; it may hold passwords, so that whoever asks is written down."""
    found = vault.unseal(row, "source")
    if found is None:
        raise NotFound("the source of this version was not kept")
    return found


def _locked(row: ArtifactVersion) -> Artifact:
    return locking.hold(session().get_one(Artifact, row.artifact_id))


def _next(artifact: Artifact) -> tuple[int, int]:
    number, rank = (
        session()
        .execute(
            sa.select(
                sa.func.coalesce(sa.func.max(ArtifactVersion.number), 0) + 1,
                sa.func.coalesce(sa.func.max(ArtifactVersion.rank), 0) + 1,
            ).where(ArtifactVersion.artifact_id == artifact.id)
        )
        .one()
    )
    return number, rank


def _declare(artifact: Artifact, row: ArtifactVersion) -> None:
    """The first version of a raw declaration decides its Type, the first Identifier stays.

    Apps are declarations, too, where the device knows them.
    """
    if artifact.type in APPS:
        installer = row.content.get("kind") == PKG
        artifact.declaration_type = PACKAGES if installer else MANAGED_APPS
    if artifact.type in DECLARATIONS:
        artifact.declaration_type = row.content["type"]
        artifact.declaration_identifier = (
            artifact.declaration_identifier or row.content["identifier"]
        )


def _changed(artifact: Artifact) -> None:
    session().flush()
    graph.refresh_references(artifact)
    revisions.touch_artifact(artifact.id)


def _filename(given: str | None) -> str | None:
    """The last part of a path, as browsers may send one."""
    name = (given or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:_LONGEST_NAME] or None
