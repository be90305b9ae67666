"""Enforcements: what operators want to be installed; made, changed, put into blueprints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import MDMBlueprint, Tag
from zmdm_plugin.models.software_updates import (
    BlueprintEnforcement,
    EnforcementTag,
    SoftwareUpdateEnforcement,
)
from zmdm_plugin.services import wake
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.software_updates.choice import KNOWN_SINCE
from zmdm_plugin.services.software_updates.values import Enforcement, Latest, OneTime

PLATFORMS = tuple(platform.value for platform in KNOWN_SINCE)
MOST_DELAY = 120
DEFAULT_DELAY = 14
DEFAULT_TIME = "09:30:00"
ONE_TIME = ("os_version", "build_version", "local_datetime")
LATEST = ("max_os_version", "delay_days", "local_time")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}\Z")
_BUILD = re.compile(r"[0-9]{1,3}[A-Z][0-9]{1,6}[a-z]?\Z")
_MOMENT = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?\Z")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?\Z")
_Named = Tag | MDMBlueprint | SoftwareUpdateEnforcement
KEYSET = Keyset(SoftwareUpdateEnforcement.id, {"name": SoftwareUpdateEnforcement.name})


def page(
    *,
    name: str | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[SoftwareUpdateEnforcement]:
    """A page of all enforcements."""
    query = sa.select(SoftwareUpdateEnforcement)
    if name is not None:
        query = query.where(SoftwareUpdateEnforcement.name == name)
    return KEYSET.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def find(enforcement_id: int) -> SoftwareUpdateEnforcement:
    """The enforcement; NotFound."""
    known = 0 < enforcement_id <= MAX_ID
    row = session().get(SoftwareUpdateEnforcement, enforcement_id) if known else None
    if row is None:
        raise NotFound("there is no such enforcement")
    return row


def create(asked: Mapping[str, Any]) -> SoftwareUpdateEnforcement:
    """A new enforcement with its tags and blueprints; Refused names the field."""
    row = SoftwareUpdateEnforcement(**_checked(asked, None))
    session().add(row)
    session().flush()
    _relate(row, asked)
    return row


def change(row: SoftwareUpdateEnforcement, asked: Mapping[str, Any]) -> None:
    """Make it what is asked, wholly; tags and blueprints stay where they are not named."""
    for name, value in _checked(asked, row).items():
        setattr(row, name, value)
    session().flush()
    _relate(row, asked)


def delete(row: SoftwareUpdateEnforcement) -> None:
    """Forget it; Conflict while a blueprint has it."""
    used = blueprints_of([row.id]).get(row.id, [])
    if used:
        names = ", ".join(f"“{blueprint.name}”" for blueprint in used[:3])
        raise Conflict(f"it is part of {names}; take it out first")
    session().execute(sa.delete(EnforcementTag).where(EnforcementTag.enforcement_id == row.id))
    session().delete(row)
    session().flush()


def set_on_blueprint(blueprint_id: int, ids: Iterable[int]) -> None:
    """Make these the enforcements of a blueprint, and no others; its devices are told."""
    wanted = _existing(SoftwareUpdateEnforcement, ids, "software_update_enforcements")
    if _replace(
        BlueprintEnforcement.blueprint_id, blueprint_id, BlueprintEnforcement.enforcement_id, wanted
    ):
        wake.blueprint(blueprint_id)


def of_blueprints(ids: Iterable[int | None]) -> dict[int, tuple[Enforcement, ...]]:
    """What the choice looks at, by blueprint; two statements at most."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = session().execute(
        sa.select(BlueprintEnforcement.blueprint_id, SoftwareUpdateEnforcement)
        .join(
            SoftwareUpdateEnforcement,
            SoftwareUpdateEnforcement.id == BlueprintEnforcement.enforcement_id,
        )
        .where(BlueprintEnforcement.blueprint_id.in_(wanted))
        .order_by(SoftwareUpdateEnforcement.id)
    )
    pairs = [(blueprint_id, row) for blueprint_id, row in rows]
    tags = tag_ids({row.id for _, row in pairs})
    found: dict[int, tuple[Enforcement, ...]] = {}
    for blueprint_id, row in pairs:
        value = as_value(row, tags.get(row.id, frozenset()))
        found[blueprint_id] = (*found.get(blueprint_id, ()), value)
    return found


