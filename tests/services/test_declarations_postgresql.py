"""Declarations on PostgreSQL: what questions cost, and many at once while an operator changes."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import hosts
from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road, lay_road
from tests.servers import Postgres
from zmdm_plugin.models import ArtifactVersion, ChannelDeclarations, Manifest
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.declarations import manifest
from zmdm_simulator.device import SimulatedDevice

Statements = Callable[[Callable[[], object]], list[str]]


@pytest.fixture
def logged(
    own_postgres: Postgres, make_app: Callable[..., Flask]
) -> Iterator[tuple[Road, Statements]]:
    """A road whose database writes every statement into its log, and what reads it."""
    url = own_postgres.create().render_as_string(hide_password=False)
    hosts.migrate(url)
    with lay_road(make_app(url)) as road:
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


def managed(desk: Desk, device: SimulatedDevice) -> SimulatedDevice:
    """A device in agreement with its list, with nothing left to be planned."""
    desk.assign(quiet(desk.road, device))
    while device.connect().request_types:
        pass
    return device


def test_tokens_and_list_are_one_statement_each_and_a_poll_is_still_one(
    logged: tuple[Road, Statements],
) -> None:
    road, statements = logged
    desk = Desk(road)
    for number in range(12):
        desk.configuration(f"Passcode {number}")
    mac = managed(desk, road.enrolled())
    desk.items(mac)
    assert statements(lambda: desk.ask(mac, "tokens")) == ["SELECT"]
    assert statements(lambda: desk.ask(mac, "declaration-items")) == ["UPDATE"]
    assert statements(mac.connect) == ["UPDATE"]


def test_fetches_during_changes_answer_one_list_or_the_other_and_never_a_mixture(
    pg_road: Road,
) -> None:
    desk = Desk(pg_road)
    passcode = desk.configuration("Passcode", payload={"MinimumLength": 0})
    mac = managed(desk, pg_road.enrolled())
    name = desk.identifier(passcode)
    over = threading.Event()

    def change() -> None:
        for length in range(1, 9):
            desk.wording(passcode, {"MinimumLength": length})
            desk.items(mac)
        over.set()

    def fetch(_number: int) -> set[tuple[str, int]]:
        seen = set()
        while not over.is_set():
            body = desk.ask(mac, f"declaration/configuration/{name}").json()
            seen.add((body["ServerToken"], body["Payload"]["MinimumLength"]))
        return seen

    with ThreadPoolExecutor(3) as threads:
        changing = threads.submit(change)
        seen = set().union(*threads.map(fetch, range(2)))
        changing.result()
    with pg_road.rows() as session:
        rows = session.execute(sa.select(ArtifactVersion.uid, ArtifactVersion.content))
        truth = {(uid, content["payload"]["MinimumLength"]) for uid, content in rows}
    assert seen <= truth and len(seen) > 1


def test_channels_that_come_to_the_same_list_at_once_share_one_row(pg_road: Road) -> None:
    desk = Desk(pg_road)
    desk.configuration("Passcode")
    macs = [desk.assign(quiet(pg_road, pg_road.enrolled(seed=seed))) for seed in range(6)]
    together = threading.Barrier(len(macs))

    def ask(mac: SimulatedDevice) -> str:
        together.wait()
        token: str = desk.ask(mac, "declaration-items").json()["DeclarationsToken"]
        return token

    with ThreadPoolExecutor(len(macs)) as threads:
        assert len(set(threads.map(ask, macs))) == 1
    with pg_road.rows() as session:
        offered = set(session.scalars(sa.select(ChannelDeclarations.offered_manifest_id)))
        assert len(offered) == 1
        assert session.scalar(sa.select(sa.func.count(Manifest.id))) == 1


def test_a_manifest_that_nobody_is_offered_any_more_is_deleted(pg_road: Road) -> None:
    desk = Desk(pg_road)
    mac = managed(desk, pg_road.enrolled())
    for length in range(3):
        desk.configuration(f"Passcode {length}")
        desk.items(mac)
    with pg_road.rows() as session:
        assert manifest.forget_unused(now=utcnow()) == 0
        session.execute(sa.update(Manifest).values(created_at=utcnow() - timedelta(days=2)))
        assert manifest.forget_unused(now=utcnow()) > 0
        assert session.scalar(sa.select(sa.func.count(Manifest.id))) == 1
    assert desk.ask(mac, "declaration-items").status_code == 200


@pytest.mark.settings(ZMDM_REDELIVER_AFTER=1)
def test_a_database_that_dies_during_synchronizations_leaves_the_same_end(
    make_app: Callable[..., Flask], own_postgres: Postgres
) -> None:
    url = own_postgres.create().render_as_string(hide_password=False)
    hosts.migrate(url)
    with lay_road(make_app(url)) as road:
        desk = Desk(road)
        ids = [desk.configuration(f"Passcode {number}") for number in range(5)]
        macs = [desk.assign(quiet(road, road.enrolled(seed=seed))) for seed in range(3)]
        with ThreadPoolExecutor(len(macs)) as threads:
            syncing = [threads.submit(mac.connect) for mac in macs]
            time.sleep(0.4)
            own_postgres.kill()
            faults = [one.exception() for one in syncing]
        own_postgres.start()
        time.sleep(1.1)
        assert all(fault is None or "503" in str(fault) for fault in faults)
        for mac in macs:
            while mac.connect().request_types:
                pass
            if mac.channel().declarative:
                mac.sync()
            while mac.connect().request_types:
                pass
            assert {desk.state(mac, one).status for one in ids} == {"installed"}
