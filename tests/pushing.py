"""Channels to push to, a certificate that the played Apple takes, and looks at what became of it.

with lay_pushing(app, apple) as pushing: …    # or the fixture `pushing`, on both databases
[one, two] = pushing.due(2)                    # ids of channels that are to be woken now
pushing.flush()                                # the job, here
pushing.round(later=DAY)                       # one batch, at another time
pushing.row(one).push_reason                   # a copy of the row
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from zmdm_plugin import db, queues
from zmdm_plugin.clients.apns import Outcome
from zmdm_plugin.jobs import push as push_job
from zmdm_plugin.models import Channel, ChannelCommand, Device, Event, PushCertificate
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.services import apns_pool, push, push_certificates
from zmdm_plugin.state import state_of
from zmdm_simulator.apple.material import Material
from zmdm_simulator.apple.service import PlayedAppleThread

NOTHING = timedelta(0)
DAY = timedelta(days=1)
LEASE = timedelta(seconds=90)
NAME = "Example"


def token_of(number: int) -> bytes:
    """The token of the channel with this number."""
    return number.to_bytes(32)


def settings_for(apple: PlayedAppleThread) -> dict[str, object]:
    """What makes an application push to the played Apple."""
    roots = apple.material.path("apns-ca.pem").read_text()
    return {"ZMDM_APNS_URL": apple.url, "ZMDM_APNS_CA": roots}


def take(material: Material, name: str = NAME) -> PushCertificate:
    """Import the push certificate of the played Apple; inside a transaction."""
    certificate, key = (material.path(f"push-{part}.pem").read_bytes() for part in ("cert", "key"))
    return push_certificates.take(name, certificate, key)


def add_channels(count: int, certificate_id: int, *, first: int = 1, **columns: Any) -> list[int]:
    """Enrolled devices with a channel each, in two statements; inside a transaction."""
    now = utcnow()
    common = {"created_at": now, "updated_at": now}
    numbers = range(first, first + count)
    devices = [
        {"uid": new_uid(), "udid": f"U-{n}", "push_certificate_id": certificate_id, **common}
        for n in numbers
    ]
    ids = db.session().scalars(sa.insert(Device).returning(Device.id), devices).all()
    columns = {"enrolled_at": now, "push_token_at": now, **columns}
    channels = [
        {
            "uid": new_uid(),
            "device_id": device_id,
            "kind": "device",
            "key": "",
            "push_token": token_of(number),
            "push_magic": f"magic-{number}",
            **common,
            **columns,
        }
        for number, device_id in zip(numbers, sorted(ids), strict=True)
    ]
    return sorted(db.session().scalars(sa.insert(Channel).returning(Channel.id), channels))


@dataclass
class Pushing:
    """One application, one played Apple, channels numbered from 1."""

    app: Flask
    apple: PlayedAppleThread
    certificate_id: int
    made: int = 0

    def due(self, count: int = 1, **columns: Any) -> list[int]:
        """Channels to be woken now."""
        return self.channels(count, **{"push_due_at": utcnow(), **columns})

    def channels(self, count: int = 1, **columns: Any) -> list[int]:
        """Channels with a token, of which nothing is wanted."""
        with self.transaction():
            ids = add_channels(count, self.certificate_id, first=self.made + 1, **columns)
        self.made += count
        return ids

    def answers(self, *script: object, number: int = 1) -> None:
        """What Apple says to the pushes for this channel, one after the other."""
        self.apple.faults(tokens={token_of(number).hex(): list(script)})

    def flush(self) -> None:
        with self.app.app_context():
            push_job.flush()

    def claim(self, *, later: timedelta = NOTHING, bulk: bool = False) -> push.Claim | None:
        with self.transaction():
            return push.claim(now=utcnow() + later, limit=push.BATCH, bulk=bulk, lasts=LEASE)

    def send(self, claimed: push.Claim) -> push.Answered:
        with self.app.app_context():
            return push.send(claimed, apns_pool.client_of(claimed.certificate_id))

    def store(
        self, claimed: push.Claim, answered: push.Answered, *, later: timedelta = NOTHING
    ) -> None:
        with self.transaction():
            push.store(claimed, answered, now=utcnow() + later)

    def round(self, *, later: timedelta = NOTHING, bulk: bool = False) -> list[Outcome]:
        """Claim, send and store one batch as it would happen later."""
        claimed = self.claim(later=later, bulk=bulk)
        if claimed is None:
            return []
        answered = self.send(claimed)
        self.store(claimed, answered, later=later)
        return [outcome for _, outcome in answered]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.app.app_context(), db.transaction():
            yield

    def row(self, channel_id: int) -> Channel:
        """A copy of the channel as it is now."""
        with self.app.app_context():
            row = db.session().get_one(Channel, channel_id)
            db.session().expunge_all()
            return row

    def certificate(self) -> PushCertificate:
        """A copy of the certificate's row."""
        with self.app.app_context():
            row = db.session().get_one(PushCertificate, self.certificate_id)
            db.session().expunge_all()
            return row

    def change(self, channel_id: int, **columns: Any) -> None:
        """Write columns as a check-in or an order would."""
        with self.transaction():
            row = db.session().get_one(Channel, channel_id)
            for name, value in columns.items():
                setattr(row, name, value)

    def order(self, channel_id: int, *, created_at: datetime, **columns: Any) -> int:
        """A queued command, as old as wanted."""
        with self.transaction():
            device_id = db.session().get_one(Channel, channel_id).device_id
            row = ChannelCommand(channel_id=channel_id, device_id=device_id, **_COMMAND | columns)
            row.created_at = created_at
            db.session().add(row)
            db.session().flush()
            return row.id

    def order_all(self, ids: list[int]) -> None:
        """A command for each channel and its wake, as one order each would leave them, but fast."""
        now = utcnow()
        with self.transaction():
            pairs = db.session().execute(
                sa.select(Channel.id, Channel.device_id).where(Channel.id.in_(ids))
            )
            common = {**_COMMAND, "created_at": now, "updated_at": now}
            rows = [
                {"uid": new_uid(), "channel_id": channel, "device_id": device, **common}
                for channel, device in pairs
            ]
            db.session().execute(sa.insert(ChannelCommand), rows)
            db.session().execute(
                sa.update(Channel).where(Channel.id.in_(ids)).values(push_due_at=now)
            )
            queues.defer("push.flush", once="push.flush")

    def events(self) -> list[str]:
        with self.app.app_context():
            return list(db.session().scalars(sa.select(Event.kind).order_by(Event.id)))

    def pushed(self) -> list[int]:
        """Numbers of the channels that Apple took pushes for, in order."""
        return [int(taken.accepted.token, 16) for taken in self.apple.pushes()]


_COMMAND = {
    "name": "ProfileList",
    "request_type": "ProfileList",
    "args": {},
    "state": "queued",
}


@contextmanager
def lay_pushing(app: Flask, apple: PlayedAppleThread) -> Iterator[Pushing]:
    """Import the played Apple's certificate, and close the connections in the end."""
    with app.app_context(), db.transaction():
        certificate_id = take(apple.material).id
    yield Pushing(app, apple, certificate_id)
    apns_pool.close(state_of(app))
