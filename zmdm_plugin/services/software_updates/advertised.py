"""What devices are told to install: chosen when they are planned, kept, read for their manifest.

`refresh(device, now=…)` belongs to the planning of a device's own channel, whose row is locked
then; `for_channel(channel)` gives the declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Device, DeviceTag
from zmdm_plugin.models.software_updates import (
    AdvertisedUpdate,
    DeviceUpdate,
    SoftwareUpdate,
    SoftwareUpdateDevice,
    SoftwareUpdateFeed,
)
from zmdm_plugin.services import events
from zmdm_plugin.services.software_updates import choice, enforcements
from zmdm_plugin.services.software_updates.feed import NAME
from zmdm_plugin.services.software_updates.values import (
    DECLARATION,
    Decision,
    Enforcement,
    Facts,
    Feed,
    Release,
    Target,
    server_token,
)
from zmdm_plugin.state import state

NO_BLUEPRINT = "it has no blueprint"
NO_ENFORCEMENT = "its blueprint enforces no updates"
_UNCONCERNED = (NO_BLUEPRINT, NO_ENFORCEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """One declaration of the type DECLARATION."""

    identifier: str
    server_token: str
    payload: Mapping[str, Any]
    why: str
    type: str = DECLARATION


def for_channel(channel: Channel) -> list[Advertised]:
    """The enforcements to declare on this channel, the earliest first; none on user channels."""
    if channel.kind != "device":
        return []
    found = []
    for row in open_rows([channel.device_id]).get(channel.device_id, []):
        target = as_target(row)
        payload = target.payload()
        found.append(
            Advertised(
                identifier=row.identifier,
                server_token=server_token(payload),
                payload=payload,
                why=row.why,
            )
        )
    return found


def refresh(device: Device, *, now: datetime) -> Decision:
    """Choose anew what the device should be told, and keep it."""
    return refresh_all([device], now=now)[device.id]


def refresh_all(devices: Sequence[Device], *, now: datetime) -> dict[int, Decision]:
    """The same for many, in a fixed number of reading statements."""
    present = open_rows([device.id for device in devices])
    decisions = _decide(devices, present, now=now)
    concerned = [device for device in devices if decisions[device.id].why not in _UNCONCERNED]
    noted = _noted([device.id for device in concerned]) if concerned else {}
    for device in concerned:
        decision = decisions[device.id]
        _keep(device, decision, present.get(device.id, []), now=now)
        _note(device, decision, noted.get(device.id), now=now)
    session().flush()
    return decisions


def decide(devices: Sequence[Device], *, now: datetime) -> dict[int, Decision]:
    """What each device would be told now; nothing is kept."""
    return _decide(devices, open_rows([device.id for device in devices]), now=now)


def open_rows(device_ids: Iterable[int]) -> dict[int, list[AdvertisedUpdate]]:
    """What some devices are told, by device, the earliest first."""
    rows = session().scalars(
        sa.select(AdvertisedUpdate)
        .where(AdvertisedUpdate.device_id.in_(list(device_ids)))
        .where(AdvertisedUpdate.ended_at.is_(None))
        .order_by(AdvertisedUpdate.local_datetime, AdvertisedUpdate.id)
    )
    found: dict[int, list[AdvertisedUpdate]] = {}
    for row in rows:
        found.setdefault(row.device_id, []).append(row)
    return found


def as_target(row: AdvertisedUpdate) -> Target:
    """The row as the choice sees it."""
    return Target(
        enforcement_id=row.enforcement_id,
        identifier=row.identifier,
        os_version=row.os_version,
        build=row.build_version,
        local=datetime.fromisoformat(row.local_datetime),
        basis=row.basis,
        details_url=row.details_url,
        why=row.why,
    )


def facts_of(device: Device, tags: frozenset[int] = frozenset()) -> Facts:
    """The device as the choice sees it."""
    builds = (device.build_version, device.build_version_extra)
    return Facts(
        platform=device.platform,
        os_version=device.os_version,
        builds=frozenset(build for build in builds if build),
        device_ids=hardware(device),
        tags=tags,
        supervised=device.supervised,
        user_enrollment=device.user_enrollment,
        time_zone=device.time_zone,
    )


def hardware(device: Device) -> tuple[str, ...]:
    """What Apple's list may call this device, its own word first."""
    given = (device.software_update_device_id, device.model)
    return tuple(dict.fromkeys(one for one in given if one))


def feeds(devices: Iterable[Device]) -> dict[int, Feed]:
    """The releases for each of these devices; two statements."""
    every = list(devices)
    listed = _listed({name for device in every for name in hardware(device)})
    read = _was_read()
    return {device.id: _feed(hardware(device), listed, read=read) for device in every}


def feed_of(names: Sequence[str]) -> Feed:
    """The releases for hardware that goes by these names, enrolled or not."""
    return _feed(names, _listed(set(names)), read=_was_read())


