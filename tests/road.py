"""The road of a device in one process: an application that simulated devices enroll with.

with lay_road(app) as road: …              # or the fixtures `road` and `pg_road`
mac = road.enrolled("MacBookPro18,3")      # over SCEP, Authenticate, TokenUpdate
mac.connect().request_types                # one conversation, see zmdm_simulator.device
new = road.device("iPhone16,1", seed=2)    # not enrolled yet: new.enroll(road.profile)
new.enroll(road.over_the_air())            # by a link, in three phases
other = road.by_hand("Lab", quota=1)       # another profile
with road.rows() as session: …             # an application context and a transaction
road.events(mac)                           # kinds of what happened, in order
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy.orm import Session

from zmdm_plugin import db
from zmdm_plugin.models import (
    Channel,
    Device,
    Enrollment,
    EnrollmentSession,
    Event,
    Identity,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import ca
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_simulator import pki
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.pki import DeviceCA

TOPIC = "com.apple.mgmt.External.0c9c0c0a-7b0e-4b26-9f0a-3a4c36f0d5a1"


@cache
def factory_ca() -> DeviceCA:
    """Who plays Apple's device CA in this process; applications of the tests trust it."""
    return DeviceCA.create()


def factory_anchor() -> str:
    """Its certificate, for ZMDM_DEVICE_ANCHORS."""
    return pki.pem(factory_ca().identity.certificate).decode()


@cache
def _key(bits: int, _number: int) -> rsa.RSAPrivateKey:
    return pki.new_key(bits)


@dataclass
class Keys:
    """Keys are costly, so every road begins with the same ones; on one road no two are alike."""

    used: int = 0

    def __call__(self, bits: int) -> rsa.RSAPrivateKey:
        self.used += 1
        return _key(bits, self.used)


@dataclass(frozen=True, slots=True)
class Road:
    """An application with a CA, a push certificate and an enrollment by hand."""

    app: Flask
    profile: bytes
    http: httpx.Client
    keys: Keys = field(default_factory=Keys)

    def device(
        self, model: str = "MacBookPro18,3", seed: object = 1, **more: Any
    ) -> SimulatedDevice:
        """A device that is not enrolled yet."""
        more = {"factory_ca": factory_ca(), "make_key": self.keys, "http": self.http, **more}
        return SimulatedDevice(model, seed, **more)

    def enrolled(
        self,
        model: str = "MacBookPro18,3",
        seed: object = 1,
        *,
        profile: bytes | str | None = None,
        **more: Any,
    ) -> SimulatedDevice:
        """A device that has enrolled (by hand, or with `profile`); nothing else has happened."""
        device = self.device(model, seed, **more)
        device.enroll(profile or self.profile)
        return device

    def over_the_air(self, name: str = "Over the air", **options: Any) -> str:
        """The link of a new enrollment over the air; options as in `enrollments.create`."""
        with self.rows():
            return enrollments.link(self._enrollment("ota", name, **options))

    def by_hand(self, name: str, **options: Any) -> bytes:
        """The profile of another enrollment by hand."""
        with self.rows():
            return manual.profile(self._enrollment("manual", name, **options))

    def _enrollment(self, kind: str, name: str, **options: Any) -> Enrollment:
        session = db.session()
        options.setdefault("push_certificate", session.scalars(sa.select(PushCertificate)).first())
        options.setdefault(
            "issuer", session.scalars(sa.select(ScepIssuer).order_by(ScepIssuer.id)).first()
        )
        return enrollments.create(kind, name, **options)

    @contextmanager
    def rows(self) -> Iterator[Session]:
        """An application context with a transaction, to look at rows and to change them."""
        with self.app.app_context(), db.transaction() as session:
            yield session

    def row(self, device: SimulatedDevice) -> Device:
        """The server's row of this device, inside `rows()`."""
        column = Device.udid if device.mdm is None or not device.mdm.byod else Device.enrollment_uid
        name = device.enrollment_id if column is Device.enrollment_uid else device.facts.udid
        return db.session().scalars(sa.select(Device).where(column == name)).one()

    def row_id(self, device: SimulatedDevice) -> int:
        """The id of the server's row for this device."""
        with self.app.app_context():
            return self.row(device).id

    def channel(self, device: SimulatedDevice, key: str = "") -> Channel:
        """A channel's row, inside `rows()`: the device's own, or a user's by its key."""
        found = sa.select(Channel).where(
            Channel.device_id == self.row(device).id, Channel.key == key
        )
        return db.session().scalars(found).one()

    def identities(self, device: SimulatedDevice) -> list[Identity]:
        """The certificates pinned to this device, oldest first, inside `rows()`."""
        pinned = sa.select(Identity).where(Identity.device_id == self.row(device).id)
        return list(db.session().scalars(pinned.order_by(Identity.id)))

    def sessions(self, *kinds: str) -> list[EnrollmentSession]:
        """Every enrollment session (of these kinds), oldest first, inside `rows()`."""
        every = sa.select(EnrollmentSession).order_by(EnrollmentSession.id)
        return [row for row in db.session().scalars(every) if not kinds or row.kind in kinds]

    def events(self, device: SimulatedDevice) -> list[str]:
        """Kinds of the events of this device in order, its orders and answers left out."""
        return self.events_of(self.row_id(device))

    def events_of(self, device_id: int) -> list[str]:
        """The same for a row's id, for a device that goes by another name now."""
        with self.app.app_context():
            routine = Event.kind.in_(("command.sent", "command.answered"))
            kinds = sa.select(Event.kind).where(Event.device_id == device_id, ~routine)
            return list(db.session().scalars(kinds.order_by(Event.id)))


@contextmanager
def lay_road(app: Flask, *, quota: int | None = None) -> Iterator[Road]:
    """Give an application what a first administrator gives it."""
    with app.app_context(), db.transaction() as session:
        ca.create("Example CA", key=_key(3072, 0))
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
