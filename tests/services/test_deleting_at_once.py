"""A device is deleted while it speaks: nobody gets a 5xx, nothing is left over (PostgreSQL)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.orders import order, quiet
from tests.road import Road
from tests.services.test_leaving import delete, say
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device, JobRun, metadata
from zmdm_simulator.conversation import idle
from zmdm_simulator.device import SimulatedDevice

MACS, TIMES = 4, 6


def ask(_road: Road, mac: SimulatedDevice) -> None:
    """Somebody who was released asks for commands, and answers with what is left of them."""
    mac.wire.connect(idle(mac, mac.channel()))


def come_again(road: Road, mac: SimulatedDevice) -> None:
    """Somebody who has left enrolls again, and leaves."""
    with contextlib.suppress(Exception):  # a stranger in the middle of it: the statuses count
        mac.enroll(road.profile)
        mac.connect()
        mac.check_out()


def left_of(road: Road, device_id: int) -> list[str]:
    """Tables with rows of a device."""
    with road.app.app_context():
        return [
            table.name
            for table in metadata.sorted_tables
            if "device_id" in table.c
            and table.c.device_id.foreign_keys
            and db.session().scalar(
                sa.select(sa.func.count()).where(table.c.device_id == device_id)
            )
        ]


def at_once(road: Road, macs: list[SimulatedDevice], speak: Callable[..., None]) -> list[JobRun]:
    """All of them speak while each is deleted; how the deletions ended."""
    ids = [road.row_id(mac) for mac in macs]
    together = threading.Barrier(2 * len(macs))

    def talk(mac: SimulatedDevice) -> None:
        together.wait()
        for _ in range(TIMES):
            speak(road, mac)

    def remove(device_id: int) -> JobRun:
        together.wait()
        return delete(road, device_id, despite_secrets=True)

    with ThreadPoolExecutor(2 * len(macs)) as threads:
        talking = [threads.submit(talk, mac) for mac in macs]
        runs = list(threads.map(remove, ids))
        for one in talking:
            one.result()
    return runs


@pytest.mark.parametrize("speak", [ask, come_again])
def test_a_device_that_speaks_while_it_is_deleted_is_gone_or_stays_whole(
    pg_road: Road, speak: Callable[..., None]
) -> None:
    macs = [quiet(pg_road, pg_road.enrolled(seed=number)) for number in range(MACS)]
    ids = [pg_road.row_id(mac) for mac in macs]
    for mac in macs:
        order(pg_road, mac, "RestartDevice")
        say(pg_road, mac, "release") if speak is ask else mac.check_out()
    statuses: list[int] = []
    pg_road.http.event_hooks = {"response": [lambda answer: statuses.append(answer.status_code)]}
    runs = at_once(pg_road, macs, speak)
    assert [one for one in statuses if one >= 500] == [] and len(statuses) >= MACS
    assert {run.state for run in runs} == {"done"}
    with pg_road.rows() as session:
        present = set(session.scalars(sa.select(Device.id)))
        audited = sa.select(sa.func.count()).where(AuditEntry.action == "device.delete")
        assert session.scalar(audited) == len(set(ids) - present)
    assert [left_of(pg_road, one) for one in ids if one not in present] == [[]] * len(
        set(ids) - present
    )
