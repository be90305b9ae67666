"""A hand-written command is held to what the command that it carries is held to."""

from __future__ import annotations

import pytest

from tests.unit.commands.targets import APPLE_TV, IPHONE, MAC, PROFILE
from zmdm_plugin.commands import effects, registry
from zmdm_plugin.protocol import connect, plist

CUSTOM = registry["Custom"]


def order(**payload) -> dict:
    return CUSTOM.load({"command": plist.dumps(payload).decode()})


def test_what_was_written_is_what_the_device_gets():
    args = order(RequestType="RequestMirroring", DestinationName="Hall")
    assert CUSTOM.payload(args, {}) == {
        "RequestType": "RequestMirroring",
        "DestinationName": "Hall",
    }
    assert CUSTOM.wire_type(args) == "RequestMirroring"


def test_a_whole_command_may_be_pasted():
    args = order(CommandUUID="u", Command={"RequestType": "ShutDownDevice"})
    assert CUSTOM.payload(args, {}) == {"RequestType": "ShutDownDevice"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<plist><array/></plist>",
        "<plist><dict/></plist>",
        "<plist><dict><key>RequestType</key><integer>1</integer></dict></plist>",
        "<plist><dict><key>RequestType</key><string></string></dict></plist>",
        "\ud800",
    ],
)
def test_what_is_no_command_is_refused(text):
    with pytest.raises(Exception, match=r"command|RequestType|property list"):
        CUSTOM.load({"command": text})


def test_an_unregistered_command_asks_for_a_permission_of_its_own():
    args = order(RequestType="RequestMirroring")
    assert CUSTOM.unwrap(args)[0] is None
    assert CUSTOM.permission_for(args) == "mdm.add_customcommand"


@pytest.mark.parametrize("name", ["Custom", "RenewIdentity"])
def test_words_of_ours_are_no_request_types(name):
    assert CUSTOM.permission_for(order(RequestType=name)) == "mdm.add_customcommand"


def test_a_carried_command_asks_for_its_permission():
    args = order(RequestType="EraseDevice", PIN="123456")
    carried, inner = CUSTOM.unwrap(args)
    assert (carried, inner["pin"]) == (registry["EraseDevice"], "123456")
    assert CUSTOM.permission_for(args) == "mdm.add_devicecommand.EraseDevice"


@pytest.mark.parametrize(
    "target, payload, why",
    [
        (APPLE_TV, {"RequestType": "DeviceLock"}, "tvOS"),
        (MAC, {"RequestType": "DeviceLock"}, "PIN"),
        (IPHONE, {"RequestType": "DeviceLock", "PIN": "123456"}, "does not|Only Macs"),
        (MAC, {"RequestType": "DeviceLock", "PIN": "12"}, "Six digits"),
        (MAC, {"RequestType": "DeviceLock", "PIN": 123456}, "pin"),
        (MAC, {"RequestType": "InstallProfile"}, "profile"),
    ],
)
def test_a_carried_command_is_refused_as_it_would_be(target, payload, why):
    refusal = CUSTOM.refusal(target, order(**payload))
    assert refusal.field == "command"
    assert any(word in refusal.why for word in why.split("|"))


def test_a_carried_command_that_is_right_is_not_refused():
    assert CUSTOM.refusal(MAC, order(RequestType="DeviceLock", PIN="123456")) is None
    assert CUSTOM.refusal(MAC, order(RequestType="InstallProfile", Payload=PROFILE)) is None


def test_a_key_that_was_left_out_of_an_erase_says_no():
    assert CUSTOM.refusal(IPHONE, order(RequestType="EraseDevice")) is None


def test_only_the_names_of_its_keys_are_shown():
    args = order(RequestType="DeviceLock", PIN="123456", Message="Hello")
    assert CUSTOM.shown(args) == {
        "command": {"RequestType": "DeviceLock", "PIN": "<redacted>", "Message": "<redacted>"}
    }


def test_a_carried_command_replaces_what_it_would_replace():
    args = order(RequestType="RemoveProfile", Identifier="com.example.wifi")
    assert CUSTOM.supersedes_key(args) == "profile:com.example.wifi"
    assert CUSTOM.supersedes_key(order(RequestType="RequestMirroring")) is None


def test_an_answer_means_what_it_means_for_the_carried_command():
    answer = connect.parse({"Status": "Acknowledged", "CommandUUID": "u", "UDID": "D"})
    assert CUSTOM.answered(order(RequestType="EraseDevice"), answer) == [
        effects.DeviceGone("erased")
    ]
    assert CUSTOM.answered(order(RequestType="RequestMirroring"), answer) == []


def test_an_order_that_is_no_longer_valid_means_nothing():
    answer = connect.parse({"Status": "Acknowledged", "CommandUUID": "u", "UDID": "D"})
    assert CUSTOM.answered(order(RequestType="DeviceLock", PIN="1"), answer) == []
