"""What devices get, judged by Apple's pages, and what is refused before they would."""

from __future__ import annotations

import pytest

from tests.apple_schema import validate_command
from tests.unit.commands.targets import (
    APPLE_TV,
    IPAD,
    IPHONE,
    MAC,
    PROFILE,
    change,
    on_user_channel,
)
from zmdm_plugin.commands import registry
from zmdm_plugin.protocol.platform import Platform

VISION = change(IPHONE, platform=Platform.VISIONOS, os_version="26.0")
SHARED = change(IPAD, shared_ipad=True)
WATCH = change(IPHONE, platform=Platform.WATCHOS, os_version="26.0")
NEITHER = {"disallow_proximity_setup": False, "preserve_data_plan": False}
WAITING_PERSON = change(on_user_channel(IPAD), awaiting=True)
ORDERS = [
    ("DeviceConfigured", change(MAC, awaiting=True), {}),
    ("DeviceConfigured", change(IPHONE, awaiting=True), {}),
    ("UserConfigured", WAITING_PERSON, {}),
    ("CertificateList", MAC, {}),
    ("CertificateList", IPHONE, {"managed_only": True}),
    ("DeclarativeManagement", MAC, {}),
    ("DeviceLock", MAC, {"pin": "012345", "message": "Lost", "phone_number": "+49 1"}),
    ("DeviceLock", IPHONE, {"message": "Lost", "phone_number": "+49 1"}),
    ("DeviceLock", VISION, {}),
    ("EraseDevice", MAC, {"obliteration_behavior": "DoNotObliterate"}),
    ("EraseDevice", IPHONE, {"preserve_data_plan": True, "disallow_proximity_setup": True}),
    ("EraseDevice", IPAD, {**NEITHER, "return_to_service": True, "wifi_profile": PROFILE}),
    ("EraseDevice", VISION, NEITHER),
    ("EraseDevice", WATCH, {"preserve_data_plan": True}),
    ("EraseDevice", APPLE_TV, {}),
    ("InstallProfile", MAC, {"profile": PROFILE}),
    ("InstalledApplicationList", MAC, {"identifiers": ["com.example.a"]}),
    ("InstalledApplicationList", IPHONE, {"managed_only": True}),
    ("InstalledApplicationList", APPLE_TV, {}),
    ("ProfileList", IPHONE, {"managed_only": True}),
    ("RemoveProfile", MAC, {"identifier": "com.example.wifi"}),
    ("RestartDevice", MAC, {"notify_user": True}),
    ("RestartDevice", MAC, {"rebuild_kernel_cache": True, "kext_paths": ["/a.kext"]}),
    ("RestartDevice", IPHONE, {}),
    ("SecurityInfo", MAC, {}),
    ("ShutDownDevice", MAC, {}),
    ("DeleteUser", MAC, {"user_name": "ada"}),
    ("DeleteUser", SHARED, {"delete_all_users": True}),
    ("DeleteUser", SHARED, {"user_name": "ada@example.com", "force_deletion": True}),
    ("DeviceLocation", IPHONE, {}),
    ("DisableLostMode", IPAD, {}),
    ("DisableRemoteDesktop", MAC, {}),
    ("EnableLostMode", IPHONE, {"message": "Lost", "phone_number": "+49 1", "footnote": "Thanks"}),
    ("EnableRemoteDesktop", MAC, {}),
    ("LogOutUser", SHARED, {}),
    ("PlayLostModeSound", IPAD, {}),
    ("Settings", MAC, {"device_name": "Desk 7", "host_name": "desk-7", "bluetooth": False}),
    ("Settings", MAC, {"prompt_for_bootstrap_token": True, "activation_lock_allowed": False}),
    ("Settings", IPHONE, {"wallpaper": b"PNG", "wallpaper_where": "lock", "data_roaming": True}),
    ("Settings", IPAD, {"time_zone": "Europe/Berlin", "personal_hotspot": False}),
    ("Settings", SHARED, {"diagnostic_submission": True, "app_analytics": False}),
    ("Settings", SHARED, {"further": [{"Item": "SharedDeviceConfiguration", "QuotaSize": 4096}]}),
    ("Settings", VISION, {"device_name": "Desk 8"}),
    ("UnlockUserAccount", MAC, {"user_name": "ada"}),
    ("UserList", MAC, {}),
    ("UserList", SHARED, {}),
    ("DeviceInformation", MAC, {}),
    ("DeviceInformation", IPHONE, {}),
    ("DeviceInformation", IPAD, {}),
    ("DeviceInformation", APPLE_TV, {}),
    ("DeviceInformation", VISION, {}),
]


def payload(name, target, args) -> dict:
    material = {"target": target, "sync_tokens": b"{}", "renewal_profile": PROFILE}
    return registry[name].payload(registry[name].load(args), material)


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("name, target, args", ORDERS)
def test_what_is_not_refused_is_as_apple_writes_it(name, target, args):
    assert registry[name].refusal(target, args) is None
    family = str(target.platform.family)
    assert validate_command(name, payload(name, target, args), platform=family) == []


def test_a_renewal_is_an_install_profile():
    command = registry["RenewIdentity"]
    body = command.payload({"session": "s"}, {"renewal_profile": PROFILE})
    assert body == {"RequestType": "InstallProfile", "Payload": PROFILE}
    assert not command.manual


def test_what_is_not_given_is_not_sent():
    args = {"preserve_data_plan": False, "disallow_proximity_setup": False}
    assert payload("EraseDevice", MAC, args) == {"RequestType": "EraseDevice"}


