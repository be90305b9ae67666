"""Blueprints and their links: made, changed and deleted; every change makes a new revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import (
    Artifact,
    BlueprintArtifact,
    Device,
    Enrollment,
    Manifest,
    MDMBlueprint,
)
from zmdm_plugin.models.blueprints import COLLECT
from zmdm_plugin.services import access, events
from zmdm_plugin.services.artifacts import locking, revisions, scopes
from zmdm_plugin.services.events import Fact
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.protection import configs

SHORTEST, LONGEST = 14_400, 604_800
"""Seconds between two inventories, at least and at most."""
SETTINGS = frozenset(
    {
        "name",
        "inventory_interval",
        "collect_apps",
        "collect_certificates",
        "collect_profiles",
        "legacy_profiles_via_ddm",
        "filevault_config",
        "recovery_password_config",
        "admin_password_rotation_interval_days",
        "admin_password_reveal_rotation_delay",
        "apps_via_ddm",
    }
)
_Check = Callable[[MDMBlueprint, str, Any], Any]
_COLUMNS = {
    "filevault_config": configs.FILEVAULT.column,
    "recovery_password_config": configs.RECOVERY.column,
}
"""Of what is named by its id."""
LINKS = Keyset(BlueprintArtifact.id, {})


def create(name: str, **settings: Any) -> MDMBlueprint:
    """A new blueprint, without artifacts; Refused names the field."""
    row = MDMBlueprint()
    values = {
        "inventory_interval": 86_400,
        "collect_apps": "no",
        "collect_certificates": "no",
        "collect_profiles": "no",
        "legacy_profiles_via_ddm": True,
        "apps_via_ddm": False,
        **settings,
    }
    _set(row, {"name": name, **values})
    session().add(row)
    session().flush()
    revisions.touch([row.id])
    events.record("blueprint.created", name=row.name, blueprint=row.id)
    return row


def update(row: MDMBlueprint, changes: Mapping[str, Any]) -> None:
    """Change its settings; its devices are woken for it."""
    _set(row, changes)
    revisions.touch([row.id])
    events.record("blueprint.changed", name=row.name, blueprint=row.id)


def delete(row: MDMBlueprint) -> None:
    """Delete a blueprint that nothing uses any more, with its links; Conflict says what does.

    Devices in the archive do not count: they have none then, and their timelines say so.
    Its revision stays: should its id be given again, no process takes the new for the old one.
    """
    locking.hold(row)
    uses = {
        "enrollment": _count(Enrollment.blueprint_id == row.id),
        "device": _count(sa.and_(Device.blueprint_id == row.id, Device.archived_at.is_(None))),
    }
    used = [f"{number} {name}{'s' * (number != 1)}" for name, number in uses.items() if number]
    if used:
        raise Conflict(f"the blueprint is used by {' and '.join(used)}")
    _take_from_archived(row)
    session().execute(
        sa.update(Manifest).where(Manifest.blueprint_id == row.id).values(blueprint_id=None)
    )
    session().execute(sa.delete(BlueprintArtifact).where(BlueprintArtifact.blueprint_id == row.id))
    events.record("blueprint.deleted", name=row.name)
    session().delete(row)
    session().flush()


def _take_from_archived(row: MDMBlueprint) -> None:
    """One that comes out of the archive meanwhile is held back by the blueprint's foreign key."""
    taken = session().scalars(
        sa.update(Device)
        .where(Device.blueprint_id == row.id, Device.archived_at.is_not(None))
        .values(blueprint_id=None)
        .returning(Device.id),
        execution_options={"synchronize_session": False},
    )
    events.record_all([Fact("device.blueprint_changed", device_id, {}) for device_id in taken])


def find(blueprint_id: int) -> MDMBlueprint:
    """The blueprint; NotFound."""
    row = session().get(MDMBlueprint, blueprint_id) if 0 < blueprint_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such blueprint")
    return row


def named(name: str) -> MDMBlueprint | None:
    return session().scalar(sa.select(MDMBlueprint).where(MDMBlueprint.name == name.strip()))


def every(*, limit: int = 500) -> Sequence[MDMBlueprint]:
    """All blueprints by name, for menus."""
    statement = sa.select(MDMBlueprint).order_by(MDMBlueprint.name).limit(limit)
    return session().scalars(statement).all()


