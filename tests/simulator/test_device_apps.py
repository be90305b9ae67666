"""What devices do with apps, and that they tell of it as Apple's schema allows."""

from __future__ import annotations

from typing import Any

from tests.apple_schema import validate_response
from tests.simulator.device_server import DeviceServer, enrollment_profile
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

PHONE = "iPhone15,2"
STORE = {"iTunesStoreID": 361285480, "Options": {"PurchaseMethod": 1}}
BUNDLE = "com.example.store.app361285480"


def enrolled(server: DeviceServer, model: str = PHONE, **options: Any) -> SimulatedDevice:
    device = SimulatedDevice(model, 7, http=server.client(), **options)
    device.enroll(enrollment_profile(AccessRights=8191))
    return device


def ask(server: DeviceServer, device: SimulatedDevice, request_type: str, **keys: Any) -> Any:
    server.queue(request_type, **keys)
    answer = device.connect().answer_to(request_type)
    if answer["Status"] == "Acknowledged":
        assert validate_response(request_type, answer) == []
    return answer


def managed(server: DeviceServer, device: SimulatedDevice) -> Any:
    listed = ask(server, device, "ManagedApplicationList")["ManagedApplicationList"]
    return {name: entry["Status"] for name, entry in listed.items()}


def test_a_store_app_is_queued_then_installing_then_managed() -> None:
    server = DeviceServer()
    phone = enrolled(server)
    phone.app_steps = 1
    assert ask(server, phone, "InstallApplication", **STORE)["State"] == "Queued"
    assert managed(server, phone) == {BUNDLE: "Installing"}
    assert managed(server, phone) == {BUNDLE: "Managed"}


def test_what_a_user_refused_is_told_once() -> None:
    server = DeviceServer()
    rules = {"rules": [{"do": "user_rejects", "command": BUNDLE}]}
    phone = enrolled(server, script=Script.load(rules))
    ask(server, phone, "InstallApplication", **STORE)
    assert managed(server, phone) == {BUNDLE: "UserRejected"}
    assert managed(server, phone) == {}


def test_an_app_without_a_licence_is_refused() -> None:
    server = DeviceServer()
    phone = enrolled(server)
    phone.store.licensed = lambda _serial, _number: False
    assert ask(server, phone, "InstallApplication", **STORE)["Status"] == "Error"


def test_a_scripted_rejection_has_its_reason() -> None:
    server = DeviceServer()
    rules = {"rules": [{"do": "reject_app", "command": "361285480", "reason": "NotSupported"}]}
    phone = enrolled(server, script=Script.load(rules))
    answer = ask(server, phone, "InstallApplication", **STORE)
    assert (answer["Status"], answer["RejectionReason"]) == ("Error", "NotSupported")


def test_a_managed_app_is_removed_and_nothing_else() -> None:
    server = DeviceServer()
    phone = enrolled(server)
    ask(server, phone, "InstallApplication", **STORE)
    assert ask(server, phone, "RemoveApplication", Identifier=BUNDLE)["Status"] == "Acknowledged"
    assert ask(server, phone, "RemoveApplication", Identifier=BUNDLE)["Status"] == "Error"


def test_apps_go_with_the_enrollment_if_they_are_told_to() -> None:
    server = DeviceServer()
    phone = enrolled(server)
    ask(server, phone, "InstallApplication", **STORE, ManagementFlags=1)
    ask(server, phone, "InstallApplication", iTunesStoreID=5, Options={"PurchaseMethod": 1})
    phone.forget("checked out")
    assert list(phone.apps) == ["com.example.store.app5"]
