"""The played push service, and applications that push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.pushing import Pushing, lay_pushing, settings_for
from zmdm_simulator.apple.service import PlayedAppleThread


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
