"""What every command has in common, shown on those that there are."""

from __future__ import annotations

import json

import marshmallow as ma
import pytest

from tests.unit.commands.targets import APPLE_TV, IPAD, IPHONE, MAC, change, on_user_channel
from zmdm_plugin.commands import Command, Target, registry
from zmdm_plugin.commands.base import ANY_COMMAND, Registry
from zmdm_plugin.errors import Refused

EVERY = sorted(registry, key=lambda command: command.name)
WANTED = {
    "CertificateList",
    "Custom",
    "DeclarativeManagement",
    "DeviceInformation",
    "DeviceLock",
    "EraseDevice",
    "InstallProfile",
    "InstalledApplicationList",
    "ProfileList",
    "RemoveProfile",
    "RestartDevice",
    "SecurityInfo",
    "ShutDownDevice",
}


def test_all_commands_are_found_by_themselves():
    assert {command.name for command in registry if command.manual} >= WANTED


def test_two_commands_with_one_name_are_a_mistake():
    class Twice(Command):
        request_type = "Twice"

    commands = Registry()
    commands.add(Twice)
    with pytest.raises(ValueError, match="Twice"):
        commands.add(Twice)


def test_a_command_without_request_type_is_a_mistake():
    class Nameless(Command):
        pass

    with pytest.raises(TypeError):
        Registry().add(Nameless)


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_the_schema_is_named_after_the_command(command):
    assert command.Args.__name__ == f"{command.name}Args"


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_each_argument_is_described(command):
    for name, field in command.Args().fields.items():
        assert field.metadata.get("description"), name


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_what_is_declared_about_arguments_is_about_arguments(command):
    fields = set(command.Args().fields)
    declared = {*command.keys, *command.secret, *command.escrow, *command.args_min_os}
    assert declared <= fields


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_what_is_escrowed_is_secret(command):
    assert set(command.escrow) <= command.secret


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_each_command_has_a_permission_of_its_own(command):
    assert command.permission == f"{ANY_COMMAND}.{command.name}"


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_each_command_has_a_page_of_apples_or_a_reason(command):
    assert command.__doc__ and command.__doc__ != Command.__doc__


def test_unknown_arguments_are_refused_from_people_and_passed_over_in_storage():
    with pytest.raises(ma.ValidationError):
        registry["ShutDownDevice"].load({"force": True})
    assert registry["ShutDownDevice"].restore({"force": True}) == {}


def test_secrets_are_not_shown():
    args = registry["DeviceLock"].load({"pin": "123456", "message": "Hello"})
    assert registry["DeviceLock"].shown(args) == {"pin": "<redacted>", "message": "Hello"}


def test_arguments_survive_a_json_column():
    command = registry["DeviceLock"]
    args = command.load({"pin": "012345", "message": "Hé"})
    assert command.restore(json.loads(json.dumps(command.store(args)))) == args


def test_stored_arguments_that_are_not_taken_any_more_are_refused_with_their_field():
    with pytest.raises(Refused) as caught:
        registry["DeviceLock"].restore({"pin": "12"})
    assert (caught.value.field, caught.value.why) == ("pin", "Six digits, 0 to 9.")


@pytest.mark.parametrize("junk", ["a\0", "\x1f", "\ud800", "\uffff"])
def test_what_no_property_list_can_say_is_refused_at_once(junk):
    with pytest.raises(ma.ValidationError, match="cannot be sent"):
        registry["DeviceLock"].load({"message": junk})


def test_a_platform_without_the_command_is_named():
    refusal = registry["DeviceLock"].refusal(APPLE_TV, {})
    assert (refusal.field, refusal.why) == ("", "DeviceLock does not exist on tvOS.")


def test_an_old_version_is_told_the_first_one():
    old = change(IPHONE, os_version="10.2")
    refusal = registry["RestartDevice"].refusal(old, {})
    assert refusal.why == "RestartDevice does not exist on iOS before iOS 10.3."


def test_an_unknown_platform_or_version_is_refused_nothing():
    assert registry["SecurityInfo"].refusal(Target(), {}) is None
    assert registry["SecurityInfo"].refusal(change(MAC, os_version=None), {}) is None


@pytest.mark.parametrize("name", ["RestartDevice", "ShutDownDevice"])
def test_an_unsupervised_phone_is_not_restarted_and_a_mac_is(name):
    command = registry[name]
    assert "supervised" in command.refusal(change(IPHONE, supervised=False), {}).why
    assert "supervised" in command.refusal(change(IPHONE, supervised=None), {}).why
    assert command.refusal(IPHONE, {}) is None
    assert command.refusal(change(MAC, supervised=False), {}) is None


def test_a_missing_access_right_is_named():
    refusal = registry["EraseDevice"].refusal(change(IPHONE, access_rights=8191 - 8), {})
    assert "“erase”" in refusal.why


def test_a_user_enrollment_without_access_rights_is_left_to_the_device():
    target = change(IPHONE, user_enrollment=True, access_rights=None)
    assert registry["ProfileList"].refusal(target, {}) is None


@pytest.mark.parametrize("name", ["EraseDevice", "RestartDevice", "ShutDownDevice"])
def test_a_user_enrollment_is_neither_erased_nor_restarted(name):
    assert registry[name].refusal(change(IPHONE, user_enrollment=True), {}) is not None


def test_a_private_mac_is_neither_locked_nor_asked_for_its_applications():
    private = change(MAC, user_enrollment=True)
    assert registry["DeviceLock"].refusal(private, {"pin": "123456"}) is not None
    assert registry["InstalledApplicationList"].refusal(private, {}) is not None
    assert registry["CertificateList"].refusal(private, {}) is None


@pytest.mark.parametrize(
    "name, mac, ipad",
    [
        ("CertificateList", True, False),
        ("DeclarativeManagement", True, True),
        ("DeviceInformation", True, True),
        ("DeviceLock", False, False),
        ("EraseDevice", False, False),
        ("InstallProfile", True, True),
        ("InstalledApplicationList", True, False),
        ("ProfileList", True, True),
        ("RemoveProfile", True, True),
        ("RestartDevice", False, False),
        ("SecurityInfo", True, False),
        ("ShutDownDevice", False, False),
    ],
)
def test_only_some_commands_exist_on_user_channels(name, mac, ipad):
    command = registry[name]
    assert (command.unavailable(on_user_channel(MAC)) is None) is mac
    assert (command.unavailable(on_user_channel(change(IPAD, shared_ipad=True))) is None) is ipad


def test_the_fast_lane_is_for_what_protects_a_device_ends_or_holds_it_up():
    assert {command.name for command in registry if command.fast_lane} == {
        "DeviceLock",
        "DisableLostMode",
        "EnableLostMode",
        "EraseDevice",
        "Unenroll",
        "AccountConfiguration",
        "DeviceConfigured",
        "UserConfigured",
    }


def test_what_must_not_happen_twice_is_not_repeated():
    assert {command.name for command in registry if not command.repeat} == {
        "DeleteUser",
        "DeviceLock",
        "EraseDevice",
        "RestartDevice",
        "ShutDownDevice",
    }