def as_value(row: SoftwareUpdateEnforcement, tags: frozenset[int]) -> Enforcement:
    """The row as the choice sees it."""
    what: OneTime | Latest
    if row.os_version:
        local = datetime.fromisoformat(row.local_datetime or "2000-01-01T00:00:00")
        what = OneTime(os_version=row.os_version, build=row.build_version, local=local)
    else:
        what = Latest(
            below=row.max_os_version,
            delay_days=row.delay_days or 0,
            at=time.fromisoformat(row.local_time or DEFAULT_TIME),
        )
    return Enforcement(
        id=row.id,
        uid=row.uid,
        name=row.name,
        platforms=frozenset(row.platforms),
        tags=tags,
        details_url=row.details_url,
        what=what,
    )


def tag_ids(ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """The tags of some enforcements, by enforcement."""
    query = sa.select(EnforcementTag.enforcement_id, EnforcementTag.tag_id)
    found: dict[int, frozenset[int]] = {}
    for one, tag_id in session().execute(query.where(EnforcementTag.enforcement_id.in_(list(ids)))):
        found[one] = found.get(one, frozenset()) | {tag_id}
    return found


def tags_of(ids: Iterable[int]) -> dict[int, list[Tag]]:
    """The same as rows, by name."""
    rows = session().execute(
        sa.select(EnforcementTag.enforcement_id, Tag)
        .join(Tag, Tag.id == EnforcementTag.tag_id)
        .where(EnforcementTag.enforcement_id.in_(list(ids)))
        .order_by(Tag.key)
    )
    found: dict[int, list[Tag]] = {}
    for one, tag in rows:
        found.setdefault(one, []).append(tag)
    return found


def blueprints_of(ids: Iterable[int]) -> dict[int, list[MDMBlueprint]]:
    """The blueprints that have some enforcements, by enforcement."""
    rows = session().execute(
        sa.select(BlueprintEnforcement.enforcement_id, MDMBlueprint)
        .join(MDMBlueprint, MDMBlueprint.id == BlueprintEnforcement.blueprint_id)
        .where(BlueprintEnforcement.enforcement_id.in_(list(ids)))
        .order_by(MDMBlueprint.name)
    )
    found: dict[int, list[MDMBlueprint]] = {}
    for one, blueprint in rows:
        found.setdefault(one, []).append(blueprint)
    return found


def words(row: SoftwareUpdateEnforcement) -> str:
    """What it asks for, in one line."""
    if row.os_version:
        build = f" ({row.build_version})" if row.build_version else ""
        moment = (row.local_datetime or "").replace("T", " ")[:16]
        return f"{row.os_version}{build} by {moment}, the device's time"
    days = "on the day" if not row.delay_days else f"{row.delay_days} days after"
    clock = (row.local_time or DEFAULT_TIME)[:5]
    return f"the newest below {row.max_os_version}, {days} it is released, at {clock}"


def whom(row: SoftwareUpdateEnforcement) -> str:
    """Whom it concerns, in one line, for the audit."""
    blueprints = [blueprint.name for blueprint in blueprints_of([row.id]).get(row.id, [])]
    tags = [tag.name for tag in tags_of([row.id]).get(row.id, [])]
    said = f"blueprints: {', '.join(blueprints) or 'none'}"
    return f"{said}; tags: {', '.join(tags) or 'none'}"[:500]


def ids_on_blueprint(blueprint_id: int) -> list[int]:
    """The enforcements of a blueprint."""
    query = sa.select(BlueprintEnforcement.enforcement_id).order_by(
        BlueprintEnforcement.enforcement_id
    )
    return list(session().scalars(query.where(BlueprintEnforcement.blueprint_id == blueprint_id)))


def _checked(asked: Mapping[str, Any], row: SoftwareUpdateEnforcement | None) -> dict[str, Any]:
    """Every column, from what was asked; Refused names the field that is wrong."""
    name = str(asked.get("name") or "").strip()
    if not name or len(name) > 256:
        raise Refused("name", "must have 1 to 256 characters")
    taken = session().scalar(
        sa.select(SoftwareUpdateEnforcement.id).where(SoftwareUpdateEnforcement.name == name)
    )
    if taken is not None and (row is None or taken != row.id):
        raise Refused("name", "there is an enforcement with this name")
    values = {
        "name": name,
        "details_url": _url(str(asked.get("details_url") or "").strip()),
        "platforms": _platforms(asked.get("platforms") or ()),
    }
    one_time = bool(str(asked.get("os_version") or "").strip())
    if one_time == bool(str(asked.get("max_os_version") or "").strip()):
        raise Refused("os_version", "give either os_version or max_os_version")
    for other in LATEST if one_time else ONE_TIME:
        if asked.get(other) not in (None, ""):
            mode = "one version by a date" if one_time else "always the newest"
            raise Refused(other, f"does not go with {mode}")
    return {**values, **(_one_time(asked) if one_time else _latest(asked))}


def _one_time(asked: Mapping[str, Any]) -> dict[str, Any]:
    moment = str(asked.get("local_datetime") or "").strip()
    if not _MOMENT.match(moment):
        raise Refused("local_datetime", "must be a local time like 2026-12-24T09:30:00")
    try:
        local = datetime.fromisoformat(moment)
    except ValueError as error:
        raise Refused("local_datetime", "there is no such date") from error
    build = str(asked.get("build_version") or "").strip()
    if build and not _BUILD.match(build):
        raise Refused("build_version", "must look like 25B78")
    return {
        "os_version": _version("os_version", asked["os_version"]),
        "build_version": build,
        "local_datetime": local.isoformat(timespec="seconds"),
        "max_os_version": "",
        "delay_days": None,
        "local_time": None,
    }


def _latest(asked: Mapping[str, Any]) -> dict[str, Any]:
    delay = asked.get("delay_days", DEFAULT_DELAY)
    if type(delay) is not int or not 0 <= delay <= MOST_DELAY:
        raise Refused("delay_days", f"must lie between 0 and {MOST_DELAY}")
    clock = str(asked.get("local_time", DEFAULT_TIME) or "").strip()
    try:
        at = time.fromisoformat(clock) if _CLOCK.match(clock) else None
    except ValueError:
        at = None
    if at is None:
        raise Refused("local_time", "must be a time of day like 09:30")
    return {
        "os_version": "",
        "build_version": "",
        "local_datetime": None,
        "max_os_version": _version("max_os_version", asked["max_os_version"]),
        "delay_days": delay,
        "local_time": at.isoformat(timespec="seconds"),
    }


def _version(field: str, given: Any) -> str:
    text = str(given).strip()
    if not _VERSION.match(text):
        raise Refused(field, "must look like 26.1")
    return text


def _url(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()
    except ValueError:
        fine = False
    if not fine or " " in text or len(text) > 2000:
        raise Refused("details_url", "must be an address like https://intranet.example.com/updates")
    return text


def _platforms(given: Any) -> list[str]:
    if unknown := [str(one) for one in given if one not in PLATFORMS]:
        raise Refused("platforms", f"{unknown[0][:20]} is none of {', '.join(PLATFORMS)}")
    if not given:
        raise Refused("platforms", f"name at least one of {', '.join(PLATFORMS)}")
    return [one for one in PLATFORMS if one in given]


def _relate(row: SoftwareUpdateEnforcement, asked: Mapping[str, Any]) -> None:
    """Tags and blueprints as asked; devices of blueprints that have or had it are told."""
    before = {one.id for one in blueprints_of([row.id]).get(row.id, [])}
    if asked.get("tags") is not None:
        wanted = _existing(Tag, asked["tags"], "tags")
        _replace(EnforcementTag.enforcement_id, row.id, EnforcementTag.tag_id, wanted)
    after = before
    if asked.get("blueprints") is not None:
        ids = _existing(MDMBlueprint, asked["blueprints"], "blueprints")
        _replace(
            BlueprintEnforcement.enforcement_id, row.id, BlueprintEnforcement.blueprint_id, ids
        )
        after = set(ids)
    for blueprint_id in sorted(before | after):
        wake.blueprint(blueprint_id)


def _existing(model: type[_Named], ids: Iterable[int], field: str) -> list[int]:
    wanted = sorted(set(ids))
    good = [one for one in wanted if 0 < one <= MAX_ID]
    known = set(session().scalars(sa.select(model.id).where(model.id.in_(good))))
    if missing := [one for one in wanted if one not in known]:
        raise Refused(field, f"there is none with the id {missing[0]}")
    return wanted


def _replace(owner: Any, owner_id: int, other: Any, wanted: Sequence[int]) -> bool:
    """Make the pairs of an m2m table these; whether anything was to do."""
    model = owner.class_
    present = set(session().scalars(sa.select(other).where(owner == owner_id)))
    if lost := present - set(wanted):
        session().execute(
            sa.delete(model).where(owner == owner_id, other.in_(lost)),
            execution_options={"synchronize_session": False},
        )
    missing = [one for one in wanted if one not in present]
    if missing:
        rows = [{owner.key: owner_id, other.key: one} for one in missing]
        session().execute(sa.insert(model), rows)
    return bool(lost or missing)
