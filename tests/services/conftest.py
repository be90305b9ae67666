"""The played push service, and applications that push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests import updates as updating
from tests.pushing import Pushing, lay_pushing, settings_for
from zmdm_simulator.apple.service import PlayedAppleThread
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
