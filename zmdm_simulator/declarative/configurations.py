"""What a configuration does to the device. Most types change nothing here: they are just taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zmdm_simulator import apps as on_device
from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative import apps, credentials, legacy, updates
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declared import Held, Reason

PREFIX = "com.apple.configuration."


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a configuration is applied, with the data of the assets that it names."""

    device: DeviceCore
    channel: Channel
    assets: Mapping[str, bytes]
    wanted: set[str]


def apply(situation: Situation, held: Held) -> list[Reason]:
    """Put a configuration into effect, unless it is; Problem says why that fails."""
    declared = situation.channel.declared
    if (standing := STANDING.get(held.type)) is not None:
        return standing(situation, held)
    state = "|".join([held.token, *(declared.held[name].token for name in situation.assets)])
    act = ONCE.get(held.type)
    if act is not None and declared.applied.get(held.identifier) != state:
        act(situation, held)
    declared.applied[held.identifier] = state
    return []


def sweep(device: DeviceCore, channel: Channel, wanted: set[str]) -> None:
    """Forget the configurations that are no longer in effect, and what they brought."""
    on_device.sweep(device, channel, wanted)
    for name in set(channel.declared.applied) - wanted:
        del channel.declared.applied[name]
    for name in set(channel.declared.certificates) - wanted:
        del channel.declared.certificates[name]


def _legacy(situation: Situation, held: Held) -> None:
    named = held.payload.get("ProfileAssetReference")
    asset = situation.assets[named] if named else None
    legacy.apply(situation.device, situation.channel, held, asset=asset, wanted=situation.wanted)


def _certificate(situation: Situation, held: Held) -> None:
    name = held.payload["CredentialAssetReference"]
    asset = situation.channel.declared.held[name]
    _must_be(asset, credentials.CERTIFICATE)
    found = credentials.certificate(situation.assets[name])
    situation.channel.declared.certificates[held.identifier] = credentials.der(found)


def _identity(situation: Situation, held: Held) -> None:
    name = held.payload["CredentialAssetReference"]
    asset = situation.channel.declared.held[name]
    _must_be(asset, credentials.SCEP, credentials.PKCS12, credentials.ACME)
    found = credentials.identity(situation.device, asset, situation.assets[name])
    situation.channel.declared.certificates[held.identifier] = credentials.der(found)


def _app(situation: Situation, held: Held) -> None:
    apps.managed_app(situation.device, situation.channel, held, situation.assets)


def _package(situation: Situation, held: Held) -> None:
    apps.package(situation.device, situation.channel, held)


def _must_be(asset: Held, *types: str) -> None:
    if asset.type not in types:
        described = f"{asset.identifier} is of type {asset.type}."
        raise Problem("Error.ConfigurationIsInvalid", described, Identifier=asset.identifier)


def _test(situation: Situation, held: Held) -> list[Reason]:
    """Echo; the code of the reason for what went well is our own, Apple names none."""
    echo, status = held.payload["Echo"], held.payload.get("ReturnStatus", "Installed")
    if named := held.payload.get("EchoDataAssetReference"):
        echo = situation.assets[named].decode(errors="replace")
    if status == "Failed":
        raise Problem("Error.ConfigurationFailed", echo)
    if status not in {"Installed", "Unlocked"}:
        raise Problem("Error.ConfigurationIsInvalid", f"ReturnStatus {status} is unknown.")
    return [Reason("Info.Echo", echo)]


def _update(situation: Situation, held: Held) -> list[Reason]:
    updates.check(situation.device, held)
    return []


def _subscriptions(_: Situation, held: Held) -> list[Reason]:
    items = held.payload["StatusItems"]
    if not all(isinstance(item, dict) and isinstance(item.get("Name"), str) for item in items):
        raise Problem(
            "Error.ConfigurationCannotBeDeserialized", "StatusItems are dictionaries with a Name."
        )
    return []


# Done when it is new, and checked each time.
ONCE: Mapping[str, Callable[[Situation, Held], None]] = {
    f"{PREFIX}legacy": _legacy,
    f"{PREFIX}legacy.interactive": _legacy,
    f"{PREFIX}security.certificate": _certificate,
    f"{PREFIX}security.identity": _identity,
    f"{PREFIX}app.managed": _app,
    f"{PREFIX}package": _package,
}
STANDING: Mapping[str, Callable[[Situation, Held], list[Reason]]] = {
    f"{PREFIX}management.test": _test,
    f"{PREFIX}management.status-subscriptions": _subscriptions,
    updates.TYPE: _update,
}
