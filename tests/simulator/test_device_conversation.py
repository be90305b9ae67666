"""Conversations: order, what a status does, NotNow, and scripted faults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.device_server import DeviceServer, enrollment_profile
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

MAC, PHONE = "MacBookPro18,3", "iPhone15,2"


@pytest.fixture
def server() -> DeviceServer:
    return DeviceServer()


def enrolled(server: DeviceServer, *rules: dict[str, Any], model: str = MAC) -> SimulatedDevice:
    script = Script.load(json.dumps({"rules": rules}))
    device = SimulatedDevice(model, 7, http=server.client(), script=script)
    device.enroll(enrollment_profile())
    server.heard.clear()
    return device


def statuses(server: DeviceServer) -> list[str]:
    return [body["Status"] for body in server.heard]


def test_a_conversation_answers_until_the_body_is_empty(server: DeviceServer) -> None:
    device = enrolled(server)
    first, second = server.queue("SecurityInfo"), server.queue("ProfileList")
    talk = device.connect()
    assert talk.request_types == ["SecurityInfo", "ProfileList"]
    assert statuses(server) == ["Idle", "Acknowledged", "Acknowledged"]
    assert [body.get("CommandUUID") for body in server.heard] == [None, first, second]


def test_a_user_channel_speaks_for_its_user(server: DeviceServer) -> None:
    device = enrolled(server)
    device.log_in()
    device.connect(device.facts.user.short_name)
    assert server.heard[-1]["UserID"] == device.facts.user.guid


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "400 Bad Request", "302 Found"])
def test_an_answer_that_was_not_accepted_is_sent_again_before_anything_else(
    server: DeviceServer, status: str
) -> None:
    device = enrolled(server)
    server.queue("SecurityInfo")
    server.statuses.extend(["200 OK", status])
    assert device.connect().unfinished
    device.connect()
    assert statuses(server) == ["Idle", "Acknowledged", "Acknowledged"]
    assert server.heard[1] == server.heard[2]


@pytest.mark.parametrize("status", ["401 Unauthorized", "410 Gone"])
def test_401_and_410_make_a_device_leave(server: DeviceServer, status: str) -> None:
    device = enrolled(server)
    server.statuses.append(status)
    assert device.connect().left
    assert device.life is Life.LEFT
    assert device.push_addresses == []


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_other_refusals_do_not(server: DeviceServer, status: str) -> None:
    device = enrolled(server)
    server.statuses.append(status)
    assert not device.connect().left
    assert device.life is Life.ENROLLED


def test_410_on_a_user_channel_ends_that_channel_alone(server: DeviceServer) -> None:
    device = enrolled(server)
    device.log_in()
    server.statuses.append("410 Gone")
    device.connect(device.facts.user.short_name)
    assert device.life is Life.ENROLLED
    assert len(device.push_addresses) == 1


def test_a_device_polls_again_only_if_notnow_was_its_last_word(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "notnow", "command": "InstallProfile", "times": 2})
    server.queue("InstallProfile", Payload=b"x")
    assert device.connect().polls_again
    assert not device.connect().polls_again  # an Idle that brought nothing was the last word
    server.queue("InstallProfile", Payload=b"x")
    server.queue("SecurityInfo")
    talk = device.connect()
    assert [handled.status for handled in talk] == ["NotNow", "Acknowledged"]
    assert not talk.polls_again


def test_a_rule_for_everything_spares_what_is_always_answered(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "notnow"}, model=PHONE)
    server.queue("DeviceInformation", Queries=["UDID"])
    server.queue("SecurityInfo")
    assert [handled.status for handled in device.connect()] == ["Acknowledged", "NotNow"]


def test_a_scripted_error_has_its_chain(server: DeviceServer) -> None:
    rule = {"do": "error", "command": "SecurityInfo", "code": 5, "domain": "D", "times": 1}
    device = enrolled(server, rule)
    server.queue("SecurityInfo")
    assert device.connect().answer_to("SecurityInfo")["ErrorChain"][0]["ErrorCode"] == 5
    server.queue("SecurityInfo")
    assert device.connect()[0].status == "Acknowledged"


def test_silence_leaves_the_command_unanswered(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "silent", "command": "SecurityInfo", "times": 1})
    server.queue("SecurityInfo")
    talk = device.connect()
    assert talk.silent and not talk
    assert device.connect().statuses == [200]
    assert statuses(server) == ["Idle", "Idle"]


def test_a_reboot_keeps_a_device_away_for_a_while(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "reboot", "command": "Idle", "seconds": 60, "times": 1})
    device.connect()
    assert device.connect().silent and not server.heard
    device.wake_up()
    assert device.connect().statuses == [200]


def test_a_lost_reply_makes_the_device_repeat_itself(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "lose_reply", "command": "SecurityInfo", "times": 1})
    server.queue("SecurityInfo")
    assert device.connect().unfinished
    device.connect()
    assert server.heard[1] == server.heard[2]


def test_a_duplicate_answer_is_the_same_twice(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "duplicate", "command": "SecurityInfo", "times": 1})
    server.queue("SecurityInfo")
    device.connect()
    assert statuses(server) == ["Idle", "Acknowledged", "Acknowledged"]
    assert server.heard[1] == server.heard[2]


def test_an_answer_can_be_repeated_at_any_time(server: DeviceServer) -> None:
    device = enrolled(server)
    server.queue("SecurityInfo")
    device.connect()
    assert device.repeat_last_answer().status_code == 200
    assert server.heard[-1] == server.heard[-2]


def test_a_stranger_signs_with_a_certificate_of_nobody(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "stranger", "command": "Idle", "times": 1})
    device.connect()
    assert server.signers[-1] != device.own_identity.fingerprint


def test_an_expired_certificate_ended_in_the_past(server: DeviceServer) -> None:
    device = enrolled(server)
    certificate = device.stranger(expired=True).certificate
    assert certificate.not_valid_after_utc < device.clock()
    assert certificate.subject == device.own_identity.certificate.subject


def test_a_device_may_show_the_certificate_of_its_neighbour(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "neighbour", "command": "Idle"})
    device.neighbour = enrolled(server, model=PHONE)
    device.connect()
    assert server.signers[-1] == device.neighbour.own_identity.fingerprint


def test_the_answer_to_a_renewal_may_come_under_the_old_identity(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "old_identity", "command": "InstallProfile"})
    before = device.own_identity.fingerprint
    server.queue("InstallProfile", Payload=enrollment_profile())
    device.connect()
    assert server.heard[-1]["Status"] == "Acknowledged"
    assert server.signers[-1] == before != device.own_identity.fingerprint


def test_a_rule_waits_until_so_many_have_passed(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "notnow", "command": "SecurityInfo", "after": 1, "times": 1})
    for _ in range(3):
        server.queue("SecurityInfo")
    said = [handled.status for handled in device.connect()]
    assert said == ["Acknowledged", "NotNow", "Acknowledged"]


def test_the_dice_of_a_rule_fall_the_same_way_again(server: DeviceServer) -> None:
    runs = []
    for _ in range(2):
        device = enrolled(server, {"do": "notnow", "probability": 0.5})
        for _ in range(20):
            server.queue("SecurityInfo")
        runs.append([handled.status for handled in device.connect()])
    assert runs[0] == runs[1]
    assert {"NotNow", "Acknowledged"} == set(runs[0])


@pytest.mark.parametrize("bad", [{"do": "explode"}, {"do": "silent", "comand": "x"}, {}])
def test_a_bad_rule_is_named(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rule 1"):
        Script.load({"rules": [bad]})


def test_a_rule_may_name_its_devices(server: DeviceServer) -> None:
    device = enrolled(server, {"do": "notnow", "devices": ["iPhone*"]})
    server.queue("SecurityInfo")
    assert device.connect()[0].status == "Acknowledged"