def test_a_mac_is_locked_with_a_pin():
    assert registry["DeviceLock"].refusal(MAC, {}).field == "pin"
    assert registry["DeviceLock"].refusal(MAC, {"pin": "012345"}) is None


@pytest.mark.parametrize("name", ["DeviceLock", "EraseDevice"])
def test_a_phone_has_no_pin(name):
    assert registry[name].refusal(IPHONE, {"pin": "012345"}).field == "pin"


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", "١٢٣٤٥٦", "123456\n", ""])
def test_a_pin_is_six_ascii_digits(pin):
    with pytest.raises(Exception, match="Six digits"):
        registry["DeviceLock"].load({"pin": pin})


@pytest.mark.parametrize(
    "facts, required",
    [
        ({"apple_silicon": True}, False),
        ({"apple_silicon": False, "t2": True}, False),
        ({"apple_silicon": False, "t2": False}, True),
        ({"apple_silicon": False, "t2": True, "pin_required_for_erase": True}, True),
        ({"apple_silicon": False, "t2": False, "pin_required_for_erase": False}, False),
        ({"apple_silicon": None}, False),
    ],
)
def test_whether_a_mac_is_erased_with_a_pin(facts, required):
    refusal = registry["EraseDevice"].refusal(change(MAC, **facts), {})
    assert (refusal is not None and refusal.field == "pin") is required


@pytest.mark.parametrize("facts", [{"apple_silicon": True}, {"apple_silicon": False, "t2": True}])
def test_a_pin_that_is_not_needed_is_taken(facts):
    assert registry["EraseDevice"].refusal(change(MAC, **facts), {"pin": "012345"}) is None


@pytest.mark.parametrize(
    "target, args",
    [
        (MAC, {"preserve_data_plan": True}),
        (MAC, {"return_to_service": True}),
        (MAC, {"disallow_proximity_setup": True}),
        (APPLE_TV, {"disallow_proximity_setup": True}),
        (VISION, {"preserve_data_plan": True}),
        (IPHONE, {"obliteration_behavior": "Always"}),
        (change(IPAD, shared_ipad=True), {"disallow_proximity_setup": True}),
        (change(IPHONE, os_version="16.7"), {"return_to_service": True}),
        (IPHONE, {"wifi_profile": PROFILE}),
    ],
)
def test_an_argument_that_a_device_does_not_know_is_refused(target, args):
    assert registry["EraseDevice"].refusal(target, args).field == next(iter(args))


@pytest.mark.parametrize(
    "target, args, untold",
    [
        (IPHONE, {}, "disallow_proximity_setup"),
        (IPHONE, {"disallow_proximity_setup": True}, "preserve_data_plan"),
        (IPAD, {"preserve_data_plan": True}, "disallow_proximity_setup"),
        (change(IPAD, shared_ipad=True), {"preserve_data_plan": True}, "disallow_proximity_setup"),
        (WATCH, {}, "preserve_data_plan"),
    ],
)
def test_a_mobile_device_is_told_what_stays(target, args, untold):
    assert registry["EraseDevice"].refusal(target, args).field == untold


@pytest.mark.parametrize(
    "target",
    [IPHONE, IPAD, VISION, WATCH, APPLE_TV, MAC, change(IPAD, shared_ipad=True)],
)
def test_no_twice_is_an_answer_everywhere(target):
    assert registry["EraseDevice"].refusal(target, NEITHER) is None


@pytest.mark.parametrize("target", [MAC, APPLE_TV, VISION, change(IPHONE, os_version="10.3")])
def test_what_a_device_does_not_know_need_not_be_told(target):
    assert registry["EraseDevice"].refusal(target, {}) is None


def test_kernel_extensions_need_a_rebuild():
    assert registry["RestartDevice"].refusal(MAC, {"kext_paths": ["/a"]}).field == "kext_paths"


def test_declarations_on_version_15_are_for_user_enrollments():
    command = registry["DeclarativeManagement"]
    old = change(IPHONE, os_version="15.4")
    assert command.refusal(old, {}) is not None
    assert command.refusal(change(old, user_enrollment=True, access_rights=None), {}) is None


def test_without_sync_tokens_the_device_asks_for_them():
    body = registry["DeclarativeManagement"].payload({}, {"sync_tokens": None})
    assert body == {"RequestType": "DeclarativeManagement"}


@pytest.mark.parametrize("junk", ["", "!", "aGVsbG8="])
def test_what_is_no_profile_is_refused_at_upload(junk):
    with pytest.raises(Exception, match="profile"):
        registry["InstallProfile"].load({"profile": junk})


def test_the_last_order_about_a_profile_counts():
    install, remove = registry["InstallProfile"], registry["RemoveProfile"]
    assert install.supersedes_key(install.load({"profile": PROFILE})) == "profile:com.example.wifi"
    assert remove.supersedes_key({"identifier": "com.example.wifi"}) == "profile:com.example.wifi"


def test_a_profile_is_stored_and_not_shown():
    command = registry["InstallProfile"]
    args = command.load({"profile": PROFILE})
    assert command.restore(command.store(args)) == args
    assert command.shown(args) == {"profile": "<redacted>"}


def test_only_who_waits_is_released():
    for name, target in (("DeviceConfigured", MAC), ("UserConfigured", on_user_channel(IPAD))):
        assert registry[name].unavailable(target) is not None
    assert registry["UserConfigured"].unavailable(change(IPHONE, awaiting=True)) is not None
