"""Scopes: which devices a link, a version or an enforcement is for, as a pure test over facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol.platform import Platform, version
from zmdm_plugin.protocol.who import ChannelKind

MODULO = 100
"""Into how many shards devices fall unless a scope says otherwise."""
_KEYS = frozenset({"platforms", "excluded_tags", "shard_modulo", "default_shard", "tag_shards"})
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}\Z")
_MOST_TAGS = 500
_PLATFORMS = frozenset(map(str, Platform))

Bounds = tuple[str | None, str | None]
"""(the first OS version that is in, the first that is out again)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One channel as far as scopes and the choice of artifacts look at it."""

    platform: Platform | None
    os_version: str | None = None
    tags: frozenset[int] = frozenset()
    tag_names: Mapping[int, str] = field(default_factory=dict)
    """For sentences only."""
    serial_number: str = ""
    """What shards are told by: the serial number, or what stands for it where there is none."""
    supervised: bool = False
    user_enrollment: bool = False
    awaiting: bool = False
    """In Setup Assistant, waiting to be configured."""
    channel: ChannelKind = ChannelKind.DEVICE
    declarations: bool = False
    """Whether its OS knows declarative management."""


class Verdict(NamedTuple):
    """Whether a scope includes a device; `rule` is the one that decided, `words` say why."""

    ok: bool
    rule: str
    """platform | os | tags | shard; empty when all let it in"""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who gets it: platforms with OS versions, no excluded tag, and a part of what remains.

    A device whose shard number is below `default_shard` is in; a tag of the device may raise that
    bound. "Only these tags" is therefore a default of 0 and the whole modulo for each tag.
    """

    platforms: Mapping[Platform, Bounds]
    excluded_tags: frozenset[int] = frozenset()
    modulo: int = MODULO
    default_shard: int = MODULO
    tag_shards: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def everything(cls, platforms: Collection[Platform]) -> Scope:
        """All devices of these platforms."""
        return cls(platforms={platform: (None, None) for platform in platforms})

    @classmethod
    def from_json(cls, value: Any) -> Scope:
        """Read what `to_json` wrote or an operator says; Refused names the field at fault."""
        given = _mapping("scope", value)
        for key in given.keys() - _KEYS:
            raise Refused(f"scope.{key}"[:80], "is unknown")
        modulo = _number("shard_modulo", given.get("shard_modulo", MODULO), 1, MODULO)
        shards = _mapping("scope.tag_shards", given.get("tag_shards", {}))
        scope = cls(
            platforms=_platforms(given.get("platforms")),
            excluded_tags=frozenset(_tags(given.get("excluded_tags", []))),
            modulo=modulo,
            default_shard=_number("default_shard", given.get("default_shard", modulo), 0, modulo),
            tag_shards={
                _tag("tag_shards", tag): _number("tag_shards", shard, 1, modulo)
                for tag, shard in shards.items()
            },
        )
        if both := scope.excluded_tags & scope.tag_shards.keys():
            raise Refused("scope.tag_shards", f"tag {min(both)} is excluded, too")
        return scope

    def to_json(self) -> dict[str, Any]:
        return {
            "platforms": {
                str(platform): {"min": first, "max": last}
                for platform, (first, last) in sorted(self.platforms.items())
            },
            "excluded_tags": sorted(self.excluded_tags),
            "shard_modulo": self.modulo,
            "default_shard": self.default_shard,
            "tag_shards": {str(tag): shard for tag, shard in sorted(self.tag_shards.items())},
        }

    @property
    def tags(self) -> frozenset[int]:
        """The tags that this scope looks at."""
        return self.excluded_tags | self.tag_shards.keys()

    @property
    def sharded(self) -> bool:
        """Whether it takes a part of the devices only."""
        return self.default_shard < self.modulo

    def covers(self, platforms: Collection[Platform]) -> bool:
        """Whether every device of these platforms is in, so that nothing behind it is reached."""
        return (
            all(self.platforms.get(one) == (None, None) for one in platforms)
            and not self.excluded_tags
            and not self.sharded
        )


def matches(scope: Scope, facts: Facts, *, item: str) -> Verdict:
    """Whether `scope`, which is that of `item` (its uid), includes the device."""
    last = walk(scope, facts, item=item)[-1]
    return last if not last.ok else Verdict(True, "", "the scope includes the device")


def walk(scope: Scope, facts: Facts, *, item: str) -> list[Verdict]:
    """What each rule says, in order, up to the first that keeps the device out."""
    found = []
    for test in (_platform, _os, _excluded, _shard):
        found.append(test(scope, facts, item))
        if not found[-1].ok:
            break
    return found


