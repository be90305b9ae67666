"""A host that reads the played software lookup, and devices whose updates are enforced.

with lay_updates(app, lookup) as updates: …     # or the fixture `updates`
updates.sync()                                   # fetch the list, here and now
mac = updates.device("MacBookPro18,3")           # an enrolled Mac in the blueprint "Staff"
updates.enforce(max_os_version="27")             # an enforcement in that blueprint
updates.refresh(mac)                             # what the planner does
updates.told(mac)                                # [("26.2", "2026-11-29T09:30:00")]
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.jobs import software_updates as job
from zmdm_plugin.models import (
    AdvertisedUpdate,
    Channel,
    Device,
    JobRun,
    MDMBlueprint,
    SoftwareUpdate,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.software_updates import advertised, enforcements, feed
from zmdm_simulator.models_of_devices import MODELS
from zmdm_simulator.software_lookup import PlayedSoftwareLookup

ALL = ["iOS", "iPadOS", "macOS", "tvOS", "visionOS"]


def settings_for(lookup: PlayedSoftwareLookup) -> dict[str, object]:
    """What makes an application read the played list."""
    return {"ZMDM_SOFTWARE_LOOKUP_URL": lookup.url, "ZMDM_SOFTWARE_LOOKUP_CA": lookup.roots}


@dataclass(slots=True)
class Updates:
    """An application and the list that it reads."""

    app: Flask
    lookup: PlayedSoftwareLookup
    blueprint: int
    number: int = 0

    def sync(self) -> JobRun:
        """Fetch the list; the run as it ended."""
        with self.app.app_context():
            with db.transaction():
                uid = feed.start(ADMINISTRATOR, now=utcnow()).uid
            job.sync(uid)
            run = db.session().scalars(sa.select(JobRun).where(JobRun.uid == uid)).one()
            db.session().refresh(run)
            db.session().expunge(run)
            return run

    def releases(self, **equal: Any) -> list[SoftwareUpdate]:
        """What we keep of the list."""
        with self.app.app_context():
            query = sa.select(SoftwareUpdate).filter_by(**equal).order_by(SoftwareUpdate.id)
            rows = list(db.session().scalars(query))
            db.session().expunge_all()
            return rows

    def device(self, kind: str = "MacBookPro18,3", **facts: Any) -> int:
        """An enrolled device with its channel; its id."""
        self.number += 1
        played = MODELS[kind]
        values = {
            "udid": f"UDID-{self.number}",
            "serial_number": f"SERIAL{self.number:04}",
            "name": f"Device {self.number}",
            "model": kind,
            "platform": played.platform,
            "os_version": played.os_version,
            "build_version": played.build,
            "software_update_device_id": played.software_update_id,
            "supervised": True,
            "enrolled_at": utcnow(),
            "blueprint_id": self.blueprint,
            "time_zone": "Etc/UTC",
            **facts,
        }
        with self.app.app_context(), db.transaction() as session:
            device = Device(**values)
            session.add(device)
            session.flush()
            session.add(Channel(device_id=device.id, kind="device", key="", enrolled_at=utcnow()))
            return device.id

    def enforce(self, name: str = "Newest", **asked: Any) -> int:
        """An enforcement in the blueprint; its id."""
        mode = {} if {"os_version", "max_os_version"} & set(asked) else {"max_os_version": "27"}
        values = {"name": name, "platforms": ALL, "blueprints": [self.blueprint], **mode, **asked}
        with self.app.app_context(), db.transaction():
            return enforcements.create(values).id

    def change(self, enforcement_id: int, **asked: Any) -> None:
        with self.app.app_context(), db.transaction():
            enforcements.change(enforcements.find(enforcement_id), asked)

    def refresh(self, *devices: int, now: datetime | None = None) -> list[str]:
        """Plan their updates; the reasons."""
        with self.app.app_context(), db.transaction() as session:
            rows = [session.get_one(Device, device) for device in devices]
            found = advertised.refresh_all(rows, now=now or utcnow())
            return [found[device].why for device in devices]

    def told(self, device: int) -> list[tuple[str, str]]:
        """Versions and dates that it is told, the earliest first."""
        with self.app.app_context():
            rows = advertised.open_rows([device]).get(device, [])
            return [(row.os_version, row.local_datetime) for row in rows]

    def ended(self, device: int) -> list[tuple[str, str | None]]:
        """What it was told before, and how that ended."""
        query = sa.select(AdvertisedUpdate).where(
            AdvertisedUpdate.device_id == device, AdvertisedUpdate.ended_at.is_not(None)
        )
        with self.app.app_context():
            rows = db.session().scalars(query.order_by(AdvertisedUpdate.id))
            return [(row.os_version, row.ended) for row in rows]

    def set(self, device: int, **facts: Any) -> None:
        with self.app.app_context(), db.transaction() as session:
            row = session.get_one(Device, device)
            for name, value in facts.items():
                setattr(row, name, value)


def days(number: int) -> datetime:
    """So many days from now."""
    return utcnow() + timedelta(days=number)


@contextmanager
def lay_updates(app: Flask, lookup: PlayedSoftwareLookup) -> Iterator[Updates]:
    """A blueprint to begin with."""
    with app.app_context(), db.transaction() as session:
        blueprint = MDMBlueprint(name="Staff")
        session.add(blueprint)
        session.flush()
        number = blueprint.id
    yield Updates(app, lookup, number)
