"""ADE on the road: a service of the played organization, enrollments, devices in Setup Assistant.

with lay_ade(app, played) as ade: …                  # or the fixture `ade`
staff = ade.enrollment("Staff", is_mdm_removable=True)   # its profile is defined at Apple; its id
mac = ade.boxed("MacBookPro18,3", staff)             # assigned in Apple's books, not started yet
mac.set_up(ade.assigned(mac))                        # Setup Assistant, by POST or the web view
ade.session(mac).state
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests import dep as wire
from tests.hosts import ADMINISTRATOR
from tests.road import Road, factory_anchor, lay_road
from zmdm_plugin import db
from zmdm_plugin.jobs import ade as jobs
from zmdm_plugin.models import (
    AdeProfile,
    DepVirtualServer,
    EnrollmentSession,
    JobRun,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.services.ade import defining, settings
from zmdm_plugin.services.dep import connection
from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.device import SimulatedDevice


@dataclass(slots=True)
class Ade:
    """A road, the organization at Apple, and the id of the service between them."""

    road: Road
    played: PlayedDep
    server_id: int = 0

    def connect(self, name: str = "MDM") -> int:
        """A service of the organization with its token; its id."""
        token = wire.connect(self.played, name)
        with self.road.rows() as session:
            server = DepVirtualServer(name=name, uuid=self.played.organization.server(name).uuid)
            session.add(server)
            session.flush()
            connection.seal_token(server, token)
            return server.id

    def enrollment(self, name: str = "Staff", **asked: Any) -> int:
        """An ADE enrollment whose profile has been given to Apple; its id."""
        with self.road.rows():
            row = settings.create(
                name,
                asked,
                server_id=self.server_id,
                push_certificate=_first(PushCertificate),
                issuer=_first(ScepIssuer),
                actor=ADMINISTRATOR,
            )
            enrollment_id = row.id
        self.define()
        return enrollment_id

    def change(self, enrollment_id: int, **asked: Any) -> None:
        """Change it, and let the job do what follows from that."""
        with self.road.rows():
            settings.change(settings.find(enrollment_id), asked, actor=ADMINISTRATOR)
        self.define()

    def define(self) -> list[JobRun]:
        """Work off the open runs, as a worker does; the runs as they ended."""
        with self.road.app.app_context():
            query = sa.select(JobRun.uid).where(
                JobRun.name == defining.JOB, JobRun.finished_at.is_(None)
            )
            uids = list(db.session().scalars(query.order_by(JobRun.id)))
            for uid in uids:
                jobs.define(uid)
            db.session().rollback()
            return list(db.session().scalars(sa.select(JobRun).where(JobRun.uid.in_(uids))))

    def profiles(self, enrollment_id: int) -> list[AdeProfile]:
        """Its profiles, the oldest first."""
        with self.road.app.app_context():
            query = sa.select(AdeProfile).where(AdeProfile.enrollment_id == enrollment_id)
            return list(db.session().scalars(query.order_by(AdeProfile.id)))

    def at_apple(self, enrollment_id: int) -> dict[str, Any]:
        """What Apple has for the newest defined profile."""
        uuid = self.profiles(enrollment_id)[-1].profile_uuid
        assert uuid is not None
        return self.played.organization.server().books.profiles[uuid]

    def boxed(
        self, model: str = "MacBookPro18,3", enrollment_id: int = 0, **more: Any
    ) -> SimulatedDevice:
        """A device in its box, to which Apple has assigned the profile of this enrollment."""
        device = self.road.device(model, **more)
        self.played.organization.add([{"serial_number": device.facts.serial}])
        uuid = self.profiles(enrollment_id)[-1].profile_uuid
        assert uuid is not None
        self.played.organization.server().books.assign(device.facts.serial, uuid)
        return device

    def assigned(self, device: SimulatedDevice) -> dict[str, Any]:
        """What Apple says to the device when it starts."""
        profile = self.played.organization.activate(device.facts.serial)
        assert profile is not None
        return profile

    def session_of(self, query: Any) -> Any:
        """The one value of a query, inside an application context."""
        return db.session().scalars(query).one()

    def session(self, device: SimulatedDevice) -> EnrollmentSession:
        """The newest session of the device."""
        with self.road.app.app_context():
            query = (
                sa.select(EnrollmentSession)
                .where(EnrollmentSession.serial_number == device.facts.serial)
                .order_by(EnrollmentSession.id.desc())
            )
            return db.session().scalars(query).first()  # type: ignore[return-value]


def _first(model: Any) -> Any:
    return db.session().scalars(sa.select(model).order_by(model.id)).first()


def settings_for(played: PlayedDep) -> dict[str, object]:
    """What makes an application talk to the played service, and believe simulated devices."""
    return {"ZMDM_DEP_URL": played.url, "ZMDM_DEVICE_ANCHORS": factory_anchor()}


@contextmanager
def lay_ade(app: Flask, played: PlayedDep) -> Iterator[Ade]:
    """The road with a connected service."""
    with lay_road(app) as road:
        yield connected(road, played)


def connected(road: Road, played: PlayedDep) -> Ade:
    """The same for a road that is laid."""
    ade = Ade(road, played)
    ade.server_id = ade.connect()
    return ade