def _listed(names: set[str]) -> dict[str, list[Release]]:
    rows = session().execute(
        sa.select(SoftwareUpdateDevice.device_id, SoftwareUpdate)
        .join(SoftwareUpdate, SoftwareUpdate.id == SoftwareUpdateDevice.update_id)
        .where(SoftwareUpdateDevice.device_id.in_(names))
    )
    found: dict[str, list[Release]] = {}
    for name, update in rows:
        found.setdefault(name, []).append(_release(update))
    return found


def _was_read() -> bool:
    query = sa.select(SoftwareUpdateFeed.read_at).where(SoftwareUpdateFeed.name == NAME)
    return session().scalar(query) is not None


def _feed(names: Sequence[str], listed: Mapping[str, Sequence[Release]], *, read: bool) -> Feed:
    return Feed(
        releases=tuple(one for name in names for one in listed.get(name, ())),
        read=read,
    )


def _decide(
    devices: Sequence[Device],
    present: Mapping[int, Sequence[AdvertisedUpdate]],
    *,
    now: datetime,
) -> dict[int, Decision]:
    asked = enforcements.of_blueprints({device.blueprint_id for device in devices})
    concerned = [
        device
        for device in devices
        if asked.get(device.blueprint_id or 0) or present.get(device.id)
    ]
    tags = _tags(concerned) if concerned else {}
    lists = feeds(concerned) if concerned else {}
    notice = timedelta(days=state().settings.software_update_notice_days)
    found = {}
    for device in devices:
        wanted: tuple[Enforcement, ...] = asked.get(device.blueprint_id or 0, ())
        if device.id not in lists:
            why = NO_BLUEPRINT if device.blueprint_id is None else NO_ENFORCEMENT
            found[device.id] = Decision(why=why)
            continue
        found[device.id] = choice.targets(
            facts_of(device, tags.get(device.id, frozenset())),
            wanted,
            feed=lists[device.id],
            advertised=[as_target(row) for row in present.get(device.id, ())],
            now=now,
            minimum_notice=notice,
        )
    return found


def _tags(devices: Iterable[Device]) -> dict[int, frozenset[int]]:
    query = sa.select(DeviceTag.device_id, DeviceTag.tag_id)
    found: dict[int, frozenset[int]] = {}
    for device_id, tag_id in session().execute(
        query.where(DeviceTag.device_id.in_([device.id for device in devices]))
    ):
        found[device_id] = found.get(device_id, frozenset()) | {tag_id}
    return found


def _release(update: SoftwareUpdate) -> Release:
    return Release(
        platform=update.platform,
        version=update.version,
        build=update.build,
        extra=update.extra,
        prerequisite_build=update.prerequisite_build,
        managed=update.managed,
        posted_on=update.posted_on,
        expires_on=update.expires_on,
        withdrawn=update.withdrawn_at is not None,
    )


def _keep(
    device: Device, decision: Decision, rows: Sequence[AdvertisedUpdate], *, now: datetime
) -> None:
    known = {row.identifier: row for row in rows}
    for end in decision.ended:
        row = known[end.identifier]
        row.ended_at, row.ended, row.ended_why = now, end.how, end.why[:500]
        events.record(
            f"software_update.{end.how}", device=device, version=row.os_version, reason=end.why
        )
    for target in decision.targets:
        values = _columns(target)
        if (present := known.get(target.identifier)) is None:
            session().add(AdvertisedUpdate(device_id=device.id, **values))
            events.record(
                "software_update.advertised",
                device=device,
                version=target.os_version,
                by=values["local_datetime"],
            )
            continue
        for name, value in values.items():
            if getattr(present, name) != value:
                setattr(present, name, value)


def _columns(target: Target) -> dict[str, Any]:
    return {
        "enforcement_id": target.enforcement_id,
        "identifier": target.identifier,
        "os_version": target.os_version,
        "build_version": target.build,
        "local_datetime": target.local.isoformat(timespec="seconds"),
        "basis": target.basis,
        "details_url": target.details_url,
        "why": target.why[:500],
    }


def _noted(device_ids: Iterable[int]) -> dict[int, DeviceUpdate]:
    query = sa.select(DeviceUpdate).where(DeviceUpdate.device_id.in_(list(device_ids)))
    return {row.device_id: row for row in session().scalars(query)}


def _note(device: Device, decision: Decision, row: DeviceUpdate | None, *, now: datetime) -> None:
    """Keep the reason; a device that nothing was ever said to needs no row."""
    chosen = decision.enforcement.id if decision.enforcement else None
    if row is None:
        if chosen is None and not decision.ended:
            return
        row = DeviceUpdate(device_id=device.id, failure_count=0)
        session().add(row)
    why = decision.why[:1000]
    if (row.why, row.enforcement_id) != (why, chosen):
        row.why, row.enforcement_id, row.chosen_at = why, chosen, now
