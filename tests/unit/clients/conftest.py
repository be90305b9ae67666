"""A played device assignment service, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.dep import Desk, connect
from zmdm_simulator.apple.dep import PlayedDep


@pytest.fixture
def played() -> Iterator[PlayedDep]:
    service = PlayedDep().start()
    yield service
    service.stop()


@pytest.fixture
def desk(played: PlayedDep) -> Iterator[Desk]:
    sent: list[httpx.Request] = []
    with httpx.Client(event_hooks={"request": [sent.append]}, timeout=5) as http:
        yield Desk(played, http, connect(played), sent=sent)
