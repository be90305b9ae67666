"""Activation Lock's bypass codes: fetched after each enrollment, kept, seen, cleared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.world import program
from tests.protecting import Protected
from tests.road import Road
from zmdm_plugin.services import vault
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Do, Rule, Script

FETCH = "ActivationLockBypassCode"


def kept(road: Road, device: SimulatedDevice) -> list[tuple[str, str]]:
    """State and value of each version, the oldest first."""
    return Protected(road, 0).versions(device, vault.BYPASS_CODE)


def settle(road: Road, device: SimulatedDevice, minutes: float = 12) -> list[str]:
    """What it is asked some time after its first conversation."""
    with Protected(road, 0).later(minutes=minutes):
        device.wake_up()
        return device.connect().request_types


@pytest.mark.parametrize("model", ["iPhone15,2", "MacBookPro18,3"])
def test_the_code_is_fetched_once_after_the_enrollment(road: Road, model: str) -> None:
    device = road.enrolled(model)
    assert FETCH not in device.connect().request_types
    assert settle(road, device).count(FETCH) == 1
    assert kept(road, device) == [("confirmed", device.secrets.bypass_code)]
    assert FETCH not in settle(road, device, 3000)
    answer = program(road.app).get(f"devices/{road.row_id(device)}/activation_lock_bypass_code/")
    assert answer.json["activation_lock_bypass_code"] == device.secrets.bypass_code


def test_another_enrollment_brings_another_code_and_the_former_stays(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    phone.connect()
    settle(road, phone)
    first = phone.secrets.bypass_code
    phone.clock_skew = timedelta(hours=1)
    with Protected(road, 0).later(hours=1):
        phone.check_out()
        phone.enroll(road.profile)
        phone.connect()
    settle(road, phone, 80)
    assert kept(road, phone) == [("superseded", first), ("confirmed", phone.secrets.bypass_code)]


def test_it_is_cleared_on_demand_and_not_asked_for_again(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    phone.connect()
    settle(road, phone)
    code, api = phone.secrets.bypass_code, program(road.app)
    path = f"devices/{road.row_id(phone)}/activation_lock_bypass_code/"
    assert api.post(f"{path}clear/").status_code == 204
    phone.connect()
    assert phone.secrets.bypass_code is None and kept(road, phone) == [("superseded", code)]
    assert FETCH not in settle(road, phone, 60)
    assert api.get(path).json["state"] == "superseded"


def test_a_device_that_does_not_tell_it_is_asked_less_and_less_and_then_no_more(
    road: Road,
) -> None:
    script = Script((Rule(Do.ERROR, command=FETCH),))
    phone, asked = road.enrolled("iPhone15,2", script=script), []
    for hours in (0, 0.2, 0.3, 0.5, 1, 2, 10, 20, 60, 170, 24 * 16, 24 * 40):
        asked += [hours] * settle(road, phone, hours * 60).count(FETCH)
    assert asked[:2] == [0.2, 0.5] and 24 * 40 not in asked and len(asked) < 8
    why = program(road.app).get(f"devices/{road.row_id(phone)}/activation_lock_bypass_code/")
    assert why.status_code == 404 and "did not tell its code" in why.json["message"]


def test_an_unsupervised_phone_is_not_asked_and_the_404_says_so(road: Road) -> None:
    phone = road.enrolled("iPhone15,2", supervised=False)
    phone.connect()
    assert FETCH not in settle(road, phone)
    api, path = program(road.app), f"devices/{road.row_id(phone)}/activation_lock_bypass_code/"
    assert "supervised" in api.get(path).json["message"]
    assert api.post(f"{path}fetch/").status_code == 409
