"""A blocked device is told to leave at every door, and only a blocked one."""

from __future__ import annotations

import plistlib
from collections.abc import Callable

import httpx
import pytest

from tests.identities import answer, apply_for, authenticate, command, fall_due, fall_silent, poll
from tests.identities import token_update as update
from tests.road import Road
from zmdm_plugin.services import release
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed, ScepFailed

DOORS: dict[str, Callable[[SimulatedDevice], httpx.Response]] = {
    "connect": poll,
    "TokenUpdate": update,
    "Authenticate": authenticate,
    "GetBootstrapToken": lambda mac: mac.get_bootstrap_token(),
    "SetBootstrapToken": lambda mac: mac.set_bootstrap_token(b"token"),
    "UserAuthenticate": lambda mac: mac.check_in(
        checkins.user_authenticate(mac, mac.channel(mac.facts.user.short_name), None)
    ),
    "DeclarativeManagement": lambda mac: mac.check_in(
        {
            "MessageType": "DeclarativeManagement",
            "Endpoint": "tokens",
            **checkins.who(mac, mac.channel()),
        }
    ),
    "a declaration": lambda mac: mac.check_in(
        {
            "MessageType": "DeclarativeManagement",
            "Endpoint": "declaration/configuration/any",
            **checkins.who(mac, mac.channel()),
        }
    ),
    "a status report": lambda mac: mac.check_in(
        {
            "MessageType": "DeclarativeManagement",
            "Endpoint": "status",
            "Data": b"{}",
            **checkins.who(mac, mac.channel()),
        }
    ),
    "GetToken": lambda mac: mac.check_in(
        {
            "MessageType": "GetToken",
            "TokenServiceType": "com.apple.maid",
            **checkins.who(mac, mac.channel()),
        }
    ),
    "an answer": lambda mac: answer(mac, "00000000-0000-0000-0000-000000000000"),
    "a user's connect": lambda mac: poll(mac, user=mac.facts.user.short_name),
}


def block(road: Road, device: SimulatedDevice, **columns: object) -> None:
    with road.rows():
        row = road.row(device)
        for column, value in columns.items():
            setattr(row, column, value)
        release.block(row)


@pytest.mark.parametrize("door", DOORS)
def test_a_blocked_device_is_released_at_every_door(road: Road, door: str) -> None:
    mac = road.enrolled()
    mac.settle()
    block(road, mac)
    response = DOORS[door](mac)
    assert response.status_code == 403
    assert plistlib.loads(response.content)["code"] == "com.apple.unrecognized.device"


def test_an_old_system_is_released_by_401(road: Road) -> None:
    mac = road.enrolled()
    block(road, mac, os_version="13.6")
    assert poll(mac).status_code == 401


def test_a_blocked_device_may_check_out(road: Road) -> None:
    mac = road.enrolled()
    block(road, mac)
    response = mac.check_out()
    assert response is not None
    assert response.status_code == 200


def test_a_blocked_device_leaves_and_is_not_let_in_by_hand(road: Road) -> None:
    mac = road.enrolled()
    block(road, mac)
    assert mac.connect().left
    fall_silent(road, mac)
    with pytest.raises(EnrollmentFailed) as refused:
        mac.enroll(road.profile)
    assert refused.value.status == 403


def test_a_blocked_device_is_not_let_in_over_the_air(road: Road) -> None:
    mac = road.enrolled()
    block(road, mac)
    mac.connect()
    with pytest.raises(EnrollmentFailed, match="profile service was answered 400"):
        mac.enroll(road.over_the_air())


def test_a_device_blocked_on_its_way_gets_no_certificate(road: Road) -> None:
    mac = road.enrolled()
    fall_due(road, mac)
    _, order = command(poll(mac))
    block(road, mac)
    with pytest.raises(ScepFailed, match="refused"):
        apply_for(mac, order["Payload"])


def test_an_unblocked_device_enrolls_again(road: Road) -> None:
    mac = road.enrolled()
    block(road, mac)
    mac.connect()
    with road.rows():
        release.unblock(road.row(mac))
    mac.enroll(road.over_the_air())
    assert mac.connect().statuses[0] == 200


def test_who_is_merely_unknown_is_never_released(road: Road) -> None:
    mac = road.enrolled()
    mac.identity = mac.stranger()
    statuses = {poll(mac).status_code, update(mac).status_code, authenticate(mac).status_code}
    assert statuses == {400}


def test_a_device_that_checked_out_is_answered_and_gets_nothing(road: Road) -> None:
    mac = road.enrolled()
    assert mac.check_in(checkins.check_out(mac, mac.channel())).status_code == 200
    assert mac.check_in(checkins.check_out(mac, mac.channel())).status_code == 200
    response = poll(mac)
    assert (response.status_code, response.content) == (200, b"")
    assert road.events(mac).count("device.checked_out") == 1


def test_a_user_of_a_device_that_checked_out_is_not_managed(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    mac.check_in(checkins.check_out(mac, mac.channel()))
    assert mac.update_token(mac.facts.user.short_name).status_code == 400
