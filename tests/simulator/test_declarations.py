"""Synchronization: what a device asks for, keeps, drops, and does when the server is wrong."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from tests.apple_schema import validate_checkin
from tests.simulator.declaration_server import JSON, TEST, DeclarationServer, managed, told
from tests.simulator.device_server import enrollment_profile
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.script import Script

MAC, PHONE, PAD, TV = "MacBookPro18,3", "iPhone15,2", "iPad13,18", "AppleTV14,1"


@pytest.fixture
def server() -> DeclarationServer:
    server = DeclarationServer()
    server.declare(TEST, "one", Echo="1")
    server.activate("one")
    return server


def scripted(**rule: Any) -> Script:
    return Script.load({"rules": [rule]})


def test_the_first_synchronization_asks_for_everything(server: DeclarationServer) -> None:
    device = managed(server)
    assert server.asked == [
        "tokens",
        "declaration-items",
        "declaration/activation/activation",
        "declaration/configuration/one",
        "status",
    ]
    assert device.declarations["one"].active


def test_tokens_in_the_command_spare_the_first_question(server: DeclarationServer) -> None:
    device = SimulatedDevice(MAC, 7, http=server.client())
    device.enroll(enrollment_profile())
    server.queue("DeclarativeManagement", Data=server.tokens)
    device.connect()
    assert server.asked[0] == "declaration-items"


def test_equal_tokens_end_it(server: DeclarationServer) -> None:
    device = managed(server)
    server.asked.clear()
    assert told(server, device).complete
    assert server.asked == ["tokens"]


def test_only_what_changed_is_fetched(server: DeclarationServer) -> None:
    server.declare(TEST, "two", Echo="2")
    server.activate("one", "two")
    device = managed(server)
    server.declare(TEST, "two", Echo="other")
    assert told(server, device).fetched == ["two"]
    assert device.declarations["two"].payload == {"Echo": "other"}


def test_what_is_no_longer_listed_is_dropped(server: DeclarationServer) -> None:
    device = managed(server)
    del server.offered["one"]
    server.activate()
    told(server, device)
    assert device.declarations.keys() == {"activation"}


def test_a_404_removes_what_was_held_and_is_asked_again(server: DeclarationServer) -> None:
    device = managed(server)
    server.declare(TEST, "one", Echo="newer")
    server.answers["declaration/configuration/one"] = deque([("404 Not Found", "text/plain", b"")])
    sync = told(server, device)
    assert not sync.complete and sync.problems == ["one is listed, but answered 404"]
    assert "one" not in device.declarations
    assert device.sync().fetched == ["one"]


@pytest.mark.parametrize(
    ("endpoint", "content"),
    [
        ("tokens", b"{}"),
        ("tokens", b"not JSON"),
        ("declaration-items", b'{"Declarations": {"Activations": []}, "DeclarationsToken": "x"}'),
        ("declaration-items", b"[]"),
        ("declaration/configuration/one", b'{"Identifier": "two"}'),
    ],
)
def test_an_answer_that_makes_no_sense_is_noted_and_asked_for_again(
    server: DeclarationServer, endpoint: str, content: bytes
) -> None:
    server.answers[endpoint] = deque([("200 OK", JSON, content)])
    device = managed(server)
    assert device.channel().declared.asked
    assert device.sync().complete
    assert device.declarations["one"].active


def test_an_identifier_of_65_bytes_is_refused(server: DeclarationServer) -> None:
    server.declare(TEST, "x" * 65, Echo="1")
    device = managed(server)
    assert device.sync().problems == ["declaration-items have a bad entry in Configurations"]


def test_a_failing_server_is_asked_again(server: DeclarationServer) -> None:
    server.answers["declaration-items"] = deque([("503 Busy", "text/plain", b"")])
    device = managed(server)
    assert not device.declarations
    assert device.connect().sync and device.declarations["one"].active


def test_a_report_that_was_not_taken_is_sent_again(server: DeclarationServer) -> None:
    server.answers["status"] = deque([("204 No Content", "text/plain", b"")])
    device = managed(server)
    assert not server.reports
    assert device.connect().sync and server.reports[0]["FullReport"] is True


def test_401_makes_the_device_leave(server: DeclarationServer) -> None:
    server.answers["tokens"] = deque([("401 Unauthorized", "text/plain", b"")])
    device = SimulatedDevice(MAC, 7, http=server.client())
    device.enroll(enrollment_profile())
    server.queue("DeclarativeManagement")
    assert device.connect().left and device.life is Life.LEFT


def test_a_user_channel_has_declarations_and_tokens_of_its_own(server: DeclarationServer) -> None:
    device = managed(server)
    device.log_in()
    user = device.facts.user.short_name
    told(server, device, user)
    assert device.channel(user).declared.held.keys() == {"one", "activation"}
    assert server.messages_of_declarations[-1]["UserShortName"] == user
    del server.offered["one"]
    server.activate()
    told(server, device, user)
    assert "one" in device.declarations and "one" not in device.channel(user).declared.held


def test_a_user_that_the_server_declines_stays_apart(server: DeclarationServer) -> None:
    device = managed(server)
    device.log_in()
    server.answers["tokens"] = deque([("410 Gone", "text/plain", b"")])
    told(server, device, device.facts.user.short_name)
    assert device.life is Life.ENROLLED and device.channel(device.facts.user.short_name).declined


@pytest.mark.parametrize(
    ("model", "system", "enrollment", "status"),
    [
        (MAC, "12.7.6", {}, "Error"),
        (MAC, "13.0", {}, "Acknowledged"),
        (PHONE, "15.8", {}, "Error"),
        (PHONE, "15.8", {"EnrollmentMode": "BYOD", "AccessRights": None}, "Acknowledged"),
        (PHONE, "14.8", {"EnrollmentMode": "BYOD", "AccessRights": None}, "Error"),
        (PAD, "16.0", {}, "Acknowledged"),
        (TV, "15.6", {}, "Error"),
        ("RealityDevice14,1", "1.0", {}, "Error"),
    ],
)
def test_an_old_system_does_not_know_the_command(
    server: DeclarationServer, model: str, system: str, enrollment: dict[str, Any], status: str
) -> None:
    device = SimulatedDevice(model, 7, http=server.client(), system=(system, "1A1"))
    device.enroll(enrollment_profile(**enrollment))
    server.queue("DeclarativeManagement")
    assert device.connect()[0].status == status
    assert bool(server.asked) == (status == "Acknowledged")


def test_data_that_are_no_tokens_are_a_format_error(server: DeclarationServer) -> None:
    device = managed(server)
    server.queue("DeclarativeManagement", Data=b"{}")
    assert device.connect()[0].status == "CommandFormatError"


def test_a_device_that_was_never_told_does_not_synchronize(server: DeclarationServer) -> None:
    device = SimulatedDevice(MAC, 7, http=server.client())
    device.enroll(enrollment_profile())
    with pytest.raises(SimulatorError):
        device.sync()


@pytest.mark.parametrize("step", ["tokens", "declaration-items", "declaration", "status"])
def test_a_device_switched_off_at_any_step_ends_up_the_same(
    server: DeclarationServer, step: str
) -> None:
    device = managed(server, script=scripted(do="silent", command=step, times=1))
    assert not any(endpoint.partition("/")[0] == step for endpoint in server.asked)
    device.connect()
    assert device.declarations["one"].active and len(server.reports) == 1


def test_a_lost_reply_to_a_report_makes_it_come_twice(server: DeclarationServer) -> None:
    device = managed(server, script=scripted(do="lose_reply", command="status", times=1))
    device.connect()
    assert len(server.reports) == 2


def test_rules_for_commands_do_not_touch_declarations(server: DeclarationServer) -> None:
    script = scripted(do="silent", command="*", after=1, times=1)
    device = managed(server, script=script)
    assert device.declarations["one"].active


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("model", [MAC, PHONE, PAD, TV])
def test_every_message_is_one_that_apple_describes(server: DeclarationServer, model: str) -> None:
    device = managed(server, model)
    if device.facts.model.is_mac:
        device.log_in()
        told(server, device, device.facts.user.short_name)
    for said in server.messages_of_declarations:
        channel = "user" if "UserID" in said else "device"
        platform = device.facts.model.platform
        faults = validate_checkin(said["MessageType"], said, platform=platform, channel=channel)
        assert not faults