def device_counts(actor: Actor) -> dict[int, int]:
    """How many of the devices that this actor may see, but for the archive, have each blueprint."""
    counted = (
        sa.select(Device.blueprint_id, sa.func.count())
        .where(Device.blueprint_id.is_not(None), Device.archived_at.is_(None))
        .group_by(Device.blueprint_id)
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    rows = session().execute(counted if scope is None else counted.where(scope))
    return {blueprint_id: number for blueprint_id, number in rows if blueprint_id is not None}


def links(
    blueprint: MDMBlueprint, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[tuple[BlueprintArtifact, Artifact]]:
    """A page of what the blueprint brings, the oldest link first, each with its artifact."""
    statement = (
        sa.select(BlueprintArtifact, Artifact)
        .join(Artifact, Artifact.id == BlueprintArtifact.artifact_id)
        .where(BlueprintArtifact.blueprint_id == blueprint.id)
    )
    found = LINKS.page(statement, cursor=cursor, limit=limit)
    return Page([(row[0], row[1]) for row in found.items], found.next_cursor)


def find_link(blueprint: MDMBlueprint, artifact: Artifact) -> BlueprintArtifact:
    """The link between the two; NotFound."""
    row = _link(blueprint, artifact)
    if row is None:
        raise NotFound("the blueprint does not have this artifact")
    return row


def link(blueprint: MDMBlueprint, artifact: Artifact, *, scope: Any = None) -> BlueprintArtifact:
    """Put an artifact into a blueprint, for all its devices unless a scope says for which."""
    locking.hold(artifact)
    if _link(blueprint, artifact) is not None:
        raise Refused("artifact", "the blueprint has this artifact already")
    row = BlueprintArtifact(
        blueprint_id=blueprint.id,
        artifact_id=artifact.id,
        scope=scopes.checked(scope, artifact),
    )
    session().add(row)
    revisions.touch([blueprint.id])
    events.record(
        "blueprint.linked", name=blueprint.name, blueprint=blueprint.id, artifact=artifact.name
    )
    return row


def change_link(row: BlueprintArtifact, scope: Any) -> None:
    """Say anew which of the blueprint's devices get the artifact."""
    artifact = session().get_one(Artifact, row.artifact_id)
    row.scope = scopes.checked(scope, artifact)
    revisions.touch([row.blueprint_id])
    events.record("blueprint.link_changed", blueprint=row.blueprint_id, artifact=artifact.name)


def unlink(row: BlueprintArtifact) -> None:
    """Take an artifact out of a blueprint, and thereby from its devices."""
    events.record("blueprint.unlinked", blueprint=row.blueprint_id, artifact_id=row.artifact_id)
    blueprint_id = row.blueprint_id
    session().delete(row)
    revisions.touch([blueprint_id])


def _link(blueprint: MDMBlueprint, artifact: Artifact) -> BlueprintArtifact | None:
    return session().scalar(
        sa.select(BlueprintArtifact).where(
            BlueprintArtifact.blueprint_id == blueprint.id,
            BlueprintArtifact.artifact_id == artifact.id,
        )
    )


def _count(condition: sa.ColumnElement[bool]) -> int:
    return session().scalar(sa.select(sa.func.count()).where(condition)) or 0


def _set(row: MDMBlueprint, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        if field not in SETTINGS:
            raise Refused(field[:50], "is unknown")
        check: _Check = _CHECKS.get(field, _flag)
        setattr(row, _COLUMNS.get(field, field), check(row, field, value))


def _name(row: MDMBlueprint, field: str, value: Any) -> str:
    name = str(value).strip()
    if not 0 < len(name) <= 256 or not name.isprintable():
        raise Refused(field, "must have 1 to 256 printable characters")
    with session().no_autoflush:
        other = named(name)
    if other is not None and other is not row:
        raise Refused(field, "there is a blueprint with this name")
    return name


def _interval(_row: MDMBlueprint, field: str, value: Any) -> int:
    if type(value) is not int or not SHORTEST <= value <= LONGEST:
        raise Refused(field, f"must be {SHORTEST} to {LONGEST} seconds")
    return value


def _collect(_row: MDMBlueprint, field: str, value: Any) -> str:
    if value not in COLLECT:
        raise Refused(field, f"must be one of {', '.join(COLLECT)}")
    return str(value)


def _flag(_row: MDMBlueprint, field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused(field, "must be true or false")
    return value


def _filevault(_row: MDMBlueprint, field: str, value: Any) -> int | None:
    return configs.chosen(configs.FILEVAULT, field, value)


def _recovery(_row: MDMBlueprint, field: str, value: Any) -> int | None:
    return configs.chosen(configs.RECOVERY, field, value)


def _days(_row: MDMBlueprint, field: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= configs.LONGEST_INTERVAL:
        raise Refused(field, f"must be 0 (never) to {configs.LONGEST_INTERVAL} days")
    return value


def _delay(_row: MDMBlueprint, field: str, value: Any) -> int:
    shortest, longest = configs.SHORTEST_DELAY, configs.LONGEST_DELAY
    if type(value) is not int or (value and not shortest <= value <= longest):
        raise Refused(field, f"must be 0 (never), or {shortest} to {longest} minutes")
    return value


_CHECKS: dict[str, _Check] = {
    "filevault_config": _filevault,
    "recovery_password_config": _recovery,
    "admin_password_rotation_interval_days": _days,
    "admin_password_reveal_rotation_delay": _delay,
    "name": _name,
    "inventory_interval": _interval,
    "collect_apps": _collect,
    "collect_certificates": _collect,
    "collect_profiles": _collect,
}
