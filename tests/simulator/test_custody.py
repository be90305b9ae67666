"""Lost Mode, accounts, remote desktop and settings as devices answer them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apple_schema import validate_response
from tests.simulator.device_server import DeviceServer, enrollment_profile
from zmdm_simulator.answers import custody
from zmdm_simulator.condition import Condition
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.fleet import store

MAC, PHONE, IPAD = "MacBookPro18,3", "iPhone15,2", "iPad13,18"
LOST = {"Message": "Please call", "PhoneNumber": "+49 1"}
ORDERS: list[tuple[str, str, dict[str, Any]]] = [
    ("DeviceLocation", PHONE, {}),
    ("DisableLostMode", PHONE, {}),
    ("EnableLostMode", PHONE, LOST),
    ("PlayLostModeSound", PHONE, {}),
    ("DisableRemoteDesktop", MAC, {}),
    ("EnableRemoteDesktop", MAC, {}),
    ("DeleteUser", MAC, {"UserName": "helper"}),
    ("LogOutUser", IPAD, {}),
    ("UnlockUserAccount", MAC, {"UserName": "helper"}),
    ("UserList", MAC, {}),
    ("UserList", IPAD, {}),
    ("Settings", MAC, {"Settings": [{"Item": "DeviceName", "DeviceName": "Desk"}]}),
]


@pytest.fixture
def server() -> DeviceServer:
    return DeviceServer()


def enrolled(server: DeviceServer, model: str = PHONE, **options: Any) -> SimulatedDevice:
    device = SimulatedDevice(model, 7, http=server.client(), shared=model == IPAD, **options)
    device.enroll(enrollment_profile(AccessRights=8191))
    return device


def ask(server: DeviceServer, device: SimulatedDevice, request_type: str, **keys: Any) -> Any:
    server.queue(request_type, **keys)
    return device.connect().answer_to(request_type)


def test_each_of_them_is_tried() -> None:
    assert {name for name, _, _ in ORDERS} == custody.HANDLERS.keys()


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("request_type, model, keys", ORDERS)
def test_answers_are_as_apple_describes_them(
    server: DeviceServer, request_type: str, model: str, keys: dict[str, Any]
) -> None:
    device = enrolled(server, model)
    device.condition.lost = dict(LOST)
    answer = ask(server, device, request_type, **keys)
    assert answer["Status"] == "Acknowledged"
    if request_type == "Settings":  # Apple's page calls the list of these a dictionary
        answer = {**answer, "Settings": answer["Settings"][0]}
    assert validate_response(request_type, answer, platform=family(device)) == []


def family(device: SimulatedDevice) -> str:
    return "macOS" if device.facts.model.is_mac else "iOS"


@pytest.mark.parametrize("request_type", ["DeviceLocation", "PlayLostModeSound"])
def test_a_device_that_is_not_lost_tells_nothing(server: DeviceServer, request_type: str) -> None:
    assert ask(server, enrolled(server), request_type)["Status"] == "Error"


def test_data_that_is_not_synchronized_is_deleted_by_force_alone(server: DeviceServer) -> None:
    device = enrolled(server, IPAD)
    keys = {"UserName": "helper@example.com"}
    assert ask(server, device, "DeleteUser", **keys)["Status"] == "Error"
    assert ask(server, device, "DeleteUser", ForceDeletion=True, **keys)["Status"] == "Acknowledged"


def test_who_is_logged_in_is_not_deleted(server: DeviceServer) -> None:
    device = enrolled(server, MAC)
    answer = ask(server, device, "DeleteUser", UserName=device.facts.user.short_name)
    assert answer["Status"] == "Error"


def test_each_setting_is_taken_or_refused_by_itself(server: DeviceServer) -> None:
    device = enrolled(server, MAC)
    items = [{"Item": "HostName", "HostName": "desk"}, {"Item": "DataRoaming", "Enabled": True}]
    answer = ask(server, device, "Settings", Settings=items)
    assert [item["Status"] for item in answer["Settings"]] == ["Acknowledged", "Error"]
    assert (device.condition.host_name, device.condition.switches) == ("desk", {})


def test_a_condition_outlives_a_restart_of_the_fleet_but_not_an_erase(server: DeviceServer) -> None:
    device = enrolled(server)
    ask(server, device, "EnableLostMode", **LOST)
    again = SimulatedDevice(PHONE, 7, http=server.client())
    store.restore(again, store.to_json(device))
    assert again.condition == device.condition != Condition()
    ask(server, again, "EraseDevice")
    assert again.condition == Condition()
