"""Lost Mode, accounts, remote desktop and settings: what is refused, and what answers mean."""

from __future__ import annotations

import pytest

from tests.unit.commands.targets import APPLE_TV, IPAD, IPHONE, MAC, change
from zmdm_plugin.commands import effects, registry
from zmdm_plugin.protocol import connect

SHARED = change(IPAD, shared_ipad=True)


def refusal(name, target, **args):
    command = registry[name]
    return command.refusal(target, command.load(args))


def told(name, args, **answer):
    command = registry[name]
    body = {"Status": "Acknowledged", "CommandUUID": "u", "UDID": "D", **answer}
    return command.answered(command.load(args), connect.parse(body))


def test_lost_mode_shows_how_to_return_the_device():
    assert refusal("EnableLostMode", IPHONE, footnote="Thanks").field == "message"
    assert refusal("EnableLostMode", IPHONE, phone_number="+49 1") is None


@pytest.mark.parametrize("name", ["DeviceLocation", "PlayLostModeSound"])
def test_a_device_that_is_not_lost_is_left_alone(name):
    assert "Lost Mode" in refusal(name, change(IPHONE, lost_mode=False)).why
    assert refusal(name, change(IPHONE, lost_mode=True)) is None


@pytest.mark.parametrize("name", ["EnableLostMode", "DisableLostMode", "DeviceLocation"])
def test_lost_mode_is_for_supervised_phones_and_tablets(name):
    assert "does not exist" in refusal(name, MAC, **_args(name)).why
    assert "supervised" in refusal(name, change(IPAD, supervised=False), **_args(name)).why


def _args(name):
    return {"message": "Lost"} if name == "EnableLostMode" else {}


@pytest.mark.parametrize("name", ["UserList", "LogOutUser", "DeleteUser"])
def test_an_ipad_of_one_person_has_no_accounts(name):
    args = {"user_name": "ada"} if name == "DeleteUser" else {}
    assert "Shared iPad" in refusal(name, IPAD, **args).why
    assert refusal(name, SHARED, **args) is None


def test_one_account_is_deleted_or_all_of_them():
    assert refusal("DeleteUser", SHARED).field == "user_name"
    both = refusal("DeleteUser", SHARED, user_name="ada", delete_all_users=True)
    assert both.field == "user_name"
    assert refusal("DeleteUser", MAC, delete_all_users=True).field == "delete_all_users"


@pytest.mark.parametrize(
    "target, field, value",
    [
        (MAC, "time_zone", "Europe/Berlin"),
        (IPHONE, "host_name", "phone"),
        (APPLE_TV, "bluetooth", False),
        (MAC, "data_roaming", True),
        (IPAD, "app_analytics", True),
        (change(IPHONE, supervised=False), "device_name", "Desk"),
        (change(IPHONE, user_enrollment=True), "data_roaming", False),
        (change(MAC, os_version="10.14"), "activation_lock_allowed", True),
        (change(IPHONE, access_rights=2048), "personal_hotspot", True),
    ],
)
def test_a_setting_that_a_device_would_refuse_is_refused_before(target, field, value):
    assert refusal("Settings", target, **{field: value}).field == field


def test_an_order_without_a_setting_is_refused():
    assert refusal("Settings", MAC).why == "Say at least one setting."


def test_a_place_needs_a_picture():
    args = {"wallpaper_where": "lock", "device_name": "Desk"}
    assert refusal("Settings", IPHONE, **args).field == "wallpaper_where"


def test_off_is_a_setting_too():
    command = registry["Settings"]
    payload = command.payload(command.load({"bluetooth": False}), {})
    assert payload["Settings"] == [{"Item": "Bluetooth", "Enabled": False}]


def test_the_options_of_management_are_one_item():
    command = registry["Settings"]
    args = {"activation_lock_allowed": True, "idle_reboot_allowed": False}
    [item] = command.payload(command.load(args), {})["Settings"]
    assert item["MDMOptions"] == {
        "ActivationLockAllowedWhileSupervised": True,
        "IdleRebootAllowed": False,
    }


def test_items_written_by_hand_are_refused_as_ours_are():
    command = registry["Settings"]
    items = [{"Item": "HostName", "HostName": "a"}, {"Item": "AppAnalytics", "Enabled": True}]
    given = command.from_payload({"Settings": [*items, {"Item": "Odd"}]})
    assert given == {"host_name": "a", "app_analytics": True, "further": [{"Item": "Odd"}]}


def test_a_setting_that_was_not_taken_is_a_note_that_says_which():
    chain = [{"ErrorCode": 1, "ErrorDomain": "d", "USEnglishDescription": "Not allowed."}]
    answers = [{"Status": "Acknowledged"}, {"Status": "Error", "ErrorChain": chain}]
    found = told("Settings", {"device_name": "Desk", "bluetooth": True}, Settings=answers)
    assert effects.Note("Bluetooth was not set: Not allowed.") in found
    assert effects.FollowUp("DeviceInformation") in found


def test_accounts_are_taken_without_what_makes_no_sense():
    users = [{"UserName": "ada", "UID": "x", "IsLoggedIn": True}, {"FullName": "Nobody"}, 7]
    assert told("UserList", {}, Users=users) == [
        effects.LocalUsers(({"user_name": "ada", "logged_in": True},))
    ]
    assert told("UserList", {}) == [effects.Unreadable("Users")]


def test_where_a_lost_device_is_is_asked_at_once():
    found = told("EnableLostMode", {"message": "Lost"})
    assert effects.FollowUp("DeviceLocation") in found
    assert effects.SetFacts("LostMode", {"lost_mode": True}) in found
