"""Licences of scopes: there before devices ask for them, and given back when no scope wants them.

What is compared are the played Apple's own books.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.ade import connected, settings_for
from tests.books import PAGES, serials
from tests.dep_road import Dep
from tests.hosts import ADMINISTRATOR
from tests.licensed import Licensed, lay_licensed
from tests.orders import order
from tests.services.test_apps_by_command import given, wait
from zmdm_plugin import db
from zmdm_plugin.models import Device, JobRun, Licence
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import bulk, bulk_licences, job_runs, release, replan, tags
from zmdm_plugin.services.apps import walk
from zmdm_plugin.services.apps_books import licences
from zmdm_plugin.services.artifacts import artifacts, assignment, blueprints
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.web import dep as talking
from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.device import SimulatedDevice

ERASE = {"preserve_data_plan": False, "disallow_proximity_setup": False}


@pytest.fixture
def licensed(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Licensed]:
    with lay_licensed(make_app, sqlite_url) as laid:
        yield laid


@pytest.fixture(params=["sqlite", "postgresql"])
def any_licensed(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask]
) -> Iterator[Licensed]:
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    with lay_licensed(make_app, url) as laid:
        yield laid


def change(licensed: Licensed, number: str, how: Callable[[Device], object]) -> None:
    """Something about one device changes, as services change it."""
    with licensed.road.rows() as session:
        how(session.scalars(sa.select(Device).where(Device.serial_number == number)).one())


def walks(licensed: Licensed) -> list[JobRun]:
    """The runs that show how far walks were, detached."""
    with licensed.road.rows() as session:
        rows = list(session.scalars(sa.select(JobRun).where(JobRun.name == "licences.walk")))
        session.expunge_all()
        return rows


def test_a_walk_shows_how_far_it_is_and_can_be_stopped(licensed: Licensed) -> None:
    licensed.devices(serials(1001))
    licensed.app(total=2000)
    with licensed.road.app.app_context():
        while not walks(licensed):
            assert db.run_in_transaction(lambda: walk.step(now=utcnow()))
    (run,) = walks(licensed)
    assert (run.state, run.done, run.total) == ("running", 1000, 1001)
    with licensed.road.rows():
        job_runs.cancel(run.uid, now=utcnow())
    licensed.walk()
    with licensed.road.rows() as session:
        wanted = sa.select(sa.func.count()).where(Licence.scoped)
        assert session.scalar(wanted) == 1000
    (run,) = walks(licensed)
    assert (run.state, run.done) == ("cancelled", 1000)


def test_a_licence_is_there_before_the_device_asks(licensed: Licensed) -> None:
    phone = licensed.phone()
    licensed.app()
    licensed.settle()
    assert licensed.at_apple() == [phone.facts.serial]
    assert given(phone, licensed) == ["InstallApplication"]


def test_a_whole_blueprint_gets_licences_and_gives_them_back(any_licensed: Licensed) -> None:
    any_licensed.devices(serials(1200))
    any_licensed.devices(serials(5, first=5000), platform="macOS")
    pages = any_licensed.app(total=2000)
    any_licensed.settle(rounds=3)
    assert any_licensed.at_apple() == serials(1200)
    told = walks(any_licensed)[0]
    assert (told.state, told.done, told.total, told.result) == (
        "done",
        1205,
        1205,
        {"changed": 1200},
    )
    assert told.title == "See which licences the devices of Staff need"
    any_licensed.unlink(pages)
    any_licensed.settle(rounds=3)
    assert any_licensed.at_apple() == any_licensed.shelf.held() == []


def test_an_app_is_removed_before_its_licence_is_given_back(licensed: Licensed) -> None:
    phone = licensed.phone()
    pages = licensed.app()
    licensed.settle()
    phone.connect()
    wait(licensed, phone)
    phone.connect()
    licensed.unlink(pages)
    licensed.settle()
    assert licensed.at_apple() == [phone.facts.serial]
    assert given(phone, licensed) == ["RemoveApplication"]
    licensed.settle()
    assert (licensed.at_apple(), phone.apps) == ([], {})


def test_an_order_that_was_not_delivered_yet_does_not_keep_the_licence(licensed: Licensed) -> None:
    phone = licensed.phone()
    pages = licensed.app()
    licensed.settle()
    licensed.unlink(pages)
    licensed.settle()
    assert licensed.at_apple() == []
    assert given(phone, licensed) == []


def test_what_an_operator_or_somebody_else_assigned_stays(licensed: Licensed) -> None:
    licensed.devices(["A", "B", "C"])
    pages = licensed.app()
    licensed.shelf.played.assign("Berlin", PAGES, serials=["C"], kind="ASSOCIATE")
    licensed.shelf.played.settle()
    with licensed.road.rows():
        licences.assign(licensed.licensed[pages], ["B"])
    licensed.settle()
    assert licensed.at_apple() == ["A", "B", "C"]
    licensed.unlink(pages)
    licensed.settle()
    assert licensed.at_apple() == ["B", "C"]


def test_each_change_of_a_device_is_walked(licensed: Licensed) -> None:
    licensed.devices(["A", "B", "C"])
    with licensed.road.rows():
        lab = tags.create("Lab").id
    pages = licensed.app()
    with licensed.road.rows():
        link = blueprints.find_link(blueprints.find(licensed.blueprint_id), artifacts.find(pages))
        blueprints.change_link(link, {"platforms": {"iOS": {}}, "excluded_tags": [lab]})
    change(licensed, "A", lambda one: tags.put(one, tags.find(lab)))
    change(licensed, "B", lambda one: assignment.choose(one, None, actor=ADMINISTRATOR))
    licensed.settle()
    assert licensed.at_apple() == ["C"]
    change(licensed, "A", lambda one: tags.take(one, tags.find(lab)))
    change(licensed, "C", lambda one: _turn(one, serial_number="D"))
    licensed.settle()
    assert licensed.at_apple() == ["A", "D"]


def _turn(device: Device, **facts: Any) -> None:
    before = replan.facts(device)
    for name, value in facts.items():
        setattr(device, name, value)
    db.session().flush()
    replan.if_facts_changed(device, before)


def test_a_device_that_enrolls_gets_its_licences_and_one_in_setup_assistant_too(
    licensed: Licensed,
) -> None:
    licensed.app()
    licensed.settle()
    phone = licensed.phone(assigned=False)
    change(licensed, phone.facts.serial or "", lambda one: _begin(licensed, one))
    licensed.settle()
    assert licensed.at_apple() == [phone.facts.serial]


def _begin(licensed: Licensed, device: Device) -> None:
    device.awaiting_configuration = True
    assignment.choose(device, blueprints.find(licensed.blueprint_id), actor=ADMINISTRATOR)


def test_a_device_that_checks_out_gives_back_what_this_server_assigned(licensed: Licensed) -> None:
    phone, other = licensed.phone(1), licensed.phone(2)
    licensed.app()
    number = other.facts.serial
    licensed.shelf.played.assign("Berlin", PAGES, serials=[number], kind="ASSOCIATE")
    licensed.shelf.played.settle()
    licensed.settle()
    assert len(licensed.at_apple()) == 2
    phone.check_out()
    other.check_out()
    licensed.settle()
    assert licensed.at_apple() == [number]


def test_a_blocked_device_gives_back_its_licence_and_asks_anew_when_it_may_stay(
    licensed: Licensed,
) -> None:
    phone = licensed.phone()
    licensed.app()
    licensed.settle()
    change(licensed, phone.facts.serial, release.block)
    licensed.settle()
    assert licensed.at_apple() == []
    change(licensed, phone.facts.serial, release.unblock)
    licensed.settle()
    assert licensed.at_apple() == [phone.facts.serial]


def test_a_device_that_enrolls_anew_keeps_its_licence(licensed: Licensed) -> None:
    phone = licensed.phone()
    licensed.app()
    licensed.settle()
    phone.forget("restored")
    phone.enroll(licensed.road.over_the_air("Again", blueprint_id=licensed.blueprint_id))
    licensed.settle()
    phone.forget("restored")
    phone.enroll(licensed.road.over_the_air("Without apps"))
    assert (licensed.at_apple(), licensed.taken_back()) == ([phone.facts.serial], 0)
    licensed.settle()
    assert licensed.at_apple() == []


class Owned(NamedTuple):
    licensed: Licensed
    dep: Dep
    phone: SimulatedDevice


@pytest.fixture
def owned(
    make_app: Callable[..., Flask], sqlite_url: str, played_dep: PlayedDep
) -> Iterator[Owned]:
    """With a service of the organization, and an app for an iPhone that Apple assigns to it."""
    with lay_licensed(make_app, sqlite_url, **settings_for(played_dep)) as laid:
        dep = Dep(laid.road.app, played_dep, connected(laid.road, played_dep).server_id)
        phone = laid.phone()
        played_dep.organization.add([{"serial_number": phone.facts.serial}])
        dep.sync()
        laid.app()
        laid.settle()
        yield Owned(laid, dep, phone)


@pytest.mark.parametrize(("returns", "kept"), [(False, False), (True, True)])
def test_an_erased_device_gives_back_its_licence_unless_it_returns_to_service(
    licensed: Licensed, returns: bool, kept: bool
) -> None:
    phone = licensed.phone()
    phone.forget("restored")  # and comes back with the blueprint of its enrollment
    phone.enroll(licensed.road.over_the_air("Staff", blueprint_id=licensed.blueprint_id))
    licensed.app()
    licensed.settle()
    order(licensed.road, phone, "EraseDevice", {**ERASE, "return_to_service": returns})
    phone.connect()
    licensed.settle()
    assert licensed.at_apple() == ([phone.facts.serial] if kept else [])


def test_an_erased_device_that_apple_assigns_to_us_keeps_its_licence(
    owned: Owned,
) -> None:
    licensed, phone = owned.licensed, owned.phone
    order(licensed.road, phone, "EraseDevice", ERASE)
    phone.connect()
    licensed.settle()
    assert (licensed.at_apple(), licensed.taken_back()) == ([phone.facts.serial], 0)


@pytest.mark.parametrize("end", ["archive", "delete"])
def test_an_erased_device_that_is_archived_or_deleted_gives_back_the_licence_that_it_kept(
    owned: Owned, run_jobs: Callable[[Flask], int], end: str
) -> None:
    licensed, phone = owned.licensed, owned.phone
    order(licensed.road, phone, "EraseDevice", ERASE)
    phone.connect()
    with licensed.road.rows():
        which = Which(ids=(licensed.road.row(phone).id,))
        bulk.start(ADMINISTRATOR, end, which, confirmed=1)
    run_jobs(licensed.road.app)
    licensed.settle()
    assert (licensed.at_apple(), licensed.shelf.held()) == ([], [])
    licensed.shelf.sync()
    licensed.settle()
    assert licensed.at_apple() == []


def test_a_disowned_device_gives_back_its_licence_and_gets_none_anew(
    owned: Owned,
) -> None:
    licensed, dep = owned.licensed, owned.dep
    (number,) = licensed.at_apple()
    with dep.app.app_context():
        assert talking.disown(dep.device(number).id, actor=ADMINISTRATOR) == "SUCCESS"
    licensed.settle()
    assert licensed.at_apple() == []
    change(licensed, number, replan.device)
    licensed.settle()
    assert licensed.at_apple() == []


def test_an_operator_takes_back_only_what_no_scope_wants(
    licensed: Licensed, run_jobs: Callable[[Flask], int]
) -> None:
    licensed.devices(["A"])
    pages = licensed.app()
    with licensed.road.rows():
        licences.assign(licensed.licensed[pages], ["A", "B"])
    licensed.settle()
    assert licensed.at_apple() == ["A", "B"]
    with licensed.road.rows():
        asset = licensed.shelf.asset()
        run = bulk_licences.start(
            ADMINISTRATOR, asset, "revoke", numbers=["A", "B"], confirmed=2
        ).uid
    run_jobs(licensed.road.app)
    licensed.settle()
    assert licensed.at_apple() == ["A"]
    with licensed.road.rows():
        message = job_runs.find(run).message or ""
        assert "1 device is noted" in message and "1 device keeps its licence" in message
    licensed.unlink(pages)
    licensed.settle()
    assert licensed.at_apple() == []
