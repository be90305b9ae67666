"""A scope in one sentence, for people who have to see at a glance who gets something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Bounds, Scope


def words(scope: Scope | Mapping[str, Any], tags: Mapping[int, str]) -> str:
    """`macOS from 14 before 16, iOS; not tagged “Lab”; 20 of 100 shards, all of tag “Pilot”`.

    `tags`: names by id; a tag without a name here is told by its id.
    """
    known = scope if isinstance(scope, Scope) else Scope.from_json(scope)
    parts = [", ".join(_platform(*pair) for pair in sorted(known.platforms.items()))]
    if known.excluded_tags:
        names = sorted(_named(tag, tags) for tag in known.excluded_tags)
        parts.append(f"not tagged {' or '.join(names)}")
    if known.sharded:
        parts.append(_shards(known, tags))
    return "; ".join(parts)


def everything(scope: Scope | Mapping[str, Any], platforms: list[str]) -> bool:
    """Whether every device of these platforms is in."""
    known = scope if isinstance(scope, Scope) else Scope.from_json(scope)
    return known.covers([Platform(name) for name in platforms])


def _platform(platform: Platform, bounds: Bounds) -> str:
    first, last = bounds
    said = str(platform)
    if first:
        said += f" from {first}"
    if last:
        said += f" before {last}"
    return said


def _shards(scope: Scope, tags: Mapping[int, str]) -> str:
    raised = {tag: shard for tag, shard in scope.tag_shards.items() if shard > scope.default_shard}
    all_of = sorted(_named(tag, tags) for tag, shard in raised.items() if shard == scope.modulo)
    some = [
        f"{shard} of {scope.modulo} of tag {_named(tag, tags)}"
        for tag, shard in sorted(raised.items())
        if shard < scope.modulo
    ]
    if not scope.default_shard and not raised:
        return "no device at all"
    if not scope.default_shard and not some:
        return f"only tagged {' or '.join(all_of)}"
    parts = [f"{scope.default_shard} of {scope.modulo} shards"] if scope.default_shard else []
    parts += [f"all of tag {name}" for name in all_of]
    return ", ".join([*parts, *some])


def _named(tag: int, tags: Mapping[int, str]) -> str:
    return f"“{tags[tag]}”" if tag in tags else str(tag)
