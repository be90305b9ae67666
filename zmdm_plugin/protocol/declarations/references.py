"""Which declarations a declaration names, and putting other names in their place.

Operators refer to declarations by names of their own; devices know the identifiers we give.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from zmdm_plugin.protocol.declarations.schema import ANY, Key, Schema
from zmdm_plugin.protocol.declarations.table import TABLE
from zmdm_plugin.protocol.problems import joined

Path = tuple[str | int, ...]

#: What Apple's pages do not mark: keys that hold identifiers of configurations.
_CONFIGURATIONS: Final = {("com.apple.activation.simple", "StandardConfigurations")}


@dataclass(frozen=True, slots=True)
class Reference:
    """One place in a payload that names another declaration.

    `path` is for `replace`; `where` is the same for people. `allowed_types` are the types it may
    name; `content_types`, if any, are what an asset's data may be.
    """

    path: Path
    value: str
    kind: Literal["asset", "configuration"]
    allowed_types: frozenset[str]
    content_types: frozenset[str] = frozenset()

    @property
    def where(self) -> str:
        """As in `Relays[0].CredentialAssetReference`."""
        text = ""
        for part in self.path:
            text = joined(text, part)
        return text


def references(
    type_name: str, payload: Mapping[str, Any], *, schema: Schema = TABLE
) -> list[Reference]:
    """Everything a payload refers to, in its order; nothing for a type that is not known."""
    declaration = schema.get(type_name)
    if declaration is None:
        return []
    configurations = schema.names("configuration")
    marked = [
        Reference(path, value, "configuration", configurations)
        for owner, name in _CONFIGURATIONS
        if owner == type_name
        for path, value in _texts(payload.get(name), (name,))
    ]
    return marked + list(_of_keys(schema, schema.inside(declaration), payload, ()))


def replace(payload: Any, path: Sequence[str | int], value: str) -> Any:
    """A copy of a payload with another value at a path; what is not on the path is shared."""
    if not path:
        return value
    first, *rest = path
    if isinstance(payload, list):
        index = cast(int, first)
        return [
            *payload[:index],
            replace(payload[index], rest, value),
            *payload[index + 1 :],
        ]
    return {**payload, first: replace(payload[first], rest, value)}


def _of_keys(
    schema: Schema, keys: Collection[Key], payload: Mapping[str, Any], path: Path
) -> Iterator[Reference]:
    known = {key.name: key for key in keys}
    wildcard = known.get(ANY)
    for name, value in payload.items():
        if key := known.get(name, wildcard):
            yield from _of_value(schema, key, value, (*path, name))


def _of_value(schema: Schema, key: Key, value: object, path: Path) -> Iterator[Reference]:
    if key.assets:
        for place, text in _texts(value, path):
            yield Reference(
                place, text, "asset", frozenset(key.assets), frozenset(key.content_types)
            )
    elif isinstance(value, dict):
        yield from _of_keys(schema, schema.inside(key), value, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            for shape in schema.inside(key):
                yield from _of_value(schema, shape, item, (*path, number))


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """A string, or the strings of an array; anything else is for `validate` to refuse."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, str):
                yield (*path, number), item
