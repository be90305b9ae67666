"""The played organization: its services, its devices, and a clock that can be put forward."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from zmdm_simulator import facts
from zmdm_simulator.apple.dep_books import Books, Device
from zmdm_simulator.apple.dep_faults import Faults
from zmdm_simulator.apple.dep_server import VirtualServer
from zmdm_simulator.models_of_devices import MODELS

_FAMILIES = {"macOS": "Mac", "iPadOS": "iPad", "iOS": "iPhone", "tvOS": "AppleTV",
             "visionOS": "Vision"}  # fmt: skip
_SYSTEMS = {"macOS": "OSX"}
_COLORS = ("SILVER", "SPACE GRAY", "MIDNIGHT", "STARLIGHT")


class UnknownServer(KeyError):
    """There is no service of this name."""


@dataclass(slots=True)
class Clock:
    """The machine's clock, put forward by some seconds."""

    ahead: float = 0.0

    def __call__(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)


def played_devices(
    seed: str, first: int, *, count: int, models: Sequence[str] = ()
) -> Iterator[Device]:
    """The same hardware that a simulated fleet of this seed and these models has."""
    names = list(models) or list(MODELS)
    for number in range(first, first + count):
        model = MODELS[names[number % len(names)]]
        made = facts.make(model, f"{seed}/{number}")
        device: Device = {
            "serial_number": made.serial,
            "model": model.family,
            "description": f"{model.marketing_name} {model.capacity}GB",
            "asset_tag": f"A{number:06d}",
            "color": _COLORS[number % len(_COLORS)],
            "device_family": _FAMILIES[model.platform],
            "os": _SYSTEMS.get(model.platform, model.platform),
            "wifi_mac_address": made.wifi_mac,
            "bluetooth_mac_address": made.bluetooth_mac,
        }
        if model.cellular:
            device |= {"imei": [made.imei.replace(" ", "")], "eid": made.eid}
        yield device


@dataclass(slots=True)
class Organization:
    """Services by name; the first one made is meant where none is named."""

    name: str = "Example organization"
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    servers: dict[str, VirtualServer] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def server(self, name: str = "") -> VirtualServer:
        """The service of this name; UnknownServer if there is none."""
        found = self.servers.get(name) if name else next(iter(self.servers.values()), None)
        if found is None:
            raise UnknownServer(f"there is no service {name!r}")
        return found

    def new_server(self, name: str) -> VirtualServer:
        """The service of this name, made if there is none yet."""
        with self.lock:
            if name not in self.servers:
                books = Books(self.clock, secrets.token_bytes(32))
                self.servers[name] = VirtualServer(name, self.name, books, self.clock)
            return self.servers[name]

    def find(self, consumer_key: str) -> VirtualServer | None:
        """The service that a consumer key belongs to."""
        servers = list(self.servers.values())
        return next((one for one in servers if one.consumer_key == consumer_key), None)

    def add(self, devices: Iterable[Device], *, server: str = "") -> list[str]:
        """Assign devices to a service; their serial numbers."""
        one, two = itertools.tee(devices)
        self.server(server).books.add(one, by="admin@example.com")
        return [device["serial_number"] for device in two]

    def activate(self, serial: str) -> dict[str, Any] | None:
        """The profile of whichever service the device belongs to; None if it has none."""
        found = (one.books.activate(serial) for one in list(self.servers.values()))
        return next((profile for profile in found if profile is not None), None)

    def remove(self, serials: Sequence[str], *, server: str = "", **more: Any) -> int:
        """Take devices away from a service; how many there were."""
        return len(self.server(server).books.remove(serials, **more))

    def move(self, serials: Sequence[str], *, source: str, target: str) -> int:
        """Assign devices to another service, which sees them as modified, as Apple's does."""
        gone = self.server(source).books.remove(serials)
        blank = {"profile_status": "empty", "profile_uuid": "", "profile_assign_time": ""}
        moved = [{**device, **blank} for device in gone]
        self.server(target).books.add(moved, by="admin@example.com", operation="modified")
        return len(moved)
