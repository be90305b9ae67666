"""The table of queries, held against Apple's page of the command."""

from __future__ import annotations

import pytest
import yaml

from tests.requirements import apple_schema
from tests.unit.commands.targets import APPLE_TV, IPAD, IPHONE, MAC, change, on_user_channel
from zmdm_plugin.commands import registry
from zmdm_plugin.commands.device_queries import KEYS, QUERIES, queries_for
from zmdm_plugin.commands.target import Target
from zmdm_plugin.protocol.platform import AccessRights, Platform, version

#: Left out on purpose: a nonce is needed; ours already; dropped with iOS 5.
NOT_ASKED = {"DevicePropertiesAttestation", "PushToken", "SIMCarrierNetwork"}
RIGHTS = {
    "AllowQueryDeviceInformation": AccessRights.DEVICE_INFORMATION,
    "AllowQueryNetworkInformation": AccessRights.NETWORK_INFORMATION,
    "AllowAppInstallation": AccessRights.APPS,
}


def apples_queries() -> dict[str, dict]:
    page = yaml.safe_load((apple_schema() / "mdm/commands/information.device.yaml").read_text())
    return {item["key"]: item for item in page["payloadkeys"][0]["subkeys"][0]["subkeys"]}


@pytest.mark.needs("apple_schema")
def test_no_query_of_apples_page_is_forgotten():
    assert set(apples_queries()) - KEYS == NOT_ASKED
    assert KEYS <= set(apples_queries())


@pytest.mark.needs("apple_schema")
def test_each_query_has_apples_platforms_versions_and_right():
    page = apples_queries()
    for query in QUERIES:
        for platform in (Platform.IOS, Platform.MACOS, Platform.TVOS, Platform.VISIONOS):
            rules = page[query.key].get("supportedOS", {}).get(str(platform), {})
            introduced = rules.get("introduced", "")
            assert (platform in query.versions) is (introduced != "n/a"), (query.key, platform)
            if platform in query.versions:
                assert query.versions[platform][0] == version(introduced), (query.key, platform)
                forbidden = rules.get("userenrollment", {}).get("mode") == "forbidden"
                assert ("device-enrollment" in query.conditions) is forbidden or (
                    platform is Platform.TVOS
                ), (query.key, platform)
            right = RIGHTS.get(rules.get("accessrights"))
            assert right is None or right == query.right, query.key


def asked(target: Target) -> set[str]:
    return set(queries_for(target))


def test_a_mac_is_asked_for_what_macs_have():
    assert {"IsAppleSilicon", "HostName", "EthernetMAC", "EACSPreflight"} <= asked(MAC)
    assert not asked(MAC) & {"IMEI", "IsMDMLostModeEnabled", "ServiceSubscriptions"}


def test_a_phone_is_asked_for_what_phones_have():
    assert {"ServiceSubscriptions", "IsMDMLostModeEnabled", "WiFiMAC"} <= asked(IPHONE)
    assert not asked(IPHONE) & {"IsAppleSilicon", "HostName", "QuotaSize"}


def test_an_apple_tv_is_asked_for_little():
    assert "DeviceID" in asked(APPLE_TV)
    assert not asked(APPLE_TV) & {"DeviceCapacity", "BatteryLevel"}


def test_an_old_mac_is_not_asked_for_new_things():
    assert "IsAppleSilicon" not in asked(change(MAC, os_version="11.7"))
    assert "IsAppleSilicon" in asked(change(MAC, os_version="12.0"))


def test_what_an_os_has_dropped_is_not_asked_for():
    assert "OSUpdateSettings" in asked(change(MAC, os_version="26.4"))
    assert "OSUpdateSettings" not in asked(change(MAC, os_version="27.0"))
    assert "IMEI" in asked(change(IPHONE, os_version="15.8"))
    assert "IMEI" not in asked(change(IPHONE, os_version="16.0"))


def test_a_user_enrollment_is_not_asked_who_the_device_is():
    private = change(IPHONE, user_enrollment=True, access_rights=None)
    assert not asked(private) & {"UDID", "SerialNumber", "WiFiMAC"}
    assert "DeviceName" in asked(private)


def test_a_shared_ipad_is_asked_for_its_users():
    shared = change(IPAD, shared_ipad=True)
    assert {"QuotaSize", "ResidentUsers"} <= asked(shared)
    assert not asked(on_user_channel(shared)) & {"QuotaSize", "ResidentUsers"}
    assert "AccessibilitySettings" in asked(on_user_channel(shared)) - asked(shared)


def test_a_user_channel_of_a_mac_is_not_asked_about_the_device_alone():
    assert not asked(on_user_channel(MAC)) & {"ActiveManagedUsers", "EACSPreflight"}


def test_without_a_right_what_needs_it_is_not_asked():
    rights = 8191 - AccessRights.NETWORK_INFORMATION
    assert not asked(change(MAC, access_rights=int(rights))) & {"WiFiMAC", "EthernetMAC"}


def test_administrator_accounts_are_asked_of_ade_macs():
    assert "AutoSetupAdminAccounts" in asked(change(MAC, dep_enrollment=True)) - asked(MAC)


def test_a_platform_not_yet_known_is_asked_for_everything():
    assert asked(Target()) == KEYS


def test_an_order_for_some_queries_asks_for_those_the_device_knows():
    command = registry["DeviceInformation"]
    args = command.load({"queries": ["IsAppleSilicon", "DeviceName"]})
    assert command.payload(args, {"target": IPHONE})["Queries"] == ["DeviceName"]


def test_a_query_that_does_not_exist_is_refused():
    with pytest.raises(Exception, match="Must be one of"):
        registry["DeviceInformation"].load({"queries": ["Weight"]})
