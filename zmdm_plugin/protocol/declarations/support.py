"""Which devices understand a declaration, and which of its keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from zmdm_plugin.protocol.declarations.schema import ANY, Channel, Key, Schema, Support
from zmdm_plugin.protocol.declarations.table import TABLE
from zmdm_plugin.protocol.platform import Platform, at_least, version
from zmdm_plugin.protocol.problems import Level, Problem, bounded, joined

#: The first version of each platform that knows declarations at all.
FIRST: Final[Mapping[Platform, str]] = {
    Platform.IOS: "15.0",
    Platform.MACOS: "13.0",
    Platform.TVOS: "16.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}
#: iOS 15 knows them in user enrollments, and from here on in all.
_ALL_ENROLLMENTS: Final = "16.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Who is to understand it; None where it is not known, which never refuses."""

    os: str | None = None
    enrollment: str | None = None
    channel: Channel | None = None
    shared_ipad: bool = False


def supported(
    type_name: str,
    platform: Platform,
    os: str | None,
    *,
    supervised: bool | None,
    user_enrollment: bool,
    channel: Channel,
    shared_ipad: bool = False,
    schema: Schema = TABLE,
) -> str | None:
    """Why a device does not understand a type, in words; None if it does (or might)."""
    declaration = schema.get(type_name)
    if declaration is None:
        return f"{type_name} is not a type of declaration that Apple knows"
    if why := knows_declarations(platform, os, user_enrollment=user_enrollment):
        return why
    rule = declaration.support.get(platform.family)
    if rule is None:
        return f"is not known on {platform}"
    enrollment = _enrollment(platform, supervised=supervised, user_enrollment=user_enrollment)
    reader = _Reader(os=os, enrollment=enrollment, channel=channel, shared_ipad=shared_ipad)
    return next(_refusals(rule, platform, reader), None)


def key_supported(
    type_name: str, key: str, platform: Platform, os: str | None, *, schema: Schema = TABLE
) -> str | None:
    """Why a device that understands a type does not know a key of it; None if it does."""
    found = next((one for one in schema[type_name].keys if one.name == key), None)
    if found is None:
        return f"{key} is no key of {type_name} that Apple knows"
    rule = found.support.get(platform.family)
    if rule is None:
        return None
    if rule.never:
        return f"is not known on {platform}"
    return next(_refusals(rule, platform, _Reader(os=os)), None)


def knows_declarations(platform: Platform, os: str | None, *, user_enrollment: bool) -> str | None:
    """Why a device knows no declarations at all; None if it does (or might)."""
    first = FIRST[platform.family]
    if not at_least(os, first):
        return f"needs {platform} {first}"
    ios = platform.family is Platform.IOS
    if ios and not user_enrollment and not at_least(os, _ALL_ENROLLMENTS):
        return f"needs {platform} {_ALL_ENROLLMENTS} (15 knows declarations in user enrollments)"
    return None


def unsupported(
    type_name: str,
    payload: Mapping[str, Any],
    *,
    platforms: Collection[Platform],
    channel: Channel,
    schema: Schema = TABLE,
) -> list[Problem]:
    """What no device of these platforms will ever take through this channel, before it is saved.

    An error if that holds for the whole on each of them; a warning for one platform among
    others, and for keys that none of those which take the type understands.
    """
    declaration = schema.get(type_name)
    if declaration is None:
        return []
    reader = _Reader(channel=channel)
    why = {
        platform: refusal
        for platform in platforms
        if (refusal := _never(declaration.support.get(platform.family), platform, reader))
    }
    taking = [platform for platform in platforms if platform not in why]
    level: Level = "warning" if taking else "error"
    problems = [Problem("", f"{type_name} {text}", level) for text in why.values()]
    keys = schema.inside(declaration)
    return bounded(chain(problems, _keys(schema, keys, payload, taking, reader, "")))


def _never(rule: Support | None, platform: Platform, reader: _Reader) -> str | None:
    if rule is None:
        return f"is not known on {platform}"
    channels = (rule.channels or frozenset()) | (rule.shared_ipad or frozenset())
    if rule.channels is not None and reader.channel not in channels:
        return f"is not taken through the {reader.channel} channel on {platform}"
    return None


def _keys(
    schema: Schema,
    keys: Sequence[Key],
    payload: Mapping[str, Any],
    platforms: list[Platform],
    reader: _Reader,
    path: str,
) -> Iterator[Problem]:
    known = {key.name: key for key in keys}
    for name, value in payload.items():
        key = known.get(name, known.get(ANY))
        if key is None or not platforms:
            continue
        place = joined(path, name)
        left = [one for one in platforms if not _drops(key.support.get(one.family), one, reader)]
        if not left:
            names = ", ".join(platforms)
            why = f"is not understood on {names} through the {reader.channel} channel"
            yield Problem(place, why, "warning")
        elif isinstance(value, dict):
            yield from _keys(schema, schema.inside(key), value, left, reader, place)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                for shape in schema.inside(key) if isinstance(item, dict) else ():
                    inside = schema.inside(shape)
                    yield from _keys(schema, inside, item, left, reader, joined(place, number))


def _drops(rule: Support | None, platform: Platform, reader: _Reader) -> bool:
    return rule is not None and (rule.never or _never(rule, platform, reader) is not None)


def _refusals(rule: Support, platform: Platform, reader: _Reader) -> Iterator[str]:
    if rule.introduced and not at_least(reader.os, rule.introduced):
        yield f"needs {platform} {rule.introduced}"
    numbers = version(reader.os)
    if rule.removed and numbers and numbers >= version(rule.removed):
        yield f"is gone since {platform} {rule.removed}"
    if rule.enrollments is not None and reader.enrollment not in (None, *rule.enrollments):
        yield f"needs {_enrollments(rule.enrollments)}"
    channels = rule.channels
    if reader.shared_ipad and rule.shared_ipad is not None:
        channels = rule.shared_ipad
    if channels is not None and reader.channel not in channels:
        yield f"is not taken through the {reader.channel} channel on {platform}"


def _enrollment(
    platform: Platform, *, supervised: bool | None, user_enrollment: bool
) -> str | None:
    """Apple's word for how a device is enrolled; every Mac that knows declarations is supervised,
    unless it is enrolled by its user."""
    if user_enrollment:
        return "user"
    if platform is Platform.MACOS:
        return "supervised"
    return None if supervised is None else "supervised" if supervised else "device"


def _enrollments(allowed: frozenset[str]) -> str:
    if allowed <= {"supervised", "local"}:
        return "supervision"
    if "user" not in allowed:
        return "a device enrollment, not one by the user"
    return "supervision or an enrollment by the user"
