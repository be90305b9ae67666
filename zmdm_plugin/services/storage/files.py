"""The rows of stored files, and the deletion of those that nothing uses any more.

Whoever stores a file announces it first, in a transaction of its own. The tidying deletes file and
row under a lock on the row: an upload of the same content waits for it, and makes both anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Package, StoredFile
from zmdm_plugin.services.storage import backends

KEPT = timedelta(days=1)
"""After its upload a file stays at least this long, whether something uses it or not."""


def announce(sha256: str, size: int, *, now: datetime) -> None:
    """A file is about to be stored: its row is there, and it is not tidied away for a day."""
    row = {"sha256": sha256, "size": size, "touched_at": now}
    session().execute(
        insert(StoredFile)
        .values(row)
        .on_conflict_do_update(index_elements=["sha256"], set_={"touched_at": now})
    )


def hold(sha256: str) -> None:
    """Lock the row of a file that was announced."""
    session().execute(
        sa.select(StoredFile.sha256).where(StoredFile.sha256 == sha256).with_for_update()
    )


def unused(*, now: datetime, limit: int) -> list[str]:
    """Hashes of files that nothing uses and that are old enough to go."""
    return list(session().scalars(_unused(now).order_by(StoredFile.touched_at).limit(limit)))


def delete(sha256: str, *, now: datetime) -> bool:
    """Delete one file and its row, unless it is used by now; the caller commits at once."""
    held = _unused(now).where(StoredFile.sha256 == sha256).with_for_update(of=StoredFile)
    if session().scalar(held) is None:
        return False
    backends.current().delete(sha256)
    session().execute(sa.delete(StoredFile).where(StoredFile.sha256 == sha256))
    return True


def _unused(now: datetime) -> sa.Select[str]:
    used = sa.exists().where(Package.sha256 == StoredFile.sha256)
    return sa.select(StoredFile.sha256).where(StoredFile.touched_at < now - KEPT, ~used)
