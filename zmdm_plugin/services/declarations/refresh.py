"""What a channel is to be offered now: asked by the planner whenever it looks at the channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import ArtifactVersion, Channel, ChannelArtifact, ChannelDeclarations
from zmdm_plugin.services import targets
from zmdm_plugin.services.declarations import (
    entries,
    manifest,
    offers,
    overlay,
    rows,
    support,
    updates,
)
from zmdm_plugin.services.declarations.entries import Listed
from zmdm_plugin.services.declarations.overlay import Circumstances, Decision, Form
from zmdm_plugin.services.declarations.values import Declared

if TYPE_CHECKING:
    from zmdm_plugin.services.artifacts.compiled import Compiled, Item
    from zmdm_plugin.services.artifacts.resolve import Resolution


def refresh(
    channel: Channel,
    compiled: Compiled | None,
    *,
    resolution: Resolution | None,
    values: Mapping[str, str],
    now: datetime,
    commanded: Collection[int] = (),
    unlicensed: Mapping[int, str] | None = None,
) -> Declared:
    """Compose the list of declarations of a channel, which is locked, and keep it if it changed.

    `commanded` go by command, `unlicensed` says why apps wait. Without a blueprint the list is
    empty, which withdraws everything; in Setup Assistant, where declarations rest, nothing changes.
    """
    target = targets.target(channel)
    if target.awaiting or not support.knows_declarations(target):
        return Declared()
    held = session().get(ChannelDeclarations, channel.id)
    if compiled is None or resolution is None:
        return _withdrawn(channel, held, now=now)
    held = held or _first(channel)
    chosen, known = _choice(resolution, commanded), rows.of(channel)
    around = Circumstances(
        now=now,
        os_version=channel.device.os_version,
        refusal=support.refusal(target, held.capabilities),
        values=values,
        previous=offers.current(held),
        rows=known,
        former=_former(chosen, known),
        unlicensed=unlicensed or {},
    )
    decisions: dict[int, Decision] = {}
    for item, form in chosen:
        decisions[item.id] = overlay.decide(item, form, around, decisions)
    _compose(channel, held, chosen, around=around, decisions=decisions)
    rows.apply(channel, known, decisions, offered=offers.handed_out(held).keys(), now=now)
    moments = (one.next_at for one in decisions.values() if one.next_at is not None)
    return _declared(held, frozenset(decisions), min(moments, default=None))


def _first(channel: Channel) -> ChannelDeclarations:
    held = ChannelDeclarations(channel_id=channel.id)
    session().add(held)
    return held


def _declared(
    held: ChannelDeclarations,
    artifacts: frozenset[int] = frozenset(),
    next_at: datetime | None = None,
) -> Declared:
    return Declared(
        token=held.token,
        changed_at=held.changed_at,
        offered_token=held.offered_token,
        ordered_token=held.ordered_token,
        ordered_at=held.ordered_at,
        unheard_since=_unheard(held),
        artifacts=artifacts,
        next_at=next_at,
    )


def _unheard(held: ChannelDeclarations) -> datetime | None:
    """A list that is empty has no subscription in it, hence no report to wait for."""
    if held.offered_at is None or held.offered_token in (None, entries.EMPTY):
        return None
    heard = held.reported_at is not None and held.reported_at >= held.offered_at
    return None if heard else held.offered_at


Choice = Sequence[tuple["Item", Form]]


def _choice(resolution: Resolution, commanded: Collection[int]) -> Choice:
    """What is chosen and goes by declaration, in the form in which most channels get it."""
    return [
        (
            one.item,
            Form(one.version.id, one.version.uid, one.version.variables, one.version.configured),
        )
        for one in resolution.chosen
        if manifest.kind_of(one.item) and one.item.id not in commanded
    ]


def _compose(
    channel: Channel,
    held: ChannelDeclarations,
    chosen: Choice,
    *,
    around: Circumstances,
    decisions: Mapping[int, Decision],
) -> None:
    names = support.subscribed(
        held.capabilities, user_enrollment=bool(channel.device.user_enrollment)
    )
    outside = _activated_elsewhere(decisions.values())
    shared = manifest.whole(_shared(chosen, around), subscribed=names, not_ours=outside)
    lines = [one.line for one in decisions.values() if one.line is not None]
    lines += updates.lines(channel, around.refusal, now=around.now)
    own = manifest.whole(lines, subscribed=names, not_ours=outside)
    _keep(held, shared, own, blueprint_id=channel.device.blueprint_id, now=around.now)


def _shared(chosen: Choice, around: Circumstances) -> list[Listed]:
    """The lines that are the same for all with this choice and these capabilities."""
    return [
        manifest.listed(item, form.uid, form.uid, configured=form.configured)
        for item, form in chosen
        if around.refusal(manifest.type_of(item.type, item.declaration_type)) is None
    ]


def _activated_elsewhere(decisions: Iterable[Decision]) -> frozenset[str]:
    every = list(decisions)
    ids = manifest.activated_by_operators(one.item for one in every)
    return frozenset(one.item.identifier for one in every if one.item.id in ids)


def _former(chosen: Choice, known: Mapping[int, ChannelArtifact]) -> dict[int, Form]:
    """Installed versions that are not the chosen ones; a statement only if there are any."""
    current = {item.id: form.id for item, form in chosen}
    wanted = {
        row.installed_version_id
        for artifact_id, row in known.items()
        if row.installed_version_id is not None
        and current.get(artifact_id, row.installed_version_id) != row.installed_version_id
    }
    if not wanted:
        return {}
    version = ArtifactVersion
    found = session().execute(
        sa.select(
            version.id,
            version.uid,
            version.variables,
            version.content["configured"].as_boolean(),
        ).where(version.id.in_(wanted))
    )
    return {
        id_: Form(id_, uid, frozenset(names), bool(configured))
        for id_, uid, names, configured in found
    }


def _keep(
    held: ChannelDeclarations,
    shared: Sequence[Listed],
    own: Sequence[Listed],
    *,
    blueprint_id: int | None,
    now: datetime,
) -> None:
    held.manifest_id = manifest.shared_row(shared, blueprint_id, present=held.manifest_id)
    difference = entries.difference(shared, own)
    if held.overlay != difference:
        held.overlay = difference
    token = entries.token_of(own)
    if held.token != token:
        held.token, held.changed_at = token, now
    session().flush()


def _withdrawn(channel: Channel, held: ChannelDeclarations | None, *, now: datetime) -> Declared:
    """The blueprint was taken away: what it had brought goes, if anything was ever offered."""
    updates.settle(channel, now=now)
    if held is None or held.token is None:
        return Declared()
    _keep(held, (), (), blueprint_id=None, now=now)
    rows.apply(channel, rows.of(channel), {}, offered=offers.handed_out(held).keys(), now=now)
    return _declared(held)
