"""What one device, with its system and its enrollment, takes of Apple's declarations and status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmdm_simulator.channel import Channel
from zmdm_simulator.declarative.catalogue import DECLARATIONS, STATUS_ITEMS
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS

if TYPE_CHECKING:
    from zmdm_simulator.core import DeviceCore

PREFIX = "com.apple."
LETTERS = {IOS: "i", IPADOS: "i", MACOS: "m", TVOS: "t", VISIONOS: "v", "watchOS": "w"}
# The system that brought declarations; an iPhone of version 15 knows them in user enrollments only.
ENGINE = {IOS: (16,), IPADOS: (16,), MACOS: (13,), TVOS: (16,), VISIONOS: (1, 1), "watchOS": (10,)}
FIRST_OF_USER_ENROLLMENT = (15,)
PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "": (str,),
    "i": (int,),
    "b": (bool,),
    "a": (list,),
    "d": (dict,),
    "r": (int, float),
    "D": (str,),
    "x": (object,),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something exists, on one platform; empty enrollments and scopes mean all."""

    version: tuple[int, ...]
    enrollments: str
    scopes: str
    shared_scopes: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a type's payload."""

    required: bool
    type: str

    def takes(self, value: object) -> bool:
        """Tell whether a value is of this key's type; a Boolean is no integer."""
        if isinstance(value, bool) and self.type not in {"b", "x"}:
            return False
        return isinstance(value, PYTHON_TYPES[self.type])


@dataclass(frozen=True, slots=True)
class Entry:
    """A declaration type or a status item; no keys at all means any."""

    places: Mapping[str, Place]
    keys: Mapping[str, Key]
    open: bool = False


def _place(text: str) -> Place:
    version, *rest = text.split("/")
    enrollments, scopes, shared = (*rest, "", "", "")[:3]
    numbers = tuple(int(part) for part in version.split("."))
    return Place(numbers, enrollments, scopes, shared or scopes)


def _entry(words: list[str]) -> Entry:
    places = {word[0]: _place(word[1:]) for word in words if word[1:2].isdigit()}
    keys = {}
    for word in words[len(places) :]:
        name, _, kind = word.partition(":")
        keys[name.rstrip("*").replace("_", " ")] = Key("*" in name, kind)
    return Entry(places, keys, open="ANY" in keys)


def _read(text: str, prefix: str = "") -> Mapping[str, Entry]:
    blocks: dict[str, list[str]] = {}
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            words += [word for word in line.split() if word != "@"]
        else:
            words = blocks[prefix + line] = []
    return {name: _entry(words) for name, words in blocks.items()}


TYPES = _read(DECLARATIONS, PREFIX)
ITEMS = _read(STATUS_ITEMS)


def kind_of(declaration_type: str) -> str:
    """Return activation, configuration, asset or management (or whatever stands there)."""
    return declaration_type.removeprefix(PREFIX).partition(".")[0]


def has_engine(device: DeviceCore) -> bool:
    """Tell whether this system, in this enrollment, knows declarations at all."""
    platform, version = device.facts.model.platform, device.facts.model.version
    if platform in {IOS, IPADOS} and device.installed.byod:
        return version >= FIRST_OF_USER_ENROLLMENT
    return version >= ENGINE[platform]


def is_new_enough(entry: Entry, device: DeviceCore) -> bool:
    """Tell whether this system has heard of it."""
    model = device.facts.model
    place = entry.places.get(LETTERS[model.platform])
    return place is not None and model.version >= place.version


def exists(entry: Entry, device: DeviceCore, channel: Channel) -> bool:
    """Tell whether this device has it: system, kind of enrollment, and channel."""
    if not is_new_enough(entry, device):
        return False
    model = device.facts.model
    place = entry.places[LETTERS[model.platform]]
    if place.enrollments and _enrollment(device) not in place.enrollments:
        return False
    shared = model.platform == IPADOS and device.shared
    scopes = place.shared_scopes if shared else place.scopes
    return not scopes or ("u" if channel.user else "s") in scopes


def _enrollment(device: DeviceCore) -> str:
    if device.installed.byod:
        return "U"
    # A Mac whose owner approved the enrollment counts as supervised.
    return "S" if device.supervised or device.facts.model.is_mac else "D"


def types_of(device: DeviceCore, channel: Channel, kind: str) -> list[str]:
    """Return the declaration types of a kind that work here."""
    return [
        name
        for name, entry in TYPES.items()
        if kind_of(name) == kind and exists(entry, device, channel)
    ]


def items_of(device: DeviceCore, channel: Channel) -> list[str]:
    """Return the status items that this device can be asked for on this channel."""
    return [name for name, entry in ITEMS.items() if exists(entry, device, channel)]


def capabilities(device: DeviceCore, channel: Channel) -> dict[str, Any]:
    """Return the value of management.client-capabilities."""
    kinds = {"activations": "activation", "assets": "asset", "configurations": "configuration"}
    kinds |= {"management": "management"}
    return {
        "supported-versions": ["1.0.0"],
        "supported-features": {},
        "supported-payloads": {
            "declarations": {name: types_of(device, channel, kind) for name, kind in kinds.items()},
            "status-items": items_of(device, channel),
        },
    }
