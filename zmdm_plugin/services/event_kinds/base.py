"""What a kind of event is: its name, what it means, and what its payload holds, under a version.

A payload's version counts up when a key goes, or gets another sense or type; a key that is only
added leaves it. Old rows keep the version that they were written under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "list of strings": (list, tuple),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a payload; a key that is not `required` is left out where there is nothing."""

    type: str
    about: str
    required: bool = True

    def takes(self, value: Any) -> bool:
        """Whether a value has the type; True and False are no integers here."""
        if isinstance(value, bool) and self.type != "boolean":
            return False
        return isinstance(value, _TYPES[self.type])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of event."""

    name: str
    title: str
    """What people read, e.g. in a list."""
    about: str
    version: int = 1
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def area(self) -> str:
        """What it begins with: filters and retention take `device.` for all of them."""
        return self.name.partition(".")[0]

    def faults(self, payload: Mapping[str, Any]) -> str:
        """What is off the schema, in words; empty if nothing is. Asked for every event."""
        for name, value in payload.items():
            known = self.fields.get(name)
            if known is None:
                return f"{self.name} has no {name!r}"
            if not known.takes(value):
                return f"{self.name}: {name!r} is no {known.type}"
        for name, known in self.fields.items():
            if known.required and name not in payload:
                return f"{self.name} lacks {name!r}"
        return ""


def kind(name: str, title: str, about: str, /, *, revision: int = 1, **fields: Field) -> Kind:
    """One line of a catalogue; `revision` is the payload's version, which may be a key of it."""
    return Kind(name=name, title=title, about=about, version=revision, fields=fields)


def text(about: str) -> Field:
    return Field("string", about)


def maybe_text(about: str) -> Field:
    return Field("string", about, required=False)


def number(about: str) -> Field:
    return Field("integer", about)


def maybe_number(about: str) -> Field:
    return Field("integer", about, required=False)


CHANNEL = maybe_text("A user channel of the device; left out: the device's own.")
NAME = text("Its name.")


def catalogue(*areas: Iterable[Kind]) -> dict[str, Kind]:
    """All kinds by name; a name that stands twice is a mistake."""
    found: dict[str, Kind] = {}
    for area in areas:
        for one in area:
            if one.name in found:
                raise ValueError(f"the kind of event {one.name!r} stands twice")
            found[one.name] = one
    return found
