"""Status reports: only what was subscribed to, only what changed, but everything once a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative.support import items_of
from zmdm_simulator.declarative.values import CAPABILITIES, DECLARATIONS, ERROR_ITEM, value
from zmdm_simulator.declared import Json
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS
from zmdm_simulator.script import Do

FULL_AFTER = timedelta(days=1)
# Older systems send everything at times, too, but do not say so.
SAYS_FULL = {IOS: (17,), IPADOS: (17,), MACOS: (14,), TVOS: (17,)}
SUBSCRIPTIONS = "com.apple.configuration.management.status-subscriptions"
FAULTS = frozenset({Do.STALE_TOKENS})


def subscribed(channel: Channel) -> list[str]:
    """Return the items of all subscriptions in effect; the capabilities need none."""
    names = [CAPABILITIES]
    for held in channel.declared.of_kind("configuration"):
        if held.type == SUBSCRIPTIONS and held.active:
            items = held.payload["StatusItems"]
            names += [str(item["Name"]) for item in items if isinstance(item, dict)]
    return list(dict.fromkeys(names))


def current(device: DeviceCore, channel: Channel) -> tuple[Json, list[Json]]:
    """Return the values of the subscribed items by dotted name, and the errors of the others."""
    values: Json = {}
    errors: list[Json] = []
    known = set(items_of(device, channel))
    for item in subscribed(channel):
        if item == ERROR_ITEM:
            errors.append(_error(item, "Error.Unknown", "This item is there to fail."))
        elif item in known:
            values[item] = value(device, channel, item)
        else:
            errors.append(_error(item, "Error.UnknownStatusItem", "There is no such item here."))
    return values, errors


def _error(item: str, code: str, description: str) -> Json:
    return {"StatusItem": item, "Reasons": [{"Code": code, "Description": description}]}


def due(channel: Channel, now: datetime) -> bool:
    """Tell whether it is time to send everything."""
    full_at = channel.declared.full_at
    return full_at is None or now - full_at >= FULL_AFTER


def make(
    device: DeviceCore, channel: Channel, values: Json, errors: list[Json], *, full: bool
) -> Json | None:
    """Return the report that is to be sent, None if there is nothing to say."""
    told = channel.declared.reported
    items = values if full else changes(told, values)
    fresh_errors = errors if full or errors != channel.declared.errors else []
    if not (full or items or fresh_errors):
        return None
    report: Json = {"StatusItems": nested(items), "Errors": fresh_errors}
    if full and device.facts.model.version >= SAYS_FULL.get(device.facts.model.platform, ()):
        report["FullReport"] = True
    return report


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """Return what is new; of a list, the entries that are new and those that are gone."""
    found: Json = {}
    for item, now in after.items():
        then = before.get(item)
        if item not in before or not (_keyed(now) and _keyed(then)):
            if item not in before or now != then:
                found[item] = now
        elif delta := _entries(then, now):
            found[item] = delta
    return found


def _keyed(entries: Any) -> bool:
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and "identifier" in entry for entry in entries
    )


def _entries(before: Any, after: list[Json]) -> list[Json]:
    then = {entry["identifier"]: entry for entry in before}
    now = {entry["identifier"]: entry for entry in after}
    gone = [{"identifier": name, "_removed": True} for name in then if name not in now]
    return [entry for name, entry in now.items() if then.get(name) != entry] + gone


def nested(items: Mapping[str, Any]) -> Json:
    """Write dotted names as objects within objects."""
    tree: Json = {}
    for item, entry in items.items():
        *path, last = item.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = entry
    return tree


def with_former_tokens(device: DeviceCore, channel: Channel, values: Json) -> Json:
    """Return the values, with the tokens of before if the script wants a device that lags."""
    rule = device.script.choose(device.facts, "status", channel.kind, among=FAULTS)
    if rule is None or DECLARATIONS not in values:
        return values
    held = channel.declared.held
    stale = {
        section: [
            entry
            | {"server-token": held[entry["identifier"]].former_token or entry["server-token"]}
            for entry in entries
        ]
        for section, entries in values[DECLARATIONS].items()
    }
    return values | {DECLARATIONS: stale}
