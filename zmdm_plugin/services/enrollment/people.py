"""The person at the device: an enrollment's realm, and the way through its sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Enrollment, Realm


def check(kind: str, realm_id: int | None, *, required: bool) -> None:
    """Refused unless an enrollment of this kind may have this realm, and demand it."""
    if realm_id is None:
        if required:
            raise Refused("realm_required", "needs a realm that people sign in to")
        return
    if kind == "manual":
        raise Refused("realm", "nobody signs in where a profile is installed by hand")
    if session().get(Realm, realm_id) is None:
        raise Refused("realm", "there is no such realm")


def check_changes(row: Enrollment, changes: Mapping[str, Any]) -> None:
    """The same for what an enrollment will be."""
    if changes.keys() & {"realm_id", "realm_required"}:
        check(
            row.kind,
            changes.get("realm_id", row.realm_id),
            required=changes.get("realm_required", row.realm_required),
        )


def realm_of(row: Enrollment) -> Realm | None:
    """Where people sign in now; one that is switched off keeps out only where it is required."""
    realm = row.realm
    if realm is None or (not realm.enabled and not row.realm_required):
        return None
    return realm
