"""The answers to each command, and that they are what Apple's schema allows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apple_schema import validate_checkin, validate_response
from tests.simulator.device_server import (
    DeviceServer,
    enrollment_profile,
    payload,
    profile,
)
from zmdm_simulator import pki
from zmdm_simulator.answers import HANDLERS, custody, passwords, setup
from zmdm_simulator.answers.apps import HANDLERS as APPS
from zmdm_simulator.answers.information import values
from zmdm_simulator.answers.replies import Order
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.models_of_devices import MODELS

MAC, INTEL, T2 = "MacBookPro18,3", "iMac19,1", "MacBookPro16,1"
PHONE, TV, VISION = "iPhone15,2", "AppleTV14,1", "RealityDevice14,1"


@pytest.fixture
def server() -> DeviceServer:
    return DeviceServer()


def enrolled(server: DeviceServer, model: str = MAC, **options: Any) -> SimulatedDevice:
    rights = options.pop("rights", 8191)
    device = SimulatedDevice(model, 7, http=server.client(), **options)
    device.enroll(enrollment_profile(AccessRights=rights))
    return device


def ask(server: DeviceServer, device: SimulatedDevice, request_type: str, **keys: Any) -> Any:
    server.queue(request_type, **keys)
    return device.connect().answer_to(request_type)


def everything(server: DeviceServer, device: SimulatedDevice) -> Conversation:
    known = list(values(Order(device, device.channel(), {})))
    server.queue("DeviceInformation", Queries=known)
    server.queue("InstallProfile", Payload=profile(name="wifi", PayloadDisplayName="Wi-Fi"))
    for request_type in ("SecurityInfo", "InstalledApplicationList", "CertificateList"):
        server.queue(request_type)
    server.queue("ProfileList")
    server.queue("RemoveProfile", Identifier="com.example.wifi")
    server.queue("DeclarativeManagement")
    server.queue("DeviceLock", PIN="123456", Message="Back soon")
    talk = device.connect()
    device.wake_up()
    server.queue("EraseDevice", PIN="123456")
    return Conversation(list(talk) + list(device.connect()))


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("model", MODELS)
def test_every_answer_is_one_that_apple_describes(server: DeviceServer, model: str) -> None:
    device = enrolled(server, model)
    platform = device.facts.model.platform
    for handled in everything(server, device):
        assert handled.status == "Acknowledged" or (model, handled.request_type) == (
            TV,
            "DeviceLock",
        )
        faults = validate_response(handled.request_type, handled.answer, platform=platform)
        assert not faults, (handled.request_type, faults)


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("model", MODELS)
def test_every_checkin_is_one_that_apple_describes(server: DeviceServer, model: str) -> None:
    device = enrolled(server, model)
    device.settle()
    device.get_bootstrap_token()
    device.check_out()
    for said in server.heard:
        kind = said["MessageType"]
        channel = "user" if "UserID" in said else "device"
        platform = device.facts.model.platform
        assert not validate_checkin(kind, said, platform=platform, channel=channel), kind


@pytest.mark.parametrize(
    ("model", "knows", "ignores"),
    [
        (MAC, "IsAppleSilicon", "CellularTechnology"),
        (PHONE, "CellularTechnology", "HasBattery"),
        (TV, "DeviceID", "BatteryLevel"),
        (VISION, "EASDeviceIdentifier", "Model"),
    ],
)
def test_a_platform_answers_the_queries_that_it_knows(
    server: DeviceServer, model: str, knows: str, ignores: str
) -> None:
    device = enrolled(server, model)
    answer = ask(server, device, "DeviceInformation", Queries=["UDID", knows, ignores, "Nonsense"])
    assert answer["QueryResponses"].keys() == {"UDID", knows}


def test_access_rights_hide_answers(server: DeviceServer) -> None:
    device = enrolled(server, rights=16)
    answer = ask(server, device, "DeviceInformation", Queries=["DeviceName", "WiFiMAC"])
    assert answer["QueryResponses"].keys() == {"DeviceName"}
    assert ask(server, device, "SecurityInfo")["ErrorChain"][0]["ErrorCode"] == 12007


def test_an_unknown_command_is_an_error(server: DeviceServer) -> None:
    answer = ask(server, enrolled(server), "MakeCoffee")
    assert (answer["Status"], answer["ErrorChain"][0]["ErrorCode"]) == ("Error", 12021)


@pytest.mark.parametrize("request_type", ["DeviceInformation", "InstallProfile", "RemoveProfile"])
def test_a_command_without_its_keys_is_a_format_error(
    server: DeviceServer, request_type: str
) -> None:
    assert ask(server, enrolled(server), request_type)["Status"] == "CommandFormatError"


@pytest.mark.parametrize(
    ("model", "request_type"),
    [(TV, "DeviceLock"), (TV, "ShutDownDevice"), (VISION, "RestartDevice")],
)
def test_a_platform_refuses_what_it_cannot(
    server: DeviceServer, model: str, request_type: str
) -> None:
    assert ask(server, enrolled(server, model), request_type)["Status"] == "Error"


def test_a_restart_needs_supervision_on_a_phone(server: DeviceServer) -> None:
    assert ask(server, enrolled(server, PHONE, supervised=False), "RestartDevice")["ErrorChain"]


def test_a_device_command_is_unknown_to_a_user_channel(server: DeviceServer) -> None:
    device = enrolled(server)
    device.log_in()
    server.queue("EraseDevice")
    assert device.connect(device.facts.user.short_name)[0].status == "Error"
    assert device.life is Life.ENROLLED


def test_applications_are_filtered_as_asked(server: DeviceServer) -> None:
    device = enrolled(server, PHONE)
    keys = {"Identifiers": ["com.example.docs"], "Items": ["Identifier", "Name"]}
    listed = ask(server, device, "InstalledApplicationList", **keys)["InstalledApplicationList"]
    assert listed == [{"Identifier": "com.example.docs", "Name": "Docs"}]


def test_certificates_of_profiles_are_listed_beside_the_identity(server: DeviceServer) -> None:
    device = enrolled(server)
    root = payload(
        "com.apple.security.root", "root", PayloadContent=pki.der(server.ca.identity.certificate)
    )
    ask(server, device, "InstallProfile", Payload=profile(root, name="trust"))
    listed = ask(server, device, "CertificateList")["CertificateList"]
    assert [entry["IsIdentity"] for entry in listed] == [True, False]


def test_a_profile_replaces_the_one_with_its_identifier(server: DeviceServer) -> None:
    device = enrolled(server)
    for name in ("Old", "New"):
        wifi = profile(name="wifi", PayloadDisplayName=name)
        ask(server, device, "InstallProfile", Payload=wifi)
    listed = ask(server, device, "ProfileList")["ProfileList"]
    assert [entry.get("PayloadDisplayName") for entry in listed] == [None, "New"]


def test_a_malformed_profile_is_an_error_with_apples_domain(server: DeviceServer) -> None:
    answer = ask(server, enrolled(server), "InstallProfile", Payload=b"junk")
    assert answer["ErrorChain"][0]["ErrorDomain"] == "MCProfileErrorDomain"


def test_removing_what_is_not_there_is_an_error(server: DeviceServer) -> None:
    assert ask(server, enrolled(server), "RemoveProfile", Identifier="nope")["ErrorChain"]


def test_removing_the_enrollment_profile_ends_the_management(server: DeviceServer) -> None:
    device = enrolled(server)
    ask(server, device, "RemoveProfile", Identifier="com.example.enrollment")
    assert device.life is Life.LEFT
    assert server.heard[-1]["MessageType"] == "CheckOut"


@pytest.mark.parametrize(
    ("model", "pin", "status"),
    [
        (INTEL, None, "Error"),
        (INTEL, "12345", "Error"),
        (INTEL, "123456", "Acknowledged"),
        (T2, None, "Acknowledged"),
        (MAC, None, "Acknowledged"),
        (PHONE, None, "Acknowledged"),
    ],
)
def test_erasing_takes_a_pin_where_the_hardware_needs_one(
    server: DeviceServer, model: str, pin: str | None, status: str
) -> None:
    device = enrolled(server, model)
    keys = {"PIN": pin} if pin else {}
    assert ask(server, device, "EraseDevice", **keys)["Status"] == status
    assert (device.life is Life.ERASED) == (status == "Acknowledged")


def test_an_erased_device_leaves_without_a_word_and_may_come_again(server: DeviceServer) -> None:
    device = enrolled(server)
    ask(server, device, "EraseDevice")
    assert not server.messages("CheckOut")
    device.enroll(enrollment_profile())
    assert device.life is Life.ENROLLED


def test_an_erase_that_was_not_accepted_waits_for_the_answer_to_be(server: DeviceServer) -> None:
    device = enrolled(server)
    server.queue("EraseDevice")
    server.statuses.extend(["200 OK", "503 Busy"])
    device.connect()
    assert device.life is Life.ENROLLED
    device.connect()
    assert device.life is Life.ERASED


@pytest.mark.parametrize("request_type", ["RestartDevice", "DeviceLock"])
def test_a_mac_is_away_after_a_restart_and_a_lock(server: DeviceServer, request_type: str) -> None:
    device = enrolled(server)
    ask(server, device, request_type)
    assert device.connect().silent


def test_a_device_that_was_shut_down_waits_for_the_button(server: DeviceServer) -> None:
    device = enrolled(server, PHONE)
    ask(server, device, "ShutDownDevice")
    assert device.connect().silent
    device.wake_up()
    assert device.connect().statuses == [200]


def test_setup_assistant_goes_on_once(server: DeviceServer) -> None:
    mac = enrolled(server)
    mac.awaiting = True
    statuses = [ask(server, mac, "DeviceConfigured")["Status"] for _ in "12"]
    assert (statuses, mac.awaiting) == (["Acknowledged", "Error"], False)


def test_every_command_of_the_table_is_tried_here_or_beside_the_secrets() -> None:
    tried = {*passwords.HANDLERS, *setup.HANDLERS}
    tried |= {"RestartDevice", "ShutDownDevice", "EraseDevice", "DeviceLock", "ProfileList"}
    tried |= {f"{verb}ProvisioningProfile" for verb in ("Install", "Remove")}
    tried |= {"ProvisioningProfileList"}
    tried |= set(APPS)  # in test_device_apps.py
    tried |= {"InstallProfile", "RemoveProfile", "CertificateList", "InstalledApplicationList"}
    tried |= custody.HANDLERS.keys()  # in test_custody.py
    assert HANDLERS.keys() == tried | {
        "DeviceInformation",
        "SecurityInfo",
        "DeclarativeManagement",
    }
