"""What Apple says about declarations, as values: types, their keys, and who understands them.

Apple: https://developer.apple.com/documentation/devicemanagement/devicemanagement-declarations
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from zmdm_plugin.protocol.platform import Platform

Kind = Literal["activation", "asset", "configuration", "credential", "management"]
ValueKind = Literal[
    "any", "array", "boolean", "data", "date", "dictionary", "integer", "real", "string"
]
Channel = Literal["device", "user"]

#: The name of a key that stands for any name.
ANY: Final = "ANY"


@dataclass(frozen=True, slots=True)
class Support:
    """From which version on, and for whom, one platform understands something.

    None means that nothing is said: of a key, that what holds for its type holds. `enrollments`
    are of supervised, device, user and local; `channels` are the channels it may come through,
    `shared_ipad` the same on a Shared iPad. Versions are as Apple writes them.
    """

    never: bool = False
    introduced: str | None = None
    removed: str | None = None
    enrollments: frozenset[str] | None = None
    channels: frozenset[Channel] | None = None
    shared_ipad: frozenset[Channel] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a payload, or (without a name) one shape that an item of an array may have.

    `keys` are those of a dictionary or the shapes of an array's items; `shape` names them
    instead where they are shared or hold themselves. `assets` and `content_types` say what the
    value refers to; of an array, what each item refers to.
    """

    name: str
    kind: ValueKind
    required: bool = False
    values: tuple[str | int, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    items: tuple[int, int] | None = None
    assets: tuple[str, ...] = ()
    content_types: tuple[str, ...] = ()
    support: Mapping[Platform, Support] = field(default_factory=dict)
    keys: tuple[Key, ...] = ()
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class DeclarationType:
    """One type of declaration. `apply` tells what several of it on one channel come to."""

    name: str
    apply: Literal["single", "multiple", "combined"] | None
    support: Mapping[Platform, Support]
    keys: tuple[Key, ...]

    @property
    def kind(self) -> Kind:
        """Which of a manifest's lists it stands in; a credential is what an asset downloads."""
        return kind_of(self.name)


@dataclass(frozen=True, slots=True)
class Schema(Mapping[str, DeclarationType]):
    """All declaration types by name, and the shapes that their keys share."""

    types: Mapping[str, DeclarationType]
    shapes: Mapping[str, tuple[Key, ...]]

    def __getitem__(self, name: str) -> DeclarationType:
        return self.types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.types)

    def __len__(self) -> int:
        return len(self.types)

    def inside(self, key: Key | DeclarationType) -> tuple[Key, ...]:
        """The keys of a dictionary, or the shapes of an array's items."""
        if isinstance(key, Key) and key.shape is not None:
            return self.shapes[key.shape]
        return key.keys

    def names(self, kind: Kind) -> frozenset[str]:
        """The types of a kind."""
        return frozenset(name for name in self.types if kind_of(name) == kind)


_PREFIX: Final = "com.apple."
_KINDS: Final[Mapping[str, Kind]] = {
    "activation": "activation",
    "asset": "asset",
    "configuration": "configuration",
    "credential": "credential",
    "management": "management",
}


def is_declaration(name: str) -> bool:
    """Whether this is the name of a type, of a kind that we know what to do with."""
    return name.startswith(_PREFIX) and name.removeprefix(_PREFIX).partition(".")[0] in _KINDS


def kind_of(name: str) -> Kind:
    """The kind that a type's name says; KeyError if it says none."""
    return _KINDS[name.removeprefix(_PREFIX).partition(".")[0]]
