"""A package from wherever it comes: received, read, stored, and then a row.

Nothing of it is held in memory, and no transaction is open while it travels. Whatever is killed
in between leaves a file that the tidying finds; the same upload again gives the same package.
"""

from __future__ import annotations

from collections.abc import Iterable

from zmdm_plugin import db
from zmdm_plugin.actors import Actor
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Package
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.packages import manifest, values
from zmdm_plugin.protocol.packages.values import PackageError
from zmdm_plugin.services import audit
from zmdm_plugin.services.packages import packages
from zmdm_plugin.services.storage import backends, files, incoming
from zmdm_plugin.services.storage.incoming import Received
from zmdm_plugin.state import state


def take(
    pieces: Iterable[bytes],
    *,
    actor: Actor,
    filename: str | None = None,
    name: str | None = None,
    sha256: str | None = None,
    source_url: str | None = None,
) -> int:
    """The id of the package; Refused says what is wrong with it, StorageFailed with the storage."""
    most = state().settings.package_max_size
    with incoming.receive(pieces, most=most) as received:
        if sha256 and sha256.strip().lower() != received.sha256:
            raise Refused("sha256", f"is another one than that of the file, {received.sha256}")
        found = _read(received)
        with db.transaction():
            files.announce(received.sha256, received.size, now=utcnow())
        backends.current().put(received.sha256, received.path)
        with db.transaction():
            row = packages.keep(
                found, received, actor=actor, filename=filename, name=name, source_url=source_url
            )
            _note(actor, row)
            return row.id


def _read(received: Received) -> values.Package:
    try:
        with received.path.open("rb") as file:
            return manifest.read(file)
    except PackageError as error:
        raise Refused("file", str(error)) from error


def _note(actor: Actor, row: Package) -> None:
    audit.record(actor, "package.upload", row, after=audit.snapshot(row))
