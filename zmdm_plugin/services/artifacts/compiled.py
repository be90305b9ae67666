"""A blueprint as values: all that deciding needs, and nothing that has to be loaded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Scope
from zmdm_plugin.protocol.who import ChannelKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that may be chosen; its content and source stay in its row."""

    id: int
    uid: str
    number: int
    scope: Scope
    sha256: str = ""
    variables: frozenset[str] = frozenset()
    location_asset: int | None = None
    """Of a store app: whose licences it takes."""
    declarable: bool = False
    """Of an app: a declaration can say all that it is to be installed with."""
    configured: bool = False
    """Of an app: it has a configuration, which a declaration names as an asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An artifact; `versions` has the one of highest rank first and ends with one for all."""

    id: int
    uid: str
    name: str
    type: str
    identifier: str
    channel: ChannelKind
    platforms: frozenset[Platform]
    install_during_setup_assistant: bool = False
    auto_update: bool = True
    reinstall_interval: int = 0
    reinstall_on_os_update: str = "no"
    declaration_type: str | None = None
    requires: tuple[int, ...] = ()
    references: tuple[int, ...] = ()
    versions: tuple[Version, ...] = ()

    @property
    def needs(self) -> tuple[int, ...]:
        """What has to be there first, for whatever reason; artifact ids."""
        return tuple(dict.fromkeys((*self.requires, *self.references)))


class Link(NamedTuple):
    """An artifact in the blueprint; its uid is what its shards are told by."""

    uid: str
    scope: Scope


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A blueprint of one revision: its links, and every artifact that they reach."""

    blueprint_id: int
    uid: str
    revision: int
    legacy_profiles_via_ddm: bool = True
    apps_via_ddm: bool = False
    inventory_interval: int = 86400
    """Seconds."""
    collect: tuple[tuple[str, bool], ...] = ()
    """Lists to ask for: command name, managed items only."""
    links: Mapping[int, Link] = field(default_factory=dict)
    """By artifact id."""
    items: Mapping[int, Item] = field(default_factory=dict)
    """By artifact id."""

    def scopes(self) -> Iterator[tuple[str, Scope]]:
        """Every scope with the uid of what it is for, in an order that does not change."""
        yield from ((link.uid, link.scope) for _, link in sorted(self.links.items()))
        for _, item in sorted(self.items.items()):
            yield from ((version.uid, version.scope) for version in item.versions)

    @cached_property
    def deciding(self) -> tuple[tuple[str, Scope], ...]:
        """The scopes for which a tag or the serial number matters."""
        return tuple(
            (uid, scope) for uid, scope in self.scopes() if scope.excluded_tags or scope.sharded
        )
