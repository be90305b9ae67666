"""What the device makes of each declaration: valid, active, and if not, why.

Activations first (they decide which configurations are wanted), then configurations with the assets
that they name, then what nobody names. Whatever fails is tried again the next time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative import (
    configurations,
    credentials,
    downloads,
    legacy,
    references,
    updates,
)
from zmdm_simulator.declarative.predicate import (
    MissingState,
    UndecidedPredicate,
    UnreadablePredicate,
    parse,
)
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declarative.support import (
    TYPES,
    Entry,
    exists,
    is_new_enough,
    items_of,
)
from zmdm_simulator.declarative.values import value
from zmdm_simulator.declared import INVALID, UNKNOWN, VALID, Held, Reason, Verdict
from zmdm_simulator.script import Do

FAULTS = frozenset({Do.INVALID})
UNREADABLE = {
    "configuration": "Error.ConfigurationCannotBeDeserialized",
    "asset": "Error.AssetCannotBeDeserialized",
}


def judge(device: DeviceCore, channel: Channel) -> None:
    """Give every declaration of a channel its verdict, and put into effect what is wanted."""
    court = _Court(device, channel)
    court.activations()
    court.configurations()
    court.assets()
    court.management()


def _in_effect() -> Verdict:
    return Verdict(active=True, valid=VALID)


class _Court:
    """One pass over the declarations of a channel."""

    def __init__(self, device: DeviceCore, channel: Channel) -> None:
        self._device, self._channel, self._declared = device, channel, channel.declared
        self._wanted: set[str] = set()  # configurations of activations that are active
        self._contents: dict[str, bytes | Problem] = {}  # assets that were needed

    def activations(self) -> None:
        """Judge the activations, and learn which configurations they want."""
        for held in self._declared.of_kind("activation"):
            held.verdict = self._verdict(held, self._activation)
            if held.active:
                self._wanted.update(held.payload["StandardConfigurations"])

    def configurations(self) -> None:
        """Put the wanted configurations into effect, and end the others."""
        held = self._declared.of_kind("configuration")
        # Only what this device could use takes a profile's place.
        for configuration in held:
            if configuration.identifier in self._wanted:
                configuration.verdict = self._verdict(configuration, self._configuration)
            else:
                configuration.verdict = self._unwanted(configuration)
        kept = self._wanted & {item.identifier for item in held}
        legacy.sweep(self._channel, kept)
        configurations.sweep(self._device, self._channel, kept)
        if self._channel.user is None:
            active = [item for item in held if item.active and item.type == updates.TYPE]
            updates.choose(self._device, self._channel, active)

    def assets(self) -> None:
        """Judge the assets: those that were needed by how that went."""
        named = {
            name
            for held in self._declared.of_kind("configuration")
            for name in references.assets(held.payload)
        }
        for held in self._declared.of_kind("asset"):
            held.verdict = self._verdict(held, lambda asset: self._asset(asset, named))
        present = {held.identifier for held in self._declared.of_kind("asset")}
        for name in set(self._declared.assets) - present:
            del self._declared.assets[name]

    def management(self) -> None:
        """Judge the management declarations: they are in effect if they can be read."""
        for held in self._declared.of_kind("management"):
            held.verdict = self._verdict(held, lambda _: _in_effect())

    # Each kind

    def _verdict(self, held: Held, decide: Any) -> Verdict:
        try:
            self._check(held)
            verdict: Verdict = decide(held)
        except Problem as problem:
            return Verdict(active=False, valid=INVALID, reasons=(problem.reason,))
        return verdict

    def _check(self, held: Held) -> None:
        """Refuse what this device does not know, does not take, or cannot read."""
        rule = self._device.script.choose(
            self._device.facts, held.type, self._channel.kind, among=FAULTS
        )
        if rule is not None:
            raise Problem(rule.reason, rule.description)
        entry = TYPES.get(held.type)
        if entry is None:
            raise Problem("Error.UnknownDeclarationType", f"{held.type} is not known here.")
        if not exists(entry, self._device, self._channel):
            if held.kind == "configuration" and is_new_enough(entry, self._device):
                raise Problem("Error.ConfigurationNotSupported", f"{held.type} has no place here.")
            raise Problem("Error.UnknownDeclarationType", f"{held.type} has no place here.")
        _check_keys(held, entry)

    def _activation(self, held: Held) -> Verdict:
        names = held.payload["StandardConfigurations"]
        present = {item.identifier for item in self._declared.of_kind("configuration")}
        if missing := [name for name in names if name not in present]:
            described = f"There is no configuration {', '.join(map(str, missing))}."
            raise Problem("Error.MissingConfigurations", described, Identifiers=missing)
        text = held.payload.get("Predicate")
        if text is None or self._holds(text):
            return _in_effect()
        reason = Reason("Info.Predicate", "The predicate is false.", {"Predicate": text})
        return Verdict(active=False, valid=VALID, reasons=(reason,))

    def _holds(self, text: str) -> bool:
        try:
            return parse(text)(self._state)
        except UnreadablePredicate as error:
            raise Problem("Error.UnableToParsePredicate", str(error), Predicate=text) from error
        except UndecidedPredicate as error:
            raise Problem("Error.UnableToEvaluatePredicate", str(error), Predicate=text) from error
        except MissingState as error:
            raise Problem("Error.MissingState", f"There is no state {error}.") from error

    def _state(self, source: str, name: str) -> Any:
        if source == "status":
            if name not in items_of(self._device, self._channel):
                raise MissingState(name)
            return value(self._device, self._channel, name)
        found = None
        for held in self._declared.of_kind("management"):
            if held.type == "com.apple.management.properties":
                found = held.payload.get(name, found)
        return found

    def _unwanted(self, held: Held) -> Verdict:
        reason = Reason("Info.NotReferencedByActivation", "No active activation names it.")
        return Verdict(active=False, valid=UNKNOWN, reasons=(reason,))

    def _configuration(self, held: Held) -> Verdict:
        assets = {name: self._content(name) for name in references.assets(held.payload)}
        situation = configurations.Situation(self._device, self._channel, assets, self._wanted)
        reasons = configurations.apply(situation, held)
        return Verdict(active=True, valid=VALID, reasons=tuple(reasons))

    def _content(self, name: str) -> bytes:
        """Return the data of an asset that a configuration names; Problem if there is none."""
        asset = self._declared.held.get(name)
        if asset is None or asset.kind != "asset":
            raise Problem("Error.MissingAssets", f"There is no asset {name}.", Identifiers=[name])
        if name not in self._contents:
            try:
                self._check(asset)
                self._contents[name] = self._fetched(asset)
            except Problem as problem:
                self._contents[name] = problem
        content = self._contents[name]
        if isinstance(content, Problem):
            raise content
        return content

    def _fetched(self, asset: Held) -> bytes:
        if "Reference" not in asset.payload:
            return b""
        kept = self._declared.assets.get(asset.identifier)
        if kept is not None and kept[0] == asset.token:
            return kept[1]
        content = downloads.asset(self._device, self._channel, asset.payload)
        credentials.check(asset, content)
        self._declared.assets[asset.identifier] = asset.token, content
        return content

    def _asset(self, held: Held, named: Iterable[str]) -> Verdict:
        content = self._contents.get(held.identifier)
        if isinstance(content, Problem):
            raise content
        if content is not None:
            return _in_effect()
        if held.identifier in named:
            return Verdict()
        reason = Reason("Info.NotReferencedByConfiguration", "No configuration names it.")
        return Verdict(active=False, valid=UNKNOWN, reasons=(reason,))


def _check_keys(held: Held, entry: Entry) -> None:
    code = UNREADABLE.get(held.kind, "Error.InvalidPayload")
    for name, key in entry.keys.items():
        if name not in held.payload:
            if key.required and not entry.open:
                raise Problem(code, f"{name} is missing.", Key=name)
        elif not key.takes(held.payload[name]):
            raise Problem(code, f"{name} has the wrong type.", Key=name)
    unknown = [name for name in held.payload if name not in entry.keys]
    if unknown and not entry.open:
        raise Problem("Error.UnknownPayloadKeys", f"Unknown: {', '.join(unknown)}.", Keys=unknown)
