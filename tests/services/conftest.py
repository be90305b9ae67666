"""The played push service, and applications that push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests import ade as ading
from tests import updates as updating
from tests.dep_road import Dep, lay_dep
from tests.dep_road import settings_for as dep_settings
from tests.orders import quiet
from tests.pushing import Pushing, lay_pushing, settings_for
from tests.road import Road
from tests.software import Counter
from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.apple.service import PlayedAppleThread
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.software_lookup import PlayedSoftwareLookup


@pytest.fixture(scope="session")
def apple_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates, made once."""
    return tmp_path_factory.mktemp("apple")


@pytest.fixture
def apple(apple_folder: Path) -> Iterator[PlayedAppleThread]:
    """A push service without faults and with an empty ledger."""
    played = PlayedAppleThread(apple_folder).start()
    yield played
    played.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def pushing(
    request: pytest.FixtureRequest, apple: PlayedAppleThread, make_app: Callable[..., Flask]
) -> Iterator[Pushing]:
    """An application on each database that pushes to the played Apple."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    with lay_pushing(make_app(url, **settings_for(apple)), apple) as pushing:
        yield pushing


@pytest.fixture
def lookup(apple_folder: Path) -> Iterator[PlayedSoftwareLookup]:
    """Apple's list of software updates, played."""
    played = PlayedSoftwareLookup(apple_folder).start()
    yield played
    played.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def updates(
    request: pytest.FixtureRequest,
    lookup: PlayedSoftwareLookup,
    make_app: Callable[..., Flask],
) -> Iterator[updating.Updates]:
    """An application on each database that reads the played list."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    app = make_app(url, **updating.settings_for(lookup))
    with updating.lay_updates(app, lookup) as laid:
        yield laid


@pytest.fixture
def lab(
    sqlite_url: str, lookup: PlayedSoftwareLookup, make_app: Callable[..., Flask]
) -> Iterator[updating.Updates]:
    """The same on SQLite alone, for what no database has a part in."""
    app = make_app(sqlite_url, **updating.settings_for(lookup))
    with updating.lay_updates(app, lookup) as laid:
        yield laid


@pytest.fixture
def played_dep() -> Iterator[PlayedDep]:
    """The device assignment service, played, with nothing in it."""
    played = PlayedDep().start()
    yield played
    played.stop()


@pytest.fixture
def dep(sqlite_url: str, played_dep: PlayedDep, make_app: Callable[..., Flask]) -> Iterator[Dep]:
    """An application on SQLite that is connected with the played service."""
    with lay_dep(make_app(sqlite_url, **dep_settings(played_dep)), played_dep) as laid:
        yield laid


@pytest.fixture
def pg_dep(pg_url: str, played_dep: PlayedDep, make_app: Callable[..., Flask]) -> Iterator[Dep]:
    """The same on PostgreSQL."""
    with lay_dep(make_app(pg_url, **dep_settings(played_dep)), played_dep) as laid:
        yield laid


@pytest.fixture(params=["dep", "pg_dep"])
def any_dep(request: pytest.FixtureRequest) -> Dep:
    """Both, one after the other."""
    chosen: Dep = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def ade(
    make_app: Callable[..., Flask], sqlite_url: str, played_dep: PlayedDep
) -> Iterator[ading.Ade]:
    """The road of devices that start in Setup Assistant, on SQLite."""
    app = make_app(sqlite_url, **ading.settings_for(played_dep))
    with ading.lay_ade(app, played_dep) as laid:
        yield laid


@pytest.fixture
def counter(road: Road) -> Counter:
    """Where an administrator puts software on devices."""
    return Counter(road)


@pytest.fixture
def phone(road: Road, counter: Counter) -> SimulatedDevice:
    """An iPhone with the counter's blueprint, its first questions answered."""
    return counter.assign(quiet(road, road.enrolled("iPhone15,2", seed=2)))
