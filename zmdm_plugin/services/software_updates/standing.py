"""How devices stand: what one is told and does about it, and who gets what from an enforcement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import Device
from zmdm_plugin.models.software_updates import (
    AdvertisedUpdate,
    BlueprintEnforcement,
    DeviceUpdate,
    SoftwareUpdateEnforcement,
)
from zmdm_plugin.protocol.platform import version
from zmdm_plugin.services import access
from zmdm_plugin.services.device_filter import in_state
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page
from zmdm_plugin.services.software_updates import advertised, choice, progress
from zmdm_plugin.services.software_updates.values import Decision, Facts, Feed, Release

_HISTORY = 10
_BY_ID = Keyset(Device.id, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One device and its updates."""

    targets: list[AdvertisedUpdate]
    """What it is told now, the earliest first."""
    former: list[AdvertisedUpdate]
    """What it was told, the newest first."""
    report: DeviceUpdate | None
    doing: str
    """What it said that it does, in words."""
    failure: str
    decision: Decision
    """What it would be told now: it may be planned later."""
    offered: dict[str, Release]
    """The newest patch, minor, major and background improvement that Apple offers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One device of an enforcement's blueprints, and what it gets."""

    device: Device
    decision: Decision
    counts: bool
    """Whether this enforcement is the one that counts for it."""
    report: DeviceUpdate | None = None


@dataclass(slots=True, kw_only=True)
class Counts:
    """Devices of one enforcement by what became of it."""

    told: int = 0
    failing: int = 0
    installed: int = 0


def of_device(device: Device, *, now: datetime) -> Standing:
    """What a device page shows; a fixed number of statements."""
    rows = session().scalars(
        sa.select(AdvertisedUpdate)
        .where(AdvertisedUpdate.device_id == device.id, AdvertisedUpdate.ended_at.is_not(None))
        .order_by(AdvertisedUpdate.id.desc())
        .limit(_HISTORY)
    )
    report = session().get(DeviceUpdate, device.id)
    return Standing(
        targets=advertised.open_rows([device.id]).get(device.id, []),
        former=list(rows),
        report=report,
        doing=progress.words(report),
        failure=progress.failure(report),
        decision=advertised.decide([device], now=now)[device.id],
        offered=offered(
            advertised.facts_of(device),
            advertised.feeds([device])[device.id],
            today=now.date(),
        ),
    )


def offered(facts: Facts, feed: Feed, *, today: date) -> dict[str, Release]:
    """The newest that Apple offers this device of each kind, where it does not run it already."""
    runs = version(facts.os_version)
    found: dict[str, Release] = {}
    if not runs:
        return found
    kinds: dict[str, list[Release]] = {"patch": [], "minor": [], "major": [], "background": []}
    for one in feed.releases:
        kinds[_kind(one, runs)].append(one)
    for kind, releases in kinds.items():
        best = choice.newest(facts, releases, below="", today=today)
        if best is not None and not choice.reached(facts, best.version, best.build):
            found[kind] = best
    return found


def preview(
    row: SoftwareUpdateEnforcement,
    actor: Actor,
    *,
    now: datetime,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Previewed]:
    """A page of the enrolled devices that could be concerned, and what each of them gets."""
    query = (
        sa.select(Device)
        .join(BlueprintEnforcement, BlueprintEnforcement.blueprint_id == Device.blueprint_id)
        .where(BlueprintEnforcement.enforcement_id == row.id)
        .where(Device.platform.in_(row.platforms), in_state("enrolled"))
    )
    if (scope := access.row_scope(actor, access.VIEW_DEVICES)) is not None:
        query = query.where(scope)
    found = _BY_ID.entities(query, cursor=cursor, limit=limit)
    return Page(_previewed(row, found.items, now), found.next_cursor)


def counts(ids: Iterable[int], *, actor: Actor | None = None) -> dict[int, Counts]:
    """How many devices are told, fail and have installed, by enforcement; one statement.

    Only those that `actor` may see, if one is given.
    """
    wanted = list(ids)
    scope = access.row_scope(actor, access.VIEW_DEVICES) if actor is not None else None
    seen = sa.true() if scope is None else _within(scope)
    still = AdvertisedUpdate.ended_at.is_(None)
    failing = sa.and_(still, DeviceUpdate.failure_count > 0)
    rows = session().execute(
        sa.select(
            AdvertisedUpdate.enforcement_id,
            _devices(still),
            _devices(failing),
            _devices(AdvertisedUpdate.ended == "installed"),
        )
        .outerjoin(DeviceUpdate, DeviceUpdate.device_id == AdvertisedUpdate.device_id)
        .where(AdvertisedUpdate.enforcement_id.in_(wanted), seen)
        .group_by(AdvertisedUpdate.enforcement_id)
    )
    found = {one: Counts() for one in wanted}
    for one, told, failed, installed in rows:
        found[one] = Counts(told=told, failing=failed, installed=installed)
    return found


def _within(scope: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return AdvertisedUpdate.device_id.in_(sa.select(Device.id).where(scope))


def _devices(condition: Any) -> Any:
    return sa.func.count(sa.distinct(sa.case((condition, AdvertisedUpdate.device_id))))


def _kind(release: Release, runs: tuple[int, ...]) -> str:
    numbers = version(release.version)
    if release.extra:
        return "background"
    if numbers[:1] != runs[:1]:
        return "major"
    return "minor" if (*numbers, 0)[1] != (*runs, 0)[1] else "patch"


def _previewed(
    row: SoftwareUpdateEnforcement, devices: Sequence[Device], now: datetime
) -> list[Previewed]:
    decisions = advertised.decide(devices, now=now)
    query = sa.select(DeviceUpdate).where(DeviceUpdate.device_id.in_([one.id for one in devices]))
    reports = {report.device_id: report for report in session().scalars(query)}
    found = []
    for device in devices:
        decision = decisions[device.id]
        chosen = decision.enforcement
        found.append(
            Previewed(
                device=device,
                decision=decision,
                counts=chosen is not None and chosen.id == row.id,
                report=reports.get(device.id),
            )
        )
    return found
