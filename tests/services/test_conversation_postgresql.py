"""Conversations on PostgreSQL: many at once, during a fan-out, across a restart; and their cost."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import hosts
from tests.copies import copy_device
from tests.orders import Line, order, quiet
from tests.road import Road, lay_road
from tests.servers import Postgres
from zmdm_plugin import db
from zmdm_plugin.models import Channel, ChannelCommand
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import wake
from zmdm_simulator import checkins
from zmdm_simulator.conversation import dumps
from zmdm_simulator.device import SimulatedDevice

MANY = 100_000
LISTS = ("ProfileList", "CertificateList", "InstalledApplicationList", "SecurityInfo")


def converse(line: Line) -> list[str]:
    """Hold a conversation; returns the CommandUUIDs in order."""
    given, more = [], line.idle()
    while more is not None:
        given.append(line.uuid)
        more = line.say()
    return given


def test_eight_conversations_at_once_deliver_each_command_once(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    ordered = [order(pg_road, mac, LISTS[number % 4]) for number in range(24)]
    together = threading.Barrier(8)

    def take_part(_number: int) -> list[str]:
        together.wait()
        line = Line(mac)
        return [uuid for _ in range(12) for uuid in converse(line)]

    with ThreadPoolExecutor(8) as threads:
        given = [uuid for uuids in threads.map(take_part, range(8)) for uuid in uuids]
    assert sorted(given) == sorted(ordered)
    with pg_road.rows() as session:
        assert set(session.scalars(sa.select(ChannelCommand.delivery_count))) == {1}


def test_orders_cancellations_and_conversations_at_once_do_not_deadlock(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    ends = time.monotonic() + 3

    def talk() -> int:
        line, said = Line(mac), 0
        while time.monotonic() < ends:
            said += len(converse(line))
        return said

    def give_orders() -> int:
        given = 0
        while time.monotonic() < ends:
            order(pg_road, mac, "RemoveProfile", {"identifier": f"com.example.{given % 3}"})
            given += 1
        return given

    with ThreadPoolExecutor(4) as threads:
        work = [threads.submit(job) for job in (talk, talk, give_orders, give_orders)]
        assert all(done.result(60) > 0 for done in work)


def test_a_certificate_of_a_former_enrollment_is_refused(any_app: Flask) -> None:
    with lay_road(any_app) as road:
        mac = quiet(road, road.enrolled())
        former = mac.own_identity
        order(road, mac, "ProfileList")
        mac.check_out()
        mac.enroll(road.profile)
        body = dumps({"Status": "Idle", **checkins.who(mac, mac.channel())})
        assert mac.wire.connect(body, identity=former).status_code == 400
        assert "ProfileList" not in mac.connect().request_types


def fan_out(app: Flask) -> None:
    with app.app_context():
        while db.run_in_transaction(lambda: wake.fan_out(now=utcnow())):
            pass


def bound_waits(app: Flask, longest: str) -> None:
    """From now on a statement that waits this long for a row fails, and a poll is answered 503.

    A wall clock would measure how busy the machine is as well.
    """
    with app.app_context():
        with db.engine().connect() as connection:
            name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
            connection.execute(sa.text(f"ALTER DATABASE \"{name}\" SET lock_timeout = '{longest}'"))
            connection.commit()
        db.engine().dispose()


def test_no_poll_waits_long_while_a_whole_fleet_is_marked(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    copy_device(pg_road, mac, first=1, last=MANY)
    with pg_road.rows():
        wake.fleet()
    bound_waits(pg_road.app, "1s")
    fan = threading.Thread(target=fan_out, args=(pg_road.app,))
    line, polls = Line(mac), 0
    fan.start()
    while fan.is_alive():
        line.idle()
        polls += 1
    fan.join()
    assert polls > 10
    with pg_road.rows() as session:
        due = sa.select(sa.func.count()).where(Channel.push_due_at.is_not(None))
        assert (session.scalar(due) or 0) >= MANY


def patient(mac: SimulatedDevice, ends: float) -> set[int]:
    """Connect as a device that is pushed again and again, until nothing comes after an outage."""
    seen: set[int] = set()
    busy = time.monotonic()
    while time.monotonic() < ends and not (503 in seen and time.monotonic() - busy > 3):
        said = mac.connect()
        seen.update(said.statuses)
        if said.request_types or 503 in said.statuses:
            busy = time.monotonic()
        else:
            time.sleep(0.05)
    return seen


@pytest.mark.settings(ZMDM_REDELIVER_AFTER=1)
def test_a_restart_of_the_database_loses_and_doubles_nothing(
    make_app: Callable[..., Flask], own_postgres: Postgres
) -> None:
    with road_on(own_postgres, make_app) as road:
        macs = [quiet(road, road.enrolled(seed=seed)) for seed in range(3)]
        for mac in macs:
            for number in range(60):
                order(road, mac, LISTS[number % 4])
        ends = time.monotonic() + 60
        with ThreadPoolExecutor(3) as threads:
            talks = [threads.submit(patient, mac, ends) for mac in macs]
            time.sleep(0.4)
            own_postgres.kill()
            time.sleep(0.5)
            own_postgres.start()
            seen = set().union(*(talk.result() for talk in talks))
        assert seen == {200, 503}
        with road.rows() as session:
            found = sa.select(ChannelCommand.state, sa.func.count())
            states = session.execute(found.group_by(ChannelCommand.state)).all()
        assert [tuple(row) for row in states] == [("acknowledged", 3 * 62)]


# What it costs, as the server's log counts it


@contextmanager
def road_on(server: Postgres, make_app: Callable[..., Flask]) -> Iterator[Road]:
    url = server.create().render_as_string(hide_password=False)
    hosts.migrate(url)
    with lay_road(make_app(url)) as road:
        yield road


@pytest.fixture
def logged(own_postgres: Postgres, make_app: Callable[..., Flask]) -> Iterator[tuple[Road, Any]]:
    """A road whose database writes every statement into its log, and what reads it."""
    with road_on(own_postgres, make_app) as road:
        with road.rows() as session:
            name = session.scalar(sa.text("SELECT current_database()"))
            session.execute(sa.text(f"ALTER DATABASE \"{name}\" SET log_statement = 'all'"))
        hosts.close(road.app)

        def statements(work: Callable[[], object]) -> list[str]:
            before = own_postgres.log.stat().st_size
            work()
            text = own_postgres.log.read_bytes()[before:].decode()
            return re.findall(r"LOG:  (?:statement|execute [^:]*):\s+(\w+)", text)

        yield road, statements


def test_an_idle_poll_is_one_statement(logged: tuple[Road, Any]) -> None:
    road, statements = logged
    mac = quiet(road, road.enrolled())
    line = Line(mac)
    line.idle()
    assert statements(line.idle) == ["UPDATE"]
    assert statements(lambda: [line.idle() for _ in range(10)]) == ["UPDATE"] * 10


def test_an_answer_and_the_next_command_are_four(logged: tuple[Road, Any]) -> None:
    road, statements = logged
    mac = quiet(road, road.enrolled())
    for _ in range(6):
        order(road, mac, "RestartDevice")
    line = Line(mac)
    line.idle()
    line.say()
    written = [one for one in statements(line.say) if one != "SELECT"]  # webhooks, now and then
    assert written == ["BEGIN", "UPDATE", "UPDATE", "UPDATE", "INSERT", "COMMIT"]


def test_facts_are_read_once_and_written_once(logged: tuple[Road, Any]) -> None:
    road, statements = logged
    mac = quiet(road, road.enrolled())
    for _ in range(3):
        order(road, mac, "DeviceInformation")
    line = Line(mac)
    line.idle()
    line.say(QueryResponses={"DeviceName": "one"})
    written = statements(lambda: line.say(QueryResponses={"DeviceName": "two"}))
    assert written.count("SELECT") <= 2
    others = sorted(one for one in written if one != "SELECT")
    assert others == ["BEGIN", "COMMIT", "INSERT", *["UPDATE"] * 4]
