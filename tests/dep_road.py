"""An application connected with a played organization, and enrollments with profiles there.

with lay_dep(app, played) as dep: …      # or the fixtures `dep` (SQLite) and `any_dep` (both)
serials = fill(played, 250)              # devices assigned in the portal
dep.sync(); dep.sync(full=True)          # the run as it ended
staff = dep.enrollment("Staff")          # an ADE enrollment whose profile is defined at Apple
dep.default(staff); dep.converge()       # what the beat and the workers do
dep.device(serial).assignment; dep.book(serial)["profile_uuid"]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests import dep as wire
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import clock, db
from zmdm_plugin.jobs import dep as jobs
from zmdm_plugin.models import (
    AdeProfile,
    AdeSettings,
    DepDevice,
    DepVirtualServer,
    Enrollment,
    Event,
    JobRun,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import vault
from zmdm_plugin.services.dep import assigning, connection, setup
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.web import dep as talking
from zmdm_simulator.apple.dep import PlayedDep

__all__ = ["Dep", "fill", "lay_dep"]
fill = wire.fill


@dataclass(slots=True)
class Dep:
    """An application, the organization, and the id of the service that connects them."""

    app: Flask
    played: PlayedDep
    server_id: int = 0

    def connect(self, name: str = "MDM", **asked: Any) -> int:
        """A server with a key that all tests share, its token, its first synchronization."""
        server_id = self.begin(name)
        with self.app.app_context():
            token = self.token_file(server_id, name, **asked)
            talking.take_token(server_id, token, actor=ADMINISTRATOR)
            run = db.session().scalars(sa.select(JobRun).order_by(JobRun.id.desc())).first()
            assert run is not None
            self._work(run.uid)
        return server_id

    def begin(self, name: str) -> int:
        """A server that waits for its token; its id."""
        with self.app.app_context(), db.transaction() as session:
            server = DepVirtualServer(name=name, staged_certificate=wire.certificate())
            vault.seal(server, "staged_private_key", pem.private_key_der(wire.key()))
            server.staged_at = utcnow()
            session.add(server)
            session.flush()
            return server.id

    def token_file(self, server_id: int, name: str = "MDM", **asked: Any) -> bytes:
        """What the portal gives for this server's public key."""
        with self.app.app_context():
            public = setup.public_key(connection.find(server_id))
        return self.played.organization.new_server(name).token_file(public, **asked)

    def sync(self, *, full: bool = False, server_id: int = 0) -> JobRun:
        """Synchronize; the run as it ended."""
        with self.app.app_context():
            with db.transaction():
                uid = syncing.start(
                    server_id or self.server_id, ADMINISTRATOR, full=full, now=utcnow()
                ).uid
            return self._work(uid)

    def converge(self, *, later: timedelta = timedelta(0)) -> None:
        """The beat, and what it begins, until nothing is open."""
        with self.app.app_context(), clock.shifted(later):
            jobs.beat()
            while runs := self._open():
                for name, uid in runs:
                    jobs_by_name[name](uid)

    def _open(self) -> Sequence[Any]:
        db.session().rollback()
        query = sa.select(JobRun.name, JobRun.uid).where(
            JobRun.finished_at.is_(None), JobRun.name.in_(jobs_by_name)
        )
        return db.session().execute(query).all()

    def _work(self, uid: str) -> JobRun:
        name = db.session().scalars(sa.select(JobRun.name).where(JobRun.uid == uid)).one()
        jobs_by_name[name](uid)
        run = db.session().scalars(sa.select(JobRun).where(JobRun.uid == uid)).one()
        db.session().refresh(run)
        db.session().expunge(run)
        return run

    def server(self) -> DepVirtualServer:
        """The service's row."""
        return self._one(sa.select(DepVirtualServer).where(DepVirtualServer.id == self.server_id))

    def device(self, serial: str) -> DepDevice:
        """The row of a device."""
        return self._one(sa.select(DepDevice).where(DepDevice.serial_number == serial))

    def book(self, serial: str) -> dict[str, Any]:
        """What the played Apple has in its books."""
        found: dict[str, Any] = self.played.organization.server().books.devices[serial]
        return found

    def events(self, kind: str = "dep_device.%") -> list[tuple[str, str]]:
        """Kinds and serial numbers of events, in order."""
        with self.app.app_context():
            query = sa.select(Event).where(Event.kind.like(kind)).order_by(Event.id)
            return [
                (one.kind, one.payload.get("serial_number", ""))
                for one in db.session().scalars(query)
            ]

    def differences(self) -> dict[str, tuple[object, object]]:
        """Where our live devices and Apple's books say different things."""
        books = self.played.organization.server().books.devices
        with self.app.app_context():
            query = sa.select(DepDevice).where(DepDevice.deleted_at.is_(None))
            ours = {
                one.serial_number: (one.profile_uuid, one.profile_status, one.asset_tag)
                for one in db.session().scalars(query)
            }
        theirs = {
            serial: (one["profile_uuid"], one["profile_status"], one.get("asset_tag", ""))
            for serial, one in books.items()
        }
        return {
            serial: (ours.get(serial), theirs.get(serial))
            for serial in ours.keys() | theirs.keys()
            if ours.get(serial) != theirs.get(serial)
        }

    def enrollment(self, name: str, *, defined: bool = True) -> int:
        """An ADE enrollment of the server, with its profile defined at Apple; its id."""
        with self.app.app_context():
            with db.transaction() as session:
                row = Enrollment(
                    kind="ade",
                    name=name,
                    display_name=name,
                    push_certificate_id=_a(PushCertificate, name="Push", topic="com.apple.mgmt.X"),
                    scep_issuer_id=_a(ScepIssuer, name="CA"),
                    secret_hash=new_uid(),
                    request_count=0,
                )
                row.ade = AdeSettings(server_id=self.server_id, profile_name=name)
                session.add(row)
                session.flush()
                enrollment_id = row.id
            if defined:
                self.define(enrollment_id)
        return enrollment_id

    def define(self, enrollment_id: int) -> str:
        """A new profile of the enrollment, as the job makes it known; its UUID."""
        with self.app.app_context():
            content = {**wire.PROFILE, "profile_name": f"Profile {new_uid()}"}
            made = talking.ask(self.server_id, lambda one: one.define_profile(content))
            with db.transaction() as session:
                assigning.wake(self.server_id, now=utcnow())
                session.execute(
                    sa.update(AdeProfile)
                    .where(AdeProfile.enrollment_id == enrollment_id)
                    .values(state="superseded")
                )
                session.add(
                    AdeProfile(
                        enrollment_id=enrollment_id,
                        server_id=self.server_id,
                        profile_uuid=made.profile_uuid,
                        state="defined",
                        content=content,
                        digest="",
                        defined_at=utcnow(),
                    )
                )
        return made.profile_uuid

    def default(self, enrollment_id: int) -> None:
        """Make it the default of the server."""
        self.change(default_enrollment_id=enrollment_id)

    def change(self, **values: Any) -> None:
        """Change the server's row."""
        with self.app.app_context(), db.transaction() as session:
            query = sa.update(DepVirtualServer).where(DepVirtualServer.id == self.server_id)
            session.execute(query.values(**values))

    def _one(self, query: Any) -> Any:
        with self.app.app_context():
            row = db.session().scalars(query).one()
            db.session().expunge(row)
            return row


jobs_by_name = {
    "dep.sync": jobs.sync,
    "dep.assign": jobs.assign,
    "dep.want": jobs.want,
    "dep.forget": jobs.forget,
}


def _a(model: Any, **values: Any) -> int:
    found = db.session().scalars(sa.select(model)).first()
    if found is None:
        found = model(**values)
        db.session().add(found)
        db.session().flush()
    row_id: int = found.id
    return row_id


def settings_for(played: PlayedDep) -> dict[str, object]:
    """What makes an application talk to the played service."""
    return {"ZMDM_DEP_URL": played.url}


@contextmanager
def lay_dep(app: Flask, played: PlayedDep) -> Iterator[Dep]:
    """The application, connected, its first synchronization done."""
    dep = Dep(app, played)
    dep.server_id = dep.connect()
    yield dep
