"""What scopes wish for, compared with the licences that are noted for them; many devices at once.

A device is decided for as it will be after Setup Assistant, so that its licences are there by
then. What leaves the scope keeps its licence until the app is gone from the device: an app without
a licence might not be there any more to be removed, and its row would wait for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from zmdm_plugin.commands.declarative_management import DeclarativeManagement
from zmdm_plugin.commands.target import Target
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    ArtifactVersion,
    Channel,
    ChannelArtifact,
    Device,
    DeviceTag,
    Licence,
)
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts
from zmdm_plugin.services.apps_books import licences, reclaim, serials
from zmdm_plugin.services.artifacts import catalog
from zmdm_plugin.services.artifacts.compiled import Compiled

_Able = tuple[str | None, str | None, bool, bool]
"""Platform, OS version, supervised, user enrollment."""
_Kind = tuple[int, frozenset[int], str, str | None, str | None, bool, bool]
"""Blueprint, tags, serial number where that matters, and the former: alike in them, alike in what
they get."""
_NO_TAGS: Final[frozenset[int]] = frozenset()


class Wish(NamedTuple):
    """An asset of a location, and who is to have a licence of it."""

    location_asset: int
    serial_number: str


def settle(numbers: Sequence[str], *, gone: Collection[str] = ()) -> int:
    """Note the licences that the scopes of these devices need, and give back what none does.

    `gone`: those of them that left for good, unless they enrolled since. A device that is merely
    away, erased and about to enroll again, keeps what it has. Returns how many wishes changed.
    """
    rows = _open_devices(numbers)
    wanted = _wanted(rows)
    noted = _noted(numbers)
    away = set(numbers).difference(row.serial_number for row in rows)
    leaving = _leaving(noted - wanted, away=away, gone=gone)
    for location_asset, some in _by_asset(wanted - noted):
        licences.need(location_asset, some)
    for location_asset, some in _by_asset(leaving):
        licences.release(location_asset, some)
    return len(wanted - noted) + len(leaving)


def any_apps(blueprint_id: int) -> bool:
    """Whether a blueprint brings an app of a location, or any scope has brought one before."""
    found = catalog.compiled(blueprint_id)
    if found is not None and _brings_apps(found):
        return True
    return session().scalar(sa.select(Licence.id).where(Licence.scoped).limit(1)) is not None


def _by_asset(wishes: Iterable[Wish]) -> list[tuple[int, list[str]]]:
    """In id order, as everybody locks assets."""
    found: dict[int, list[str]] = {}
    for wish in wishes:
        found.setdefault(wish.location_asset, []).append(wish.serial_number)
    return sorted(found.items())


def _open_devices(numbers: Sequence[str]) -> Sequence[Any]:
    """The devices with these serial numbers that are managed, as far as scopes look at them."""
    query = (
        sa.select(
            Device.id,
            Device.serial_number,
            Device.blueprint_id,
            Device.platform,
            Device.os_version,
            Device.supervised,
            Device.user_enrollment,
        )
        .join(Channel, sa.and_(Channel.device_id == Device.id, Channel.kind == "device"))
        .where(
            serials.among(Device.serial_number, numbers),
            Device.checkout_at.is_(None),
            Device.blocked_at.is_(None),
            Device.released_at.is_(None),
            Channel.ended_at.is_(None),
            Channel.enrolled_at.is_not(None),
        )
        .order_by(Device.id)
    )
    return session().execute(query).all()


def _wanted(rows: Sequence[Any]) -> set[Wish]:
    """What the scopes of these devices bring them, but for those that were disowned."""
    known = {one: catalog.compiled(one) for one in {row.blueprint_id for row in rows} - {None}}
    bringing = {one: found for one, found in known.items() if found and _brings_apps(found)}
    rows = [row for row in rows if row.blueprint_id in bringing]
    if not rows:
        return set()
    disowned = reclaim.disowned([row.serial_number for row in rows])
    tags = _tags(rows, bringing.values())
    sharded = {one for one, found in bringing.items() if _is_sharded(found)}
    able: dict[_Able, bool] = {}
    assets: dict[_Kind, Collection[int]] = {}
    wishes: set[Wish] = set()
    for row in rows:
        if row.serial_number in disowned:
            continue
        here = tags.get(row.id, _NO_TAGS)
        number = row.serial_number if row.blueprint_id in sharded else ""
        kind = (row.blueprint_id, here, number, *_able(row))
        if (these := assets.get(kind)) is None:
            these = assets[kind] = _assets(bringing[row.blueprint_id], _facts(row, here, able))
        wishes.update(Wish(one, row.serial_number) for one in these)
    return wishes


def _assets(known: Compiled, facts: Facts) -> Collection[int]:
    """Of which assets a device of these facts is to have a licence."""
    _, resolution = catalog.resolution(known, facts)
    licensed = (one.version.location_asset for one in resolution.chosen)
    return {one for one in licensed if one is not None}


def _is_sharded(known: Compiled) -> bool:
    """Whether devices that are alike in everything else may get different things."""
    return any(scope.sharded for _, scope in known.deciding)


def _brings_apps(known: Compiled) -> bool:
    return any(
        version.location_asset is not None
        for item in known.items.values()
        for version in item.versions
    )


def _tags(rows: Sequence[Any], known: Iterable[Compiled]) -> Mapping[int, frozenset[int]]:
    """By device, those of its tags that a scope looks at; nothing is read if none does."""
    seen = {tag for one in known for _, scope in one.deciding for tag in scope.tags}
    if not seen:
        return {}
    query = sa.select(DeviceTag.device_id, DeviceTag.tag_id).where(
        DeviceTag.device_id.in_(sa.select(serials.numbered(row.id for row in rows))),
        DeviceTag.tag_id.in_(seen),
    )
    found: dict[int, set[int]] = {}
    for device_id, tag_id in session().execute(query):
        found.setdefault(device_id, set()).add(tag_id)
    return {device_id: frozenset(ids) for device_id, ids in found.items()}


def _facts(row: Any, tags: frozenset[int], able: dict[_Able, bool]) -> Facts:
    """As `artifacts.facts` has them, out of Setup Assistant."""
    platform = Platform(row.platform) if row.platform else None
    kind = _able(row)
    if kind not in able:
        target = Target(
            platform=platform,
            os_version=row.os_version,
            supervised=row.supervised,
            user_enrollment=bool(row.user_enrollment),
        )
        able[kind] = DeclarativeManagement.refusal(target, {}) is None
    return Facts(
        platform=platform,
        os_version=row.os_version,
        tags=tags,
        serial_number=row.serial_number,
        supervised=bool(row.supervised),
        user_enrollment=bool(row.user_enrollment),
        declarations=able[kind],
    )


def _able(row: Any) -> _Able:
    return row.platform, row.os_version, bool(row.supervised), bool(row.user_enrollment)


def _noted(numbers: Sequence[str]) -> set[Wish]:
    query = sa.select(Licence.location_asset_id, Licence.serial_number).where(
        serials.among(Licence.serial_number, numbers), Licence.scoped
    )
    return {Wish(*row) for row in session().execute(query)}


def _leaving(unwanted: set[Wish], *, away: Collection[str], gone: Collection[str]) -> set[Wish]:
    """Of what no scope wants, what may be given back by now."""
    if not unwanted:
        return set()
    numbers = sorted({wish.serial_number for wish in unwanted})
    kept = set(away).difference(gone) & _known(numbers)
    return {wish for wish in unwanted - _on_devices(numbers) if wish.serial_number not in kept}


def _known(numbers: Sequence[str]) -> set[str]:
    """Those that a device has; a number that was changed for another one comes back to nobody."""
    query = sa.select(Device.serial_number).where(serials.among(Device.serial_number, numbers))
    return {one for one in session().scalars(query) if one}


def _on_devices(numbers: Sequence[str]) -> set[Wish]:
    """Where the app is on the device, or may be: it is removed first, and then marked anew."""
    there = sa.or_(
        ChannelArtifact.installed_version_id.is_not(None),
        sa.and_(
            ChannelArtifact.tried_at.is_not(None),
            ChannelArtifact.status.not_in(("failed", "uninstalled")),
        ),
    )
    version = sa.func.coalesce(
        ChannelArtifact.installed_version_id, ChannelArtifact.tried_version_id
    )
    query = (
        sa.select(ArtifactVersion.location_asset_id, Device.serial_number)
        .select_from(Device)
        .join(Channel, sa.and_(Channel.device_id == Device.id, Channel.ended_at.is_(None)))
        .join(ChannelArtifact, ChannelArtifact.channel_id == Channel.id)
        .join(ArtifactVersion, ArtifactVersion.id == version)
        .where(
            serials.among(Device.serial_number, numbers),
            Device.checkout_at.is_(None),
            ArtifactVersion.location_asset_id.is_not(None),
            there,
        )
    )
    return {Wish(one, number) for one, number in session().execute(query) if one and number}
