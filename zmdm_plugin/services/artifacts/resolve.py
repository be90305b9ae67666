"""Which artifacts, in which versions, a channel should have: one pure function over values.

What is linked and in scope comes with all that it requires or refers to, prerequisites first.
What cannot be had (no version for this device, a prerequisite that cannot be had, a circle) is
left out with a reason, and so is what needs it; nothing else is affected.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zmdm_plugin.protocol.platform import version as numbers
from zmdm_plugin.protocol.scope import Facts, Verdict, in_shard, matches
from zmdm_plugin.services.artifacts.compiled import Compiled, Item, Link, Version

APPS = frozenset({"store_app", "enterprise_app"})
BY_COMMAND = frozenset({"profile", "provisioning_profile", *APPS})
"""Types that a device without declarations can have."""
DECLARED = frozenset({"profile", *APPS})
"""Those of them that a declaration can bring as well."""
DECLARED_ONLY = frozenset(
    {"data_asset", "cert_asset", "configuration", "activation", "asset", "management"}
)


class Chosen(NamedTuple):
    """An artifact that the channel should have, and in which version."""

    item: Item
    version: Version


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a channel should have, prerequisites first, and what it cannot have, by artifact id."""

    chosen: tuple[Chosen, ...] = ()
    left_out: Mapping[int, Verdict] = field(default_factory=dict)

    def of(self, artifact_id: int) -> Chosen | None:
        """The choice for one artifact."""
        return next((one for one in self.chosen if one.item.id == artifact_id), None)


NOTHING = Resolution()


def resolve(compiled: Compiled, facts: Facts) -> Resolution:
    """Decide; equal `scope_key`s give equal answers."""
    left_out: dict[int, Verdict] = {}
    roots = []
    for artifact_id, link in compiled.links.items():
        if (item := compiled.items.get(artifact_id)) is None:
            continue
        verdict = admitted(item, link, facts)
        if verdict.ok:
            roots.append(artifact_id)
        else:
            left_out[artifact_id] = verdict
    reached = _closure(compiled, roots)
    chosen: dict[int, Chosen] = {}
    for artifact_id in _in_order(compiled, reached, left_out):
        item = compiled.items[artifact_id]
        verdict, version = choose(item, facts)
        if verdict.ok:
            verdict = _prerequisites(compiled, item, chosen)
        if verdict.ok and version is not None:
            chosen[artifact_id] = Chosen(item, version)
            left_out.pop(artifact_id, None)
        else:
            left_out[artifact_id] = verdict
    return Resolution(tuple(chosen.values()), left_out)


def order(compiled: Compiled) -> list[int]:
    """All that a blueprint may bring to anybody, in the order of delivery; artifact ids."""
    return _in_order(compiled, _closure(compiled, list(compiled.links)), {})


def admitted(item: Item, link: Link, facts: Facts) -> Verdict:
    """Whether the blueprint's own link brings the artifact to this channel."""
    if item.channel is not facts.channel:
        return Verdict(False, "channel", f"it is for {item.channel} channels")
    if facts.awaiting and not item.install_during_setup_assistant:
        return Verdict(False, "setup_assistant", "the device is still in Setup Assistant")
    return matches(link.scope, facts, item=link.uid)


def choose(item: Item, facts: Facts) -> tuple[Verdict, Version | None]:
    """The version of highest rank whose scope includes the device, or why there is none."""
    if (verdict := _possible(item, facts)) is not None:
        return verdict, None
    if not item.versions:
        return Verdict(False, "version", "it has no version yet"), None
    verdicts = [matches(one.scope, facts, item=one.uid) for one in item.versions]
    for version, verdict in zip(item.versions, verdicts, strict=True):
        if verdict.ok:
            return Verdict(True, "version", f"version {version.number}"), version
    why = f"version {item.versions[0].number}: {verdicts[0].words}"
    return Verdict(False, "version", f"no version is for this device ({why})"), None


def _possible(item: Item, facts: Facts) -> Verdict | None:
    """What holds for the artifact in all its versions, linked or required."""
    if item.channel is not facts.channel:
        return Verdict(False, "channel", f"it is for {item.channel} channels")
    if facts.platform is not None and facts.platform not in item.platforms:
        names = ", ".join(sorted(item.platforms))
        return Verdict(False, "platform", f"it is for {names}; the device has {facts.platform}")
    if item.type in DECLARED_ONLY and not facts.declarations:
        return Verdict(False, "declarations", "the device's OS does not know declarations")
    return None


def _prerequisites(compiled: Compiled, item: Item, chosen: Mapping[int, Chosen]) -> Verdict:
    for needed in item.needs:
        if needed not in chosen:
            other = compiled.items.get(needed)
            name = f"“{other.name}”" if other else "an artifact"
            return Verdict(False, "requires", f"it needs {name}, which the device cannot have")
    return Verdict(True, "requires", "")


def _closure(compiled: Compiled, roots: list[int]) -> set[int]:
    """The roots and all that they need, directly or not."""
    reached: set[int] = set()
    waiting = list(roots)
    while waiting:
        artifact_id = waiting.pop()
        if artifact_id in reached or artifact_id not in compiled.items:
            continue
        reached.add(artifact_id)
        waiting += compiled.items[artifact_id].needs
    return reached


def _in_order(compiled: Compiled, reached: set[int], left_out: dict[int, Verdict]) -> list[int]:
    """Prerequisites first, else by name; what stands in a circle, or behind one, is left out."""
    open_needs = {one: set(compiled.items[one].needs) & reached for one in reached}
    dependents: dict[int, list[int]] = {}
    for one, needed in open_needs.items():
        for other in needed:
            dependents.setdefault(other, []).append(one)
    free = [(compiled.items[one].name, one) for one in reached if not open_needs[one]]
    heapq.heapify(free)
    ordered = []
    while free:
        _, one = heapq.heappop(free)
        ordered.append(one)
        for other in dependents.get(one, ()):
            open_needs[other].discard(one)
            if not open_needs[other]:
                heapq.heappush(free, (compiled.items[other].name, other))
    for one in reached.difference(ordered):
        words = "its requirements form a circle, or depend on one that does"
        left_out[one] = Verdict(False, "requires", words)
    return ordered


def scope_key(compiled: Compiled, facts: Facts) -> str:
    """What the answer depends on, as a short text: channels that share it share a manifest."""
    bits = "".join(
        "x"
        if scope.excluded_tags & facts.tags
        else "1"
        if in_shard(scope, facts, item=uid)
        else "0"
        for uid, scope in compiled.deciding
    )
    parts = (
        compiled.uid,
        compiled.revision,
        facts.platform or "",
        ".".join(map(str, numbers(facts.os_version))),
        int(facts.supervised),
        int(facts.user_enrollment),
        int(facts.awaiting),
        facts.channel,
        int(facts.declarations),
        bits,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
