"""Packages: kept once for each content, found, renamed, and deleted when nothing installs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, Package
from zmdm_plugin.protocol.packages import manifest as manifests
from zmdm_plugin.protocol.packages import values
from zmdm_plugin.services import events
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.storage import files
from zmdm_plugin.services.storage.incoming import Received

KEYSET = Keyset(Package.id, {"name": Package.name})
_LONGEST = 256


def keep(
    found: values.Package,
    received: Received,
    *,
    actor: Actor,
    filename: str | None = None,
    name: str | None = None,
    source_url: str | None = None,
) -> Package:
    """The row of a package whose file is stored; the one that is there, if it came before."""
    files.hold(received.sha256)  # who uploads the same at once takes turns
    known = session().scalar(sa.select(Package).where(Package.sha256 == received.sha256))
    if known is not None:
        return known
    row = Package(
        name=_name(name or found.title),
        kind=found.kind,
        sha256=received.sha256,
        size=received.size,
        filename=_filename(filename),
        product_id=found.product_id,
        product_version=found.product_version,
        platforms=list(found.platforms),
        bundles=[bundle.to_json() for bundle in found.bundles],
        signer=found.signer,
        minimum_os=(found.minimum_os or "")[:32] or None,
        facts=dict(found.facts),
        sha256s=list(received.sha256s),
        md5s=list(received.md5s),
        source_url=source_url,
        actor_id=actor.person.id[:128],
    )
    session().add(row)
    session().flush()
    events.record("package.kept", name=row.name, package=row.id, version=row.product_version)
    return row


def find(package_id: int) -> Package:
    """The package; NotFound."""
    row = session().get(Package, package_id) if 0 < package_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such package")
    return row


def page(
    *,
    product_id: str | None = None,
    kind: str | None = None,
    sha256: str | None = None,
    ordering: str = "-id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Package]:
    """A page of packages, the newest first."""
    statement = sa.select(Package)
    for column, value in (
        (Package.product_id, product_id),
        (Package.kind, kind),
        (Package.sha256, sha256),
    ):
        if value is not None:
            statement = statement.where(column == value)
    return KEYSET.entities(statement, ordering=ordering, cursor=cursor, limit=limit)


def rename(row: Package, name: str) -> None:
    """Call it something else, here and on the devices that get it from now on."""
    row.name = _name(name)


def delete(row: Package) -> None:
    """Delete it; its file goes a day later. Conflict says which artifacts install it."""
    if used := uses(row):
        names = ", ".join(f"“{name}”" for name in used[:3])
        raise Conflict(f"versions of {names} install this package: delete those first")
    events.record("package.deleted", name=row.name, version=row.product_version)
    session().delete(row)
    session().flush()


def uses(row: Package) -> list[str]:
    """The names of the artifacts with a version that installs it."""
    names = (
        sa.select(Artifact.name)
        .where(
            Artifact.id.in_(
                sa.select(ArtifactVersion.artifact_id).where(ArtifactVersion.package_id == row.id)
            )
        )
        .order_by(Artifact.name)
    )
    return list(session().scalars(names))


def manifest(row: Package, url: str) -> Mapping[str, Any]:
    """What tells a device where the package is and what it hashes to.

    Of an installer, the first bundle is named where there is one: that is what becomes managed.
    """
    first = row.bundles[0] if row.bundles else {}
    return manifests.manifest(
        url,
        identifier=first.get("identifier") or row.product_id,
        version=first.get("short_version") or first.get("version") or row.product_version,
        title=row.name,
        sha256s=row.sha256s,
        md5s=row.md5s,
        size=row.size,
    )


def _name(given: str) -> str:
    name = given.strip()
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        raise Refused("name", "must have 1 to 256 printable characters")
    return name


def _filename(given: str | None) -> str | None:
    """The last part of a path, as browsers may send one."""
    name = (given or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:_LONGEST] or None
