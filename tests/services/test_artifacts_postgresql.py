"""Artifacts on PostgreSQL: operators at the same time, and conversations while they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.declaring import Desk
from tests.orders import Line, quiet
from tests.road import Road
from tests.shelf import mobileconfig
from zmdm_plugin.models import ArtifactVersion, ChannelCommand
from zmdm_plugin.services.artifacts import artifacts, blueprints

AT_ONCE = 8


@pytest.fixture
def desk(pg_road: Road) -> Desk:
    return Desk(pg_road, legacy_profiles_via_ddm=False)


def other_desk(desk: Desk, name: str) -> Desk:
    """The same administrator at another blueprint."""
    other = object.__new__(Desk)
    other.road = desk.road
    with desk.road.rows():
        other.blueprint_id = blueprints.create(name).id
    return other


def at_once(*work: Callable[[], object]) -> None:
    """Do all of it at the same time; what fails anywhere fails the test."""
    together = threading.Barrier(len(work))

    def begin(one: Callable[[], object]) -> object:
        together.wait()
        return one()

    with ThreadPoolExecutor(len(work)) as threads:
        for done in [threads.submit(begin, one) for one in work]:
            done.result(60)


def test_conversations_while_the_blueprint_changes_install_the_last_version(desk: Desk) -> None:
    mac = desk.assign(quiet(desk.road, desk.road.enrolled()))
    known = [desk.profile(f"Profile {number}") for number in range(3)]
    over = threading.Event()

    def converse() -> None:
        line = Line(mac)  # which fails the test if it is not answered 200
        while not over.is_set():
            given = line.idle()
            while given is not None:
                given = line.say()

    def change() -> None:
        newest = {}
        for number in range(12):
            newest[number % 3] = desk.version(known[number % 3], mobileconfig())
        over.set()

    at_once(change, *[converse] * AT_ONCE)
    mac.connect()
    states = [desk.state(mac, one) for one in known]
    assert {one.status for one in states} == {"installed"}
    with desk.road.rows() as session:
        newest = sa.select(sa.func.max(ArtifactVersion.id)).group_by(ArtifactVersion.artifact_id)
        assert {one.installed_version_id for one in states} == set(session.scalars(newest))
        twice = sa.select(ChannelCommand.delivery_count).where(ChannelCommand.delivery_count > 1)
        assert session.scalars(twice).all() == []


def test_operators_who_save_the_same_artifact_at_once_all_get_a_version(desk: Desk) -> None:
    wifi = desk.profile("Wi-Fi")
    at_once(*[lambda: desk.version(wifi, mobileconfig())] * AT_ONCE)
    with desk.road.rows() as session:
        version = ArtifactVersion
        found = session.execute(sa.select(version.number, version.rank).order_by(version.number))
        numbers, ranks = zip(*found.all(), strict=True)
    assert numbers == tuple(range(1, AT_ONCE + 2))
    assert ranks == numbers


def test_operators_who_change_different_blueprints_do_not_wait_for_each_other(desk: Desk) -> None:
    desk.profile("Wi-Fi")
    other = other_desk(desk, "Lab")
    with desk.road.rows():
        blueprints.update(blueprints.find(desk.blueprint_id), {"inventory_interval": 50_000})

        def change() -> None:
            with desk.road.rows() as session:
                session.execute(sa.text("SET LOCAL lock_timeout = '500ms'"))
                found = blueprints.find(other.blueprint_id)
                blueprints.update(found, {"inventory_interval": 60_000})

        at_once(change)


def test_changes_of_what_many_blueprints_share_do_not_deadlock(desk: Desk) -> None:
    first, second = desk.profile("Wi-Fi"), desk.profile("VPN")
    desks = [desk, *(other_desk(desk, f"Staff {number}") for number in range(4))]
    with desk.road.rows():
        for one in desks[1:]:
            for artifact in (second, first):
                blueprints.link(blueprints.find(one.blueprint_id), artifacts.find(artifact))
    ends = time.monotonic() + 3

    def change(work: Callable[[int], object]) -> Callable[[], None]:
        def often() -> None:
            number = 0
            while time.monotonic() < ends:
                number += 1
                work(number)

        return often

    def interval(one: Desk) -> Callable[[int], object]:
        return lambda number: one.change(inventory_interval=20_000 + number)

    at_once(
        change(lambda _: desk.version(first, mobileconfig())),
        change(lambda _: desk.version(second, mobileconfig())),
        *(change(interval(one)) for one in (desks[-1], desks[0])),
    )
