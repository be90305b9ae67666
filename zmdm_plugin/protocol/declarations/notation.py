"""A notation for declaration types that a person can read, and review line by line.

    configuration.account.caldav multiple i15.0:SDUL:d:du m13.0:SUL:u
     HostName* str
     Port int
     Credentials str @credential.userpassword
    shape Folder
     - dict

A line without indentation begins a type (`com.apple.` is left out) or a shape; below it stand its
keys, one space further in for each level. After a key: `*` if required, its kind, then

    =A|B       one of these                   &Name      its keys are those of a shape
    3..9       within a range                 #2..2      so many items
    @a,b       refers to an asset of a type   ~a,b       with such a content
    i17.0      a platform where it differs

`-` stands for an item of an array. A platform is its first letter and the version that brought it
(`!` for never, `-18.0` behind it for the version that took it away), then after colons and each
empty if not said: enrollments (Supervised, Device, User, Local), channels (device, user), the same
on a Shared iPad; `0` is none at all. Content types are shortened: see `_CONTENT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from zmdm_plugin.protocol.declarations.schema import (
    Channel,
    DeclarationType,
    Key,
    Schema,
    Support,
    ValueKind,
)
from zmdm_plugin.protocol.platform import Platform

_PREFIX: Final = "com.apple."
_ASSET: Final = "com.apple.asset."
_KINDS: Final[Mapping[str, ValueKind]] = {
    "any": "any",
    "arr": "array",
    "bool": "boolean",
    "data": "data",
    "date": "date",
    "dict": "dictionary",
    "int": "integer",
    "real": "real",
    "str": "string",
}
_SHORT_KINDS: Final = {kind: short for short, kind in _KINDS.items()}
_PLATFORMS: Final = {
    "i": Platform.IOS,
    "m": Platform.MACOS,
    "t": Platform.TVOS,
    "v": Platform.VISIONOS,
    "w": Platform.WATCHOS,
}
_LETTERS: Final = {platform: letter for letter, platform in _PLATFORMS.items()}
_ENROLLMENTS: Final = {"S": "supervised", "D": "device", "U": "user", "L": "local"}
_CHANNELS: Final[Mapping[str, Channel]] = {"d": "device", "u": "user"}
_CONTENT: Final = {
    "json": ("application/json",),
    "zip": ("application/zip",),
    "certificate": ("application/pkcs1", "application/pem"),
    "plist": ("application/plist", "application/x-plist", "application/xml", "text/xml"),
}
_RANGE: Final = re.compile(r"(-?[0-9.]*?)\.\.(-?[0-9.]*)")
_LINE: Final = re.compile(r"( *)(.+?)(\*?) (any|arr|bool|data|date|dict|int|real|str)((?: \S+)*)")


def read(text: str) -> Schema:
    """A schema from the notation; ValueError names a line that cannot be read."""
    types: dict[str, DeclarationType] = {}
    shapes: dict[str, tuple[Key, ...]] = {}
    for head, lines in _sections(text):
        keys = _read_keys(lines)
        name, *rest = head.split()
        if name == "shape":
            shapes[rest[0]] = keys
            continue
        apply = rest.pop(0) if rest and rest[0] in ("single", "multiple", "combined") else None
        types[_PREFIX + name] = DeclarationType(
            _PREFIX + name, cast(Any, apply), _read_support(rest), keys
        )
    return Schema(types, shapes)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    head, lines = "", list[str]()
    for line in filter(None, text.splitlines()):
        if line[0] == " ":
            lines.append(line)
            continue
        if head:
            yield head, lines
        head, lines = line, []
    if head:
        yield head, lines


def _read_keys(lines: list[str], depth: int = 1) -> tuple[Key, ...]:
    """The keys at one depth, each with the deeper lines that follow it."""
    keys: list[Key] = []
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end].startswith(" " * (depth + 1)):
            end += 1
        keys.append(_read_key(lines[at], _read_keys(lines[at + 1 : end], depth + 1)))
        at = end
    return tuple(keys)


def _read_key(line: str, keys: tuple[Key, ...]) -> Key:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"This is no key of a declaration: {line!r}")
    _, name, star, kind, rest = found.groups()
    words: dict[str, Any] = {}
    platforms: list[str] = []
    for word in rest.split():
        if (meaning := _read_word(word, kind)) is not None:
            words.update(meaning)
        else:
            platforms.append(word)
    return Key(
        "" if name == "-" else name,
        _KINDS[kind],
        bool(star),
        **words,
        support=_read_support(platforms),
        keys=keys,
    )


def _read_word(word: str, kind: str) -> dict[str, Any] | None:
    """What a word after a key says; None for a platform."""
    rest = word[1:]
    match word[0]:
        case "=":
            values = rest.split("|")
            return {"values": tuple(map(int, values) if kind == "int" else values)}
        case "&":
            return {"shape": rest}
        case "#":
            return {"items": tuple(map(int, rest.split("..")))}
        case "@":
            return {"assets": tuple(_ASSET + name for name in rest.split(","))}
        case "~":
            return {
                "content_types": tuple(one for name in rest.split(",") for one in _CONTENT[name])
            }
        case _ if bounds := _RANGE.fullmatch(word):
            return {"minimum": _number(bounds[1]), "maximum": _number(bounds[2])}
        case _:
            return None


def _number(text: str) -> float | None:
    if not text:
        return None
    return float(text) if "." in text else int(text)


def _read_support(words: Iterable[str]) -> dict[Platform, Support]:
    return {_PLATFORMS[word[0]]: _read_platform(word[1:]) for word in words}


def _read_platform(word: str) -> Support:
    versions, *sets = word.split(":")
    introduced, _, removed = versions.partition("-")
    enrollments, channels, shared = [*sets, "", "", ""][:3]
    return Support(
        never=introduced == "!",
        introduced=introduced if introduced not in ("", "!") else None,
        removed=removed or None,
        enrollments=_read_set(enrollments, _ENROLLMENTS),
        channels=cast("frozenset[Channel] | None", _read_set(channels, _CHANNELS)),
        shared_ipad=cast("frozenset[Channel] | None", _read_set(shared, _CHANNELS)),
    )


def _read_set(letters: str, names: Mapping[str, str]) -> frozenset[str] | None:
    if not letters:
        return None
    return frozenset(names[letter] for letter in letters if letter != "0")


def write_type(declaration: DeclarationType) -> list[str]:
    """The lines of a type."""
    words = [declaration.name.removeprefix(_PREFIX)]
    words += [declaration.apply] if declaration.apply else []
    return [
        " ".join([*words, *_write_support(declaration.support)]),
        *_write_keys(declaration.keys),
    ]


def write_shape(name: str, keys: Iterable[Key]) -> list[str]:
    """The lines of a shape."""
    return [f"shape {name}", *_write_keys(keys)]


def _write_keys(keys: Iterable[Key], depth: int = 1) -> Iterator[str]:
    for key in keys:
        star = "*" if key.required else ""
        words = [f"{key.name or '-'}{star}", _SHORT_KINDS[key.kind], *_write_words(key)]
        yield " " * depth + " ".join(words)
        yield from _write_keys(key.keys, depth + 1)


def _write_words(key: Key) -> Iterator[str]:
    if key.values:
        yield "=" + "|".join(map(str, key.values))
    if key.minimum is not None or key.maximum is not None:
        low, high = ("" if bound is None else str(bound) for bound in (key.minimum, key.maximum))
        yield f"{low}..{high}"
    if key.items:
        yield f"#{key.items[0]}..{key.items[1]}"
    if key.assets:
        yield "@" + ",".join(name.removeprefix(_ASSET) for name in key.assets)
    if key.content_types:
        yield "~" + next(short for short, full in _CONTENT.items() if full == key.content_types)
    if key.shape is not None:
        yield f"&{key.shape}"
    yield from _write_support(key.support)


def _write_support(support: Mapping[Platform, Support]) -> Iterator[str]:
    for platform, rule in support.items():
        versions = "!" if rule.never else rule.introduced or ""
        versions += f"-{rule.removed}" if rule.removed else ""
        sets = [
            _write_set(rule.enrollments, _ENROLLMENTS),
            _write_set(rule.channels, _CHANNELS),
            _write_set(rule.shared_ipad, _CHANNELS),
        ]
        yield ":".join([f"{_LETTERS[platform]}{versions}", *sets]).rstrip(":")


def _write_set(chosen: frozenset[str] | None, names: Mapping[str, str]) -> str:
    if chosen is None:
        return ""
    return "".join(letter for letter, name in names.items() if name in chosen) or "0"
