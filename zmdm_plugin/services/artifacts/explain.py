"""Why a channel has an artifact or has it not: every rule in order, and the first in the way.

The rules are the ones that decide; here they are walked one by one so that each can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import (
    Artifact,
    Channel,
    ChannelArtifact,
    Device,
    MDMBlueprint,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.scope import Facts, Verdict, walk
from zmdm_plugin.services import channels, devices
from zmdm_plugin.services.artifacts import (
    catalog,
    delivery,
    explain_delivery,
    facts,
    licensing,
    outcomes,
)
from zmdm_plugin.services.artifacts.compiled import Compiled, Item
from zmdm_plugin.services.artifacts.explain_delivery import Case
from zmdm_plugin.services.artifacts.resolve import DECLARED_ONLY, Resolution, admitted
from zmdm_plugin.services.artifacts.under_way import Step, UnderWay

UNREACHED = "Not reached"
_STAGES = (
    ("enrolled", "the device is enrolled"),
    ("blueprint", "the device has a blueprint"),
    ("linked", "its blueprint brings the artifact"),
    ("platform", "it is for this channel and platform"),
    ("version", "a version of it is for the device"),
    ("variables", "its variables have values and what it needs is there"),
    ("queued", "it is queued, or listed among the declarations"),
    ("delivered", "the device was woken and has come for it"),
    ("present", "the device says that it has it"),
)
_PLACES = {
    "enrolled": ("enrolled",),
    "blueprint": ("blueprint",),
    "linked": ("linked", "link", "setup_assistant"),
    "platform": ("channel", "platform", "declarations", "way", "supported"),
    "version": ("version", "requires"),
    "variables": ("variables", "prerequisites", "licence", "update", "retries"),
    "queued": ("queued", "listed"),
    "delivered": ("pushed", "not_now", "fetched", "delivered"),
    "present": ("reported", "valid", "active", "present"),
}
_STAGE = {rule: at for at, (stage, _) in enumerate(_STAGES) for rule in _PLACES[stage]}
"""How far the walk has come with a rule."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The walk of one channel; `channel` is None where there is none of the kind."""

    channel: Channel | None
    steps: tuple[Step, ...]

    @property
    def obstacle(self) -> Step | None:
        """The first rule that stands in the way."""
        return next((step for step in self.steps if step.ok is False), None)


class _Known(NamedTuple):
    """What is decided for a channel, and by what."""

    compiled: Compiled
    facts: Facts
    resolution: Resolution


def explain(device: Device, artifact: Artifact, *, channel_id: int | None = None) -> Explanation:
    """Walk all rules for one artifact on the channel that it is for (or the one that is named)."""
    channel = _channel(device, artifact, channel_id)
    if channel is None:
        kind = "user channel" if artifact.channel == "user" else "channel"
        return Explanation(None, (Step("enrolled", False, f"The device has no open {kind}."),))
    return Explanation(channel, tuple(map(_told, _whole(list(_steps(channel, artifact))))))


def _whole(steps: list[Step]) -> list[Step]:
    """The walk with the rules that it did not come to, if something stood in the way."""
    if all(step.ok is not False for step in steps):
        return steps
    tail = [step for step in steps[-1:] if step.rule == "present" and step.ok is None]
    walked = steps[: len(steps) - len(tail)]
    last = max(_STAGE.get(step.rule.partition(".")[0], 0) for step in walked)
    unreached = [
        Step(rule, None, f"{UNREACHED}: whether {words}")
        for rule, words in _STAGES[last + 1 : -1 if tail else None]
    ]
    return [*walked, *unreached, *tail]


def _channel(device: Device, artifact: Artifact, channel_id: int | None) -> Channel | None:
    if channel_id is not None:
        return devices.channel(device.id, channel_id=channel_id)
    for channel in channels.open_channels(device):
        if channel.kind == artifact.channel:
            return channel
    if artifact.channel == "device":
        try:
            return devices.channel(device.id)
        except Conflict:
            return None
    return None


def _steps(channel: Channel, artifact: Artifact) -> Iterator[Step]:
    """Rules of the device, of the blueprint, of the artifact, and then of its delivery."""
    yield _enrolled(channel)
    known = _decided(channel)
    yield _blueprint(channel)
    if known is None:
        yield from _leaving(channel, artifact)
        return
    item = known.compiled.items.get(artifact.id)
    if item is None:
        yield Step("linked", False, "its blueprint does not bring the artifact, in no way")
        yield from _leaving(channel, artifact)
        return
    brought = list(_brought(item, known))
    yield from brought
    yield from _own(item, known)
    chosen = known.resolution.of(item.id)
    if chosen is None:
        yield from _leaving(channel, artifact)
        return
    yield from explain_delivery.steps(
        Case(
            chosen=chosen,
            compiled=known.compiled,
            rows=outcomes.rows_of(channel),
            why_command=delivery.why_command(chosen, known=known.compiled, told=known.facts),
            awaiting=known.facts.awaiting,
            under_way=UnderWay.of(channel, now=utcnow()),
            unlicensed=licensing.missing(channel, [chosen]).get(chosen.item.id),
        )
    )


