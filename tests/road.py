"""The road of a device in one process: an application that simulated devices enroll with.

with lay_road(app) as road: …              # or the fixtures `road` and `pg_road`
mac = road.enrolled("MacBookPro18,3")      # over SCEP, Authenticate, TokenUpdate
mac.connect().request_types                # one conversation, see zmdm_simulator.device
new = road.device("iPhone16,1", seed=2)    # not enrolled yet: new.enroll(road.profile)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from flask import Flask

from zmdm_plugin import db
from zmdm_plugin.models import Device, PushCertificate, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import ca
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_simulator.device import SimulatedDevice

TOPIC = "com.apple.mgmt.External.0c9c0c0a-7b0e-4b26-9f0a-3a4c36f0d5a1"


@dataclass(frozen=True, slots=True)
class Road:
    """An application with a CA, a push certificate and an enrollment by hand."""

    app: Flask
    profile: bytes
    http: httpx.Client

    def device(
        self, model: str = "MacBookPro18,3", seed: object = 1, **more: Any
    ) -> SimulatedDevice:
        """A device that is not enrolled yet."""
        return SimulatedDevice(model, seed, http=self.http, **more)

    def enrolled(
        self, model: str = "MacBookPro18,3", seed: object = 1, **more: Any
    ) -> SimulatedDevice:
        """A device that has enrolled by hand; nothing else has happened yet."""
        device = self.device(model, seed, **more)
        device.enroll(self.profile)
        return device

    def row_id(self, device: SimulatedDevice) -> int:
        """The id of the server's row for this device."""
        with self.app.app_context():
            found = db.session().scalar(
                sa.select(Device.id).where(Device.udid == device.facts.udid)
            )
        assert found is not None, "the server does not know this device"
        return found


@contextmanager
def lay_road(app: Flask, *, quota: int | None = None) -> Iterator[Road]:
    """Give an application what a first administrator gives it."""
    with app.app_context(), db.transaction() as session:
        ca.create("Example CA")
        push = PushCertificate(
            name="Example",
            topic=TOPIC,
            not_before=utcnow() - timedelta(days=1),
            not_after=utcnow() + timedelta(days=300),
        )
        session.add(push)
        session.flush()
        issuer = session.scalars(sa.select(ScepIssuer)).one()
        enrollment = enrollments.create(
            "manual", "By hand", push_certificate=push, issuer=issuer, quota=quota
        )
        profile = manual.profile(enrollment)
    with httpx.Client(transport=httpx.WSGITransport(app=app)) as http:
        yield Road(app, profile, http)
