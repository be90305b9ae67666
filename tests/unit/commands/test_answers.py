"""What answers mean, and that junk in one key loses no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.commands.targets import PROFILE
from zmdm_plugin.commands import effects, registry
from zmdm_plugin.commands.effects import Effect
from zmdm_plugin.protocol import connect
from zmdm_plugin.protocol.platform import Platform

CHAIN = [{"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain", "LocalizedDescription": "No"}]


def answered(name, body, args=None, *, status="Acknowledged") -> list[Effect]:
    message = {"Status": status, "CommandUUID": "u", "UDID": "D", **body}
    return registry[name].answered(args or {}, connect.parse(message))


def facts(name, body) -> dict:
    (effect,) = answered(name, body)
    assert isinstance(effect, effects.SetFacts)
    return dict(effect.columns)


def test_device_information_becomes_typed_facts():
    found = facts(
        "DeviceInformation",
        {
            "QueryResponses": {
                "DeviceName": "Ada's Mac",
                "ProductName": "Mac14,2",
                "OSVersion": "26.1",
                "IsSupervised": True,
                "AvailableDeviceCapacity": 12,
                "LastCloudBackupDate": datetime(2026, 1, 2, tzinfo=UTC),
            }
        },
    )
    assert found == {
        "name": "Ada's Mac",
        "model": "Mac14,2",
        "os_version": "26.1",
        "supervised": True,
        "capacity_available": 12.0,
        "last_cloud_backup_at": datetime(2026, 1, 2, tzinfo=UTC),
        "platform": Platform.MACOS,
    }


def test_junk_in_one_fact_loses_no_other():
    body = {"DeviceName": 7, "OSVersion": b"x", "SerialNumber": "C02X", "BatteryLevel": True}
    assert facts("DeviceInformation", {"QueryResponses": body}) == {"serial_number": "C02X"}


def test_what_the_device_does_not_say_changes_nothing():
    assert facts("DeviceInformation", {"QueryResponses": {}}) == {}


def test_the_section_is_kept_in_types_of_json():
    (effect,) = answered(
        "DeviceInformation",
        {"QueryResponses": {"PushToken": b"\x00", "BatteryLevel": float("nan")}},
    )
    assert effect.body == {"PushToken": "AA==", "BatteryLevel": None}


def test_cellular_facts_come_from_the_first_slot_that_has_any():
    slots = ["junk", {"Slot": "CTSubscriptionSlotOne"}, {"IMEI": "35 1", "PhoneNumber": "+1"}]
    found = facts("DeviceInformation", {"QueryResponses": {"ServiceSubscriptions": slots}})
    assert found == {"imei": "35 1", "phone_number": "+1"}


def test_security_info_becomes_typed_facts():
    found = facts(
        "SecurityInfo",
        {
            "SecurityInfo": {
                "FDE_Enabled": True,
                "ManagementStatus": {"EnrolledViaDEP": True, "IsUserEnrollment": "no"},
                "FirewallSettings": "junk",
                "SecureBoot": {"SecureBootLevel": "full"},
            }
        },
    )
    assert found == {
        "filevault_enabled": True,
        "dep_enrollment": True,
        "secure_boot_level": "full",
    }


def test_a_recovery_key_is_seen_and_not_kept_in_the_section():
    told, seen = answered(
        "SecurityInfo",
        {"SecurityInfo": {"FDE_PersonalRecoveryKeyCMS": b"hush", "FDE_Enabled": True}},
    )
    assert seen == effects.SecretSeen("filevault_prk_cms", b"hush")
    assert told.body == {"FDE_Enabled": True}
    assert "hush" not in repr(seen)


def test_applications_replace_the_former_ones():
    items = [
        {"Identifier": "com.example.a", "Name": "A", "BundleSize": 10, "Installing": False},
        {"Name": "No identifier"},
        {"Version": "neither"},
        "junk",
    ]
    (effect,) = answered("InstalledApplicationList", {"InstalledApplicationList": items})
    assert [app.identifier for app in effect.apps] == ["com.example.a", "No identifier"]
    assert (effect.apps[0].bundle_size, effect.apps[0].installing) == (10, False)
    assert effect.complete and not effect.managed_only


def test_some_applications_are_not_all():
    (effect,) = answered(
        "InstalledApplicationList",
        {"InstalledApplicationList": []},
        {"identifiers": ["a"], "managed_only": True},
    )
    assert not effect.complete and effect.managed_only


def test_certificates_replace_the_former_ones():
    items = [{"CommonName": "x", "IsIdentity": True, "Data": b"der"}, {"CommonName": "no data"}]
    (effect,) = answered("CertificateList", {"CertificateList": items})
    expected = effects.Certificate(common_name="x", is_identity=True, data=b"der")
    assert effect.certificates == (expected,)


def test_profiles_replace_the_former_ones():
    item = {
        "PayloadIdentifier": "com.example.wifi",
        "PayloadUUID": "U",
        "PayloadDisplayName": "Wi-Fi",
        "IsManaged": True,
        "SignerCertificates": [b"der", "junk"],
        "PayloadContent": [{"PayloadType": "com.apple.wifi.managed", "PayloadUUID": "P"}, 1],
    }
    (effect,) = answered("ProfileList", {"ProfileList": [item, {"PayloadUUID": "nameless"}]})
    (profile,) = effect.profiles
    assert (profile.identifier, profile.uuid, profile.managed) == ("com.example.wifi", "U", True)
    assert profile.signers == (b"der",)
    assert [payload.payload_type for payload in profile.payloads] == ["com.apple.wifi.managed"]


@pytest.mark.parametrize(
    "name, key",
    [
        ("DeviceInformation", "QueryResponses"),
        ("SecurityInfo", "SecurityInfo"),
        ("InstalledApplicationList", "InstalledApplicationList"),
        ("CertificateList", "CertificateList"),
        ("ProfileList", "ProfileList"),
    ],
)
@pytest.mark.parametrize("junk", [None, "text", 3])
def test_an_answer_without_its_part_wipes_nothing(name, key, junk):
    body = {} if junk is None else {key: junk}
    assert answered(name, body) == [effects.Unreadable(key)]


def test_an_erased_device_is_gone():
    assert answered("EraseDevice", {}) == [effects.DeviceGone("erased")]


def test_a_failed_erase_may_still_be_erasing():
    (note,) = answered("EraseDevice", {"ErrorChain": CHAIN}, status="Error")
    assert "may still be erasing" in note.text and "12021" in note.text


def test_a_failed_erase_that_was_told_not_to_go_on_is_over():
    args = {"obliteration_behavior": "DoNotObliterate"}
    assert answered("EraseDevice", {"ErrorChain": CHAIN}, args, status="Error") == []


def test_a_taken_lock_is_told():
    assert answered("DeviceLock", {}, {"pin": "123456"}) == [effects.Locked()]


def test_an_installed_profile_is_known_by_both_its_names():
    assert answered("InstallProfile", {}, {"profile": PROFILE}) == [
        effects.ProfileInstalled("com.example.wifi", "5E884898-0000-4000-8000-000000000001")
    ]


def test_a_profile_that_was_not_taken_says_why():
    args = {"identifier": "com.example.wifi"}
    (effect,) = answered("RemoveProfile", {"ErrorChain": CHAIN}, args, status="Error")
    assert effect == effects.ProfileFailed("com.example.wifi", "MCMDMErrorDomain 12021: No")


def test_a_renewal_names_its_session():
    assert answered("RenewIdentity", {}, {"session": "s"}) == [effects.IdentityRenewed("s")]
    (failed,) = answered("RenewIdentity", {}, {"session": "s"}, status="Error")
    assert isinstance(failed, effects.RenewalFailed)


def test_not_now_means_nothing():
    assert answered("DeviceInformation", {}, status="NotNow") == []


LEAF = st.none() | st.booleans() | st.integers() | st.text("aé", max_size=3) | st.binary(max_size=3)
KEYS = st.sampled_from(
    "DeviceName OSVersion ProductName ServiceSubscriptions IMEI ManagementStatus FDE_Enabled"
    " FDE_PersonalRecoveryKeyCMS Identifier Name BundleSize CommonName Data PayloadIdentifier"
    " PayloadContent PayloadType SignerCertificates".split()
)
JUNK = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(
        "DeviceInformation SecurityInfo InstalledApplicationList CertificateList"
        " ProfileList".split()
    ),
    JUNK,
)
def test_no_answer_raises(name, junk):
    key = "QueryResponses" if name == "DeviceInformation" else name
    assert answered(name, {key: junk})