def _enrolled(channel: Channel) -> Step:
    device = channel.device
    if device.blocked_at is not None:
        return Step("enrolled", False, "the device is blocked")
    if device.released_at is not None:
        return Step("enrolled", False, "the device was released")
    if channel.ended_at is not None or channel.enrolled_at is None:
        return Step("enrolled", False, "the channel has ended: nothing is sent to it")
    return Step("enrolled", True, "the device is enrolled")


def _decided(channel: Channel) -> _Known | None:
    blueprint_id = channel.device.blueprint_id
    compiled = catalog.compiled(blueprint_id) if blueprint_id is not None else None
    if compiled is None:
        return None
    told = facts.of(channel)
    return _Known(compiled, told, catalog.resolution(compiled, told)[1])


def _blueprint(channel: Channel) -> Step:
    blueprint_id = channel.device.blueprint_id
    row = session().get(MDMBlueprint, blueprint_id) if blueprint_id is not None else None
    if row is None:
        return Step("blueprint", False, "the device has no blueprint")
    return Step("blueprint", True, f"the device has the blueprint “{row.name}”")


def _brought(item: Item, known: _Known) -> Iterator[Step]:
    """Whether the blueprint brings it: by its own link, or because something else needs it."""
    link = known.compiled.links.get(item.id)
    dependents = _dependents(item, known)
    if link is not None and admitted(item, link, known.facts).ok:
        yield Step("linked", True, "it is in the blueprint")
        yield from _scope(walk(link.scope, known.facts, item=link.uid), "link")
    elif dependents:
        yield Step("linked", True, f"it comes with {', '.join(dependents)}, which need it")
    elif link is None:
        yield Step("linked", False, "only artifacts need it that do not come to this channel")
    else:
        yield Step("linked", True, "it is in the blueprint")
        if item.channel is known.facts.channel:
            yield _setup_assistant(item, known)
            yield from _scope(walk(link.scope, known.facts, item=link.uid), "link")


def _dependents(item: Item, known: _Known) -> list[str]:
    """What comes to this channel and needs it, by name."""
    reached: set[int] = set()
    waiting = [
        one
        for one, link in known.compiled.links.items()
        if one in known.compiled.items and admitted(known.compiled.items[one], link, known.facts).ok
    ]
    while waiting:
        one = waiting.pop()
        if one not in reached and one in known.compiled.items:
            reached.add(one)
            waiting += known.compiled.items[one].needs
    names = [
        known.compiled.items[one].name
        for one in reached
        if one != item.id and item.id in known.compiled.items[one].needs
    ]
    return [f"“{name}”" for name in sorted(names)]


def _setup_assistant(item: Item, known: _Known) -> Step:
    if not known.facts.awaiting:
        return Step("setup_assistant", True, "the device has left Setup Assistant")
    flagged = item.install_during_setup_assistant
    words = "the device is in Setup Assistant"
    return Step(
        "setup_assistant", flagged, words if flagged else f"{words}, and the artifact waits for it"
    )


def _scope(verdicts: list[Verdict], place: str) -> Iterator[Step]:
    yield from (Step(f"{place}.{one.rule}", one.ok, one.words) for one in verdicts)


def _own(item: Item, known: _Known) -> Iterator[Step]:
    """What holds for the artifact however it came: channel, platform, declarations, version."""
    told = known.facts
    fits = item.channel is told.channel
    yield Step("channel", fits, f"it is for {item.channel} channels; this is a {told.channel} one")
    fits = told.platform in item.platforms
    yield Step("platform", fits, f"it is for {', '.join(sorted(item.platforms))}")
    if item.type in DECLARED_ONLY:
        words = "the device's OS knows declarations"
        if not told.declarations:
            words = "the device's OS does not know declarations"
        yield Step("declarations", told.declarations, words)
    yield from _versions(item, told)
    left_out = known.resolution.left_out.get(item.id)
    if left_out is not None and left_out.rule == "requires":
        yield Step("requires", False, left_out.words)
    elif item.needs:
        yield Step("requires", True, "what it needs can be had")


def _versions(item: Item, told: Facts) -> Iterator[Step]:
    """From the highest rank down to the version that the device gets."""
    if not item.versions:
        yield Step("version", False, "it has no version yet")
        return
    tried: list[str] = []
    for version in item.versions:
        verdicts = walk(version.scope, told, item=version.uid)
        if verdicts[-1].ok:
            passed_over = f" ({'; '.join(tried)})" if tried else ""
            yield Step("version", True, f"version {version.number} is for it{passed_over}")
            return
        tried.append(f"version {version.number} is not: {verdicts[-1].words}")
    yield Step("version", False, f"no version is for it ({'; '.join(tried)})")


def _leaving(channel: Channel, artifact: Artifact) -> Iterator[Step]:
    """It should not be there: whether it is."""
    row = session().scalar(
        sa.select(ChannelArtifact).where(
            ChannelArtifact.channel_id == channel.id, ChannelArtifact.artifact_id == artifact.id
        )
    )
    if row is None or (row.installed_version_id is None and row.status != "installed"):
        yield Step("present", None, "it is not on the device")
    elif row.status == "removal_failed":
        yield Step("present", None, f"it is still there: {'; '.join(outcomes.told(row))}")
    else:
        yield Step("present", None, "it is still on the device, and goes at the next occasion")


def _told(step: Step) -> Step:
    words = step.words
    return step._replace(words=words[:1].upper() + words[1:] + ("" if words[-1:] == "." else "."))