def shard(item: str, serial_number: str, modulo: int) -> int:
    """The device's number for this item, 0 to modulo - 1; the same for ever."""
    digest = hashlib.sha256(f"{item}:{serial_number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % modulo


def in_shard(scope: Scope, facts: Facts, *, item: str) -> bool:
    """Whether the device is in the part that the scope takes."""
    return _shard(scope, facts, item).ok


def _platform(scope: Scope, facts: Facts, _item: str) -> Verdict:
    if facts.platform is None:
        return Verdict(False, "platform", "the platform of the device is not known yet")
    if facts.platform not in scope.platforms:
        known = ", ".join(sorted(scope.platforms)) or "no platform at all"
        return Verdict(False, "platform", f"it is for {known}; the device has {facts.platform}")
    return Verdict(True, "platform", f"it is for {facts.platform}")


def _os(scope: Scope, facts: Facts, _item: str) -> Verdict:
    """An unknown version is in only where any version is: a guess would install and remove."""
    first, last = scope.platforms[facts.platform] if facts.platform else (None, None)
    if first is None and last is None:
        return Verdict(True, "os", "any OS version will do")
    actual = version(facts.os_version)
    if not actual:
        return Verdict(False, "os", "the OS version of the device is not known yet")
    if first is not None and actual < version(first):
        return Verdict(False, "os", f"it needs {first} or newer; the device has {facts.os_version}")
    if last is not None and actual >= version(last):
        return Verdict(False, "os", f"it ends before {last}; the device has {facts.os_version}")
    return Verdict(True, "os", f"the OS version {facts.os_version} fits")


def _excluded(scope: Scope, facts: Facts, _item: str) -> Verdict:
    if hit := scope.excluded_tags & facts.tags:
        name = _named(facts, min(hit))
        return Verdict(False, "tags", f"the device has the tag {name}, which is excluded")
    return Verdict(True, "tags", "the device has no excluded tag")


def _shard(scope: Scope, facts: Facts, item: str) -> Verdict:
    if not scope.sharded:
        return Verdict(True, "shard", "it is for all of them")
    number = shard(item, facts.serial_number, scope.modulo)
    if number < scope.default_shard:
        return Verdict(True, "shard", f"shard {number} is below {scope.default_shard}")
    for tag in sorted(scope.tag_shards.keys() & facts.tags):
        if number < (bound := scope.tag_shards[tag]):
            words = f"shard {number} is below {bound}, by the tag {_named(facts, tag)}"
            return Verdict(True, "shard", words)
    words = f"shard {number} of {scope.modulo} is not below {scope.default_shard}"
    if scope.tag_shards:
        words += ", and no tag of the device raises that far enough"
    return Verdict(False, "shard", words)


def _named(facts: Facts, tag: int) -> str:
    return f"“{facts.tag_names[tag]}”" if tag in facts.tag_names else str(tag)


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused(name, "must be an object")
    return value


def _platforms(value: Any) -> dict[Platform, Bounds]:
    given = _mapping("scope.platforms", value)
    if not given:
        raise Refused("scope.platforms", "say at least one platform")
    found: dict[Platform, Bounds] = {}
    for name, bounds in given.items():
        if name not in _PLATFORMS:
            raise Refused("scope.platforms", f"{str(name)[:40]!r} is no platform")
        found[Platform(name)] = _bounds(name, bounds)
    return found


def _bounds(platform: str, value: Any) -> Bounds:
    where = f"scope.platforms.{platform}"
    given = _mapping(where, value or {})
    if given.keys() - {"min", "max"}:
        raise Refused(where, "has min and max, and nothing else")
    first, last = _os_version(where, given.get("min")), _os_version(where, given.get("max"))
    if first and last and version(first) >= version(last):
        raise Refused(where, "its max is excluded, so it must be above its min")
    return first, last


def _os_version(where: str, value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not _VERSION.match(value):
        raise Refused(where, "an OS version looks like 14, 14.2 or 14.2.1")
    return value


def _number(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Refused(f"scope.{name}", f"must be a number from {least} to {most}")
    return value


def _tags(value: Any) -> list[int]:
    if not isinstance(value, list | tuple | frozenset) or len(value) > _MOST_TAGS:
        raise Refused("scope.excluded_tags", f"must be a list of at most {_MOST_TAGS} tag ids")
    return [_tag("excluded_tags", tag) for tag in value]


def _tag(name: str, value: Any) -> int:
    """Keys of a JSON object are strings."""
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,17}", value, re.ASCII):
        value = int(value)
    if type(value) is not int or not 0 < value < 2**63:
        raise Refused(f"scope.{name}", "tags are named by their ids")
    return value
