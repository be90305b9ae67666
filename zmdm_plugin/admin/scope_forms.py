"""The form of a scope, for links and versions alike; it needs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from zmdm_plugin.admin.words import sentence
from zmdm_plugin.models import Tag
from zmdm_plugin.protocol.scope import MODULO
from zmdm_plugin.services import tags

_FIELD = "scope."


@dataclass(frozen=True, slots=True)
class PlatformRow:
    """One platform of the artifact: whether it is in, and from which OS to which."""

    name: str
    on: bool
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag: whether its devices stay out, or up to which shard they come in."""

    tag: Tag
    excluded: bool
    shard: str


@dataclass(slots=True)
class ScopeForm:
    """What a template needs, with what was typed and what was wrong with it."""

    platforms: list[PlatformRow]
    tags: list[TagRow]
    modulo: str
    default: str
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def narrow(self) -> bool:
        """Whether it says more than "every device"."""
        return (
            bool(self.faults)
            or any(not row.on or row.first or row.last for row in self.platforms)
            or any(row.excluded or row.shard for row in self.tags)
            or self.default != self.modulo
        )

    def blame(self, name: str, why: str) -> bool:
        """Put a fault where it belongs; False if it is about something else."""
        if name != "scope" and not name.startswith(_FIELD):
            return False
        self.faults[name.removeprefix(_FIELD)] = sentence(why)
        return True


def shown(scope: Mapping[str, Any] | None, platforms: Sequence[str]) -> ScopeForm:
    """The form with what is stored; None: every device of these platforms."""
    given = scope or {}
    bounds = given.get("platforms") or {name: {} for name in platforms}
    modulo = given.get("shard_modulo", MODULO)
    excluded, shards = given.get("excluded_tags", ()), given.get("tag_shards", {})
    return ScopeForm(
        platforms=[_platform(name, bounds) for name in platforms],
        tags=[
            TagRow(tag, tag.id in excluded, str(shards.get(str(tag.id), "")))
            for tag in tags.every()
        ],
        modulo=str(modulo),
        default=str(given.get("default_shard", modulo)),
    )


def typed(form: MultiDict[str, str], platforms: Sequence[str]) -> ScopeForm:
    """The form with what was typed, right or wrong."""
    return ScopeForm(
        platforms=[
            PlatformRow(
                name,
                name in form.getlist("platform"),
                form.get(f"min-{name}", "").strip(),
                form.get(f"max-{name}", "").strip(),
            )
            for name in platforms
        ],
        tags=[
            TagRow(
                tag,
                str(tag.id) in form.getlist("excluded"),
                form.get(f"shard-{tag.id}", "").strip(),
            )
            for tag in tags.every()
        ],
        modulo=form.get("shard_modulo", "").strip() or str(MODULO),
        default=form.get("default_shard", "").strip(),
    )


def asked(scope: ScopeForm) -> dict[str, Any]:
    """What the API would get; what is no number stays text, for the service to refuse."""
    return {
        "platforms": {
            row.name: {"min": row.first or None, "max": row.last or None}
            for row in scope.platforms
            if row.on
        },
        "excluded_tags": [row.tag.id for row in scope.tags if row.excluded],
        "shard_modulo": _number(scope.modulo),
        "default_shard": _number(scope.default or scope.modulo),
        "tag_shards": {str(row.tag.id): _number(row.shard) for row in scope.tags if row.shard},
    }


def _platform(name: str, bounds: Mapping[str, Any]) -> PlatformRow:
    limits = bounds.get(name) or {}
    return PlatformRow(name, name in bounds, limits.get("min") or "", limits.get("max") or "")


def _number(given: str) -> int | str:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else given
