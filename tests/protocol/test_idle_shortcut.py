"""A poll with nothing to do is answered before Flask is entered; everything else is not."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request

from tests.orders import Line, order, quiet
from tests.road import Road, lay_road
from zmdm_simulator import checkins
from zmdm_simulator.conversation import dumps
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def entered(app: Flask) -> list[str]:
    """The paths of the requests that Flask has seen."""
    seen: list[str] = []
    app.before_request(lambda: seen.append(request.path))
    return seen


@pytest.fixture
def mac(road: Road, entered: list[str]) -> SimulatedDevice:
    device = quiet(road, road.enrolled())
    entered.clear()
    return device


def test_nothing_to_do_does_not_enter_flask(mac: SimulatedDevice, entered: list[str]) -> None:
    assert Line(mac).idle() is None
    assert entered == []


def test_it_counts_as_seen(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        before = road.channel(mac).last_seen_at
    Line(mac).idle()
    with road.rows():
        after = road.channel(mac).last_seen_at
    assert before and after and after > before


def test_a_waiting_command_does(road: Road, mac: SimulatedDevice, entered: list[str]) -> None:
    order(road, mac, "ProfileList")
    assert Line(mac).idle() == "ProfileList"
    assert len(entered) == 1


@pytest.mark.parametrize("more", [{"NeedSyncResponse": True}, {"UserID": "X"}, {"Status": "?"}])
def test_whatever_is_not_plain_does(
    mac: SimulatedDevice, entered: list[str], more: dict[str, Any]
) -> None:
    body = dumps({"Status": "Idle", **checkins.who(mac, mac.channel()), **more})
    assert mac.wire.connect(body).status_code == 200
    assert len(entered) == 1


def test_a_wrong_signature_is_refused_as_ever(mac: SimulatedDevice) -> None:
    body = dumps({"Status": "Idle", **checkins.who(mac, mac.channel())})
    assert mac.wire.connect(body, identity=mac.stranger()).status_code == 400


def test_a_blocked_device_is_told_to_leave(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        row = road.row(mac)
        row.blocked_at = row.created_at
    assert mac.connect().left


def test_both_databases_answer_alike(any_app: Flask) -> None:
    with lay_road(any_app) as road:
        mac = quiet(road, road.enrolled())
        assert Line(mac).idle() is None
