"""Apple's own description of declarations, read from a checkout of it, instead of our table.

For whoever needs a type that Apple published after our table was made:
https://github.com/apple/device-management
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from zmdm_plugin.errors import ConfigError
from zmdm_plugin.protocol.declarations.schema import (
    ANY,
    Channel,
    DeclarationType,
    Key,
    Schema,
    Support,
    ValueKind,
    is_declaration,
)
from zmdm_plugin.protocol.declarations.table import TABLE
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.state import state

try:
    import yaml
except ImportError:  # an extra: most servers live on our table
    yaml = None  # type: ignore[assignment]

#: Where declarations stand in a checkout; what stands in a later folder wins.
FOLDERS = ("declarative/declarations", "newer/declarative/declarations")

_CHANNELS: Mapping[str, Channel] = {"system": "device", "user": "user"}
Page = Mapping[str, Any]


def load(folder: Path) -> Schema:
    """Read every page below `folder`; ConfigError if there is none or one cannot be read."""
    if yaml is None:
        raise ConfigError("ZMDM_APPLE_SCHEMA needs PyYAML: pip install 'zmdm-plugin[schema]'")
    pages: dict[str, Page] = {}
    for path in _paths(folder):
        page = _page(path)
        about = page["payload"]
        name = about.get("declarationtype") or about.get("credentialtype")
        if name and is_declaration(name):
            pages[name] = page
    if not pages:
        raise ConfigError(f"ZMDM_APPLE_SCHEMA: {folder} has no {FOLDERS[0]}/**/*.yaml in it")
    try:
        return _schema(pages)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ConfigError(f"ZMDM_APPLE_SCHEMA: {folder} is of another form: {error!r}") from error


def current() -> Schema:
    """What declarations are checked against here: the folder of the setting, else our table."""
    folder = state().settings.apple_schema
    if not folder:
        return TABLE
    kept: Schema | None = state().cache.get("apple_schema")
    if kept is None:
        kept = state().cache["apple_schema"] = load(Path(folder))
    return kept


def _paths(folder: Path) -> Iterator[Path]:
    for name in FOLDERS:
        yield from sorted((folder / name).rglob("*.yaml"))


def _page(path: Path) -> Page:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        page = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ConfigError(f"ZMDM_APPLE_SCHEMA: {path} cannot be read: {error}") from error
    if not isinstance(page, dict) or not isinstance(page.get("payload"), dict):
        raise ConfigError(f"ZMDM_APPLE_SCHEMA: {path} does not describe a declaration")
    return page


def _schema(pages: Mapping[str, Page]) -> Schema:
    reader = _Reader()
    types = {name: reader.declaration(name, pages[name]) for name in sorted(pages)}
    return Schema(types, reader.shapes)


class _Reader:
    """Pages to values. Lists of keys that stand in several places (some inside themselves) become
    shapes, named after Apple's name for them and the type they stand in."""

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Key, ...]] = {}
        self._names: dict[int, str] = {}

    def declaration(self, name: str, page: Page) -> DeclarationType:
        """One type; its keys may be none at all."""
        about, keys = page["payload"], page.get("payloadkeys") or []
        self._name_shapes(name.removeprefix("com.apple.").removeprefix("configuration."), keys)
        return DeclarationType(
            name,
            about.get("apply"),
            {
                platform: rule
                for platform, rule in _support(about.get("supportedOS")).items()
                if not rule.never
            },
            tuple(self._key(key) for key in keys),
        )

    def _name_shapes(self, prefix: str, keys: list[Page]) -> None:
        seen: Counter[int] = Counter()
        shared: dict[int, Page] = {}

        def walk(part: Iterable[Page]) -> None:
            for key in part:
                if not (subkeys := key.get("subkeys")):
                    continue
                seen[id(subkeys)] += 1
                if seen[id(subkeys)] > 1:
                    shared.setdefault(id(subkeys), key)
                else:
                    walk(subkeys)

        walk(keys)
        for place, (number, key) in enumerate(shared.items(), start=1):
            name = f"{prefix}/{key.get('subkeytype') or key['key']}"
            taken = name in self._names.values()
            self._names[number] = f"{name}{place}" if taken else name
        for number, key in shared.items():
            self.shapes[self._names[number]] = self._keys(key)

    def _keys(self, key: Page) -> tuple[Key, ...]:
        nameless = key["type"] == "<array>"
        return tuple(self._key(sub, nameless=nameless) for sub in key.get("subkeys") or ())

    def _key(self, key: Page, *, nameless: bool = False) -> Key:
        bounds, items = key.get("range") or {}, self._items(key)
        shape = self._names.get(id(key.get("subkeys")))
        return Key(
            name="" if nameless else key["key"],
            kind=cast(ValueKind, key["type"].strip("<>")),
            required=key.get("presence") == "required" and not nameless and key["key"] != ANY,
            values=tuple(key.get("rangelist") or ()),
            minimum=bounds.get("min"),
            maximum=bounds.get("max"),
            items=items,
            assets=tuple(key.get("assettypes") or ()),
            content_types=tuple(key.get("asset-content-types") or ()),
            support=_support(key.get("supportedOS")),
            keys=() if shape else self._keys(key),
            shape=shape,
        )

    @staticmethod
    def _items(key: Page) -> tuple[int, int] | None:
        """How many: Apple writes it at the item, and we at the array."""
        for item in key.get("subkeys") or () if key["type"] == "<array>" else ():
            if repetition := item.get("repetition"):
                return repetition["min"], repetition["max"]
        return None


def _support(rules: Mapping[str, Mapping[str, Any]] | None) -> dict[Platform, Support]:
    return {Platform(name): _rule(rule) for name, rule in (rules or {}).items()}


def _rule(rule: Mapping[str, Any]) -> Support:
    introduced = rule.get("introduced")
    return Support(
        never=introduced == "n/a",
        introduced=None if introduced == "n/a" else introduced,
        removed=rule.get("removed"),
        enrollments=_set(rule.get("allowed-enrollments")),
        channels=_channels(rule.get("allowed-scopes")),
        shared_ipad=_channels((rule.get("sharedipad") or {}).get("allowed-scopes")),
    )


def _set(values: Iterable[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _channels(scopes: Iterable[str] | None) -> frozenset[Channel] | None:
    return None if scopes is None else frozenset(_CHANNELS[scope] for scope in scopes)
