"""Workers are killed while they tell events: nothing is lost, no order of a device changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons
from tests.processes import wait_until
from tests.receiver import Receiver, proves, receiving
from zmdm_plugin import db
from zmdm_plugin.models import Device, Event, WebhookDelivery
from zmdm_plugin.services import events
from zmdm_plugin.services.webhooks import hooks

pytestmark = pytest.mark.slow
DEVICES, EACH = 40, 3


@dataclass
class Scene:
    """An application with a webhook, who listens to it, and processes to be killed."""

    app: Flask
    daemons: Daemons
    there: Receiver
    secret: str

    def happen(self) -> None:
        """Some events of each device, in turn."""
        with self.app.app_context(), db.transaction() as session:
            for number in range(EACH):
                for device in session.scalars(sa.select(Device).order_by(Device.id)):
                    about = {"command": "0", "text": f"number {number}"}
                    events.record("command.note", device=device, **about)

    def killed_after(self, number: int) -> None:
        """A worker dies after the receiver has taken so many more, before it was thanked."""
        worker = self.daemons.worker()
        self.there.stall(after=number)
        self.happen()
        self.let_the_lease_pass()
        wait_until(self.there.stalled.is_set, what=f"{number} events", seconds=120)
        worker.kill()
        self.there.go_on()

    def let_the_lease_pass(self) -> None:
        """As if the dead one had been silent for long enough."""
        with self.app.app_context(), db.transaction() as session:
            session.execute(sa.update(WebhookDelivery).values(leased_until=None))

    def finish(self) -> None:
        """Somebody who is not killed does the rest."""
        worker = self.daemons.worker()
        self.let_the_lease_pass()
        self.happen()
        wait_until(lambda: self.left() == 0, what="the end", seconds=90)
        worker.stop()

    def left(self) -> int:
        with self.app.app_context():
            return db.session().scalar(sa.select(sa.func.count(WebhookDelivery.id))) or 0

    def happened(self) -> list[int]:
        """Ids of all events that were wanted, in order."""
        with self.app.app_context():
            query = sa.select(Event.id).where(Event.kind == "command.note")
            return list(db.session().scalars(query.order_by(Event.id)))


@pytest.fixture
def scene(
    tmp_path: Path, make_app: Callable[..., Flask], pg_url: str, redis_url: str
) -> Iterator[Scene]:
    settings: dict[str, object] = {
        "ZMDM_REDIS_URL": redis_url,
        "ZMDM_PRIVATE_NETWORKS": "127.0.0.0/8",
        "ZMDM_SWEEP_INTERVAL": 1,
    }
    app = make_app(pg_url, **settings)
    with receiving() as there, Daemons(tmp_path, pg_url, settings) as daemons:
        with app.app_context(), db.transaction() as session:
            session.add_all(Device(udid=f"U-{n}", serial_number=f"C{n}") for n in range(DEVICES))
            _, secret = hooks.create("Desk", there.url, kinds=["command.note"])
        daemons.scheduler("--lease", "2")
        yield Scene(app, daemons, there, secret)


@pytest.mark.timeout(300)
def test_killed_workers_lose_no_event_and_change_no_order(scene: Scene) -> None:
    for number in (1, 25, 70):  # in the first, in the middle of a batch, in a later batch
        scene.killed_after(number)
    scene.finish()
    told = scene.there.told
    assert sorted({one["id"] for one in told}) == scene.happened()
    assert len(told) > len(scene.happened())  # some came twice, for nobody knew that they had come
    by_device = defaultdict(list)
    for one in told:
        by_device[one["device"]["id"]].append(one["id"])
    assert [ids for ids in by_device.values() if ids != sorted(ids)] == []
    bodies = {one["id"]: one for one in told}
    assert [one for one in told if one != bodies[one["id"]]] == []
    for headers, body in scene.there.tries:
        assert proves(headers, body, scene.secret)
        assert headers["Zmdm-Delivery"] == str(bodies[int(headers["Zmdm-Delivery"])]["id"])
