"""Declarations end to end: what devices are offered, fetch, hold and report."""

from __future__ import annotations

import pytest

from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    return desk.assign(quiet(road, road.enrolled()))


def test_a_linked_configuration_is_fetched_and_its_status_known(
    desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode")
    assert mac.connect().request_types == ["DeclarativeManagement"]
    held = mac.declarations[desk.identifier(passcode)]
    assert (held.valid, held.active) == ("valid", True)
    state = desk.state(mac, passcode)
    assert (state.status, state.via, state.install_count) == ("installed", "declaration", 1)
