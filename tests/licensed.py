"""Devices, scopes, and a location of Apps & Books whose own books can be compared.

with lay_licensed(make_app, url) as licensed: …
pages = licensed.app("Pages", total=10)             # at Apple, read, and in the blueprint
phone = licensed.phone(1)                           # enrolled, with the blueprint
licensed.settle()                                   # walk, order, hear of it
licensed.at_apple(), licensed.taken_back()
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask

from tests.books import PAGES, Shelf, lay_books
from tests.orders import quiet
from tests.road import Road, lay_road
from tests.software import Counter
from zmdm_plugin.models import Asset, Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_simulator.device import SimulatedDevice

PHONES = ("iOS", "iPadOS")


class Licensed(Counter):
    """What an administrator has made so far, beside the books of the played Apple."""

    def __init__(self, road: Road, shelf: Shelf) -> None:
        super().__init__(road)
        self.shelf = shelf

    def app(self, name: str = "Pages", adam_id: str = PAGES, *, total: int = 10) -> int:
        """A store app with so many licences, in the blueprint; the artifact's id."""
        self.shelf.add(adam_id, total=total, name=name)
        if self.shelf.id:
            self.shelf.sync()
        else:
            self.shelf.location()
        licensed = self.shelf.asset(adam_id).id
        with self.road.rows() as session:
            bundle = {"bundle_id": f"com.example.store.app{adam_id}", "name": name}
            session.execute(sa.update(Asset).where(Asset.adam_id == adam_id).values(**bundle))
        source = json.dumps({"location_asset": licensed}).encode()
        made = self.artifact("store_app", name, source, platforms=PHONES)
        self.licensed[made] = licensed
        return made

    def phone(self, seed: int = 1, *, assigned: bool = True) -> SimulatedDevice:
        """An iPhone that has enrolled; with the blueprint if `assigned`."""
        phone = quiet(self.road, self.road.enrolled("iPhone15,2", seed=seed))
        return self.assign(phone) if assigned else phone

    def devices(self, numbers: Sequence[str], *, platform: str = "iOS") -> None:
        """Devices of the blueprint that are rows alone, for what needs many of them."""
        with self.road.rows() as session:
            facts = {
                "platform": platform,
                "os_version": "26.0",
                "blueprint_id": self.blueprint_id,
                "enrolled_at": utcnow(),
            }
            devices = [Device(serial_number=one, udid=f"UDID-{one}", **facts) for one in numbers]
            session.add_all(devices)
            session.flush()
            own = {"kind": "device", "key": "", "enrolled_at": utcnow()}
            session.add_all([Channel(device_id=device.id, **own) for device in devices])

    def settle(self, *, rounds: int = 2) -> None:
        """What jobs do, and what Apple does about it."""
        self.walk()
        self.shelf.work(rounds=rounds)

    def at_apple(self, adam_id: str = PAGES) -> list[str]:
        return self.shelf.at_apple(adam_id)

    def taken_back(self) -> int:
        """How often Apple was asked to take licences back."""
        return self.shelf.played.counts["POST /assets/disassociate 200"]


@contextmanager
def lay_licensed(
    make_app: Callable[..., Flask], url: str, **settings: object
) -> Iterator[Licensed]:
    """A location at Apple that nobody manages yet, and devices that may enroll."""
    with lay_books(make_app, url, **settings) as shelf, lay_road(shelf.app) as road:
        yield Licensed(road, shelf)
