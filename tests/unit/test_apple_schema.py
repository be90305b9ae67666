"""The judge is judged: it finds each kind of fault, and no fault where there is none."""

from __future__ import annotations

import pytest

from tests.apple_schema import (
    validate_checkin,
    validate_command,
    validate_profile_payload,
    validate_response,
)

pytestmark = pytest.mark.needs("apple_schema")

TOKEN_UPDATE = {
    "MessageType": "TokenUpdate",
    "Topic": "com.apple.mgmt.x",
    "UDID": "A",
    "Token": b"t",
    "PushMagic": "m",
}


def test_a_right_command_has_no_fault():
    assert (
        validate_command("RemoveProfile", {"RequestType": "RemoveProfile", "Identifier": "x"}) == []
    )


def test_a_missing_required_key_is_found():
    assert validate_command("RemoveProfile", {"RequestType": "RemoveProfile"}) == [
        "Identifier: missing"
    ]


def test_an_unknown_key_is_found():
    faults = validate_command("DeviceLock", {"RequestType": "DeviceLock", "Pin": "1"})
    assert faults == ["Pin: unknown"]


def test_a_wrong_type_is_found():
    faults = validate_command("DeviceLock", {"RequestType": "DeviceLock", "PIN": 1})
    assert faults == ["PIN: int is not <string>"]


def test_a_boolean_is_no_integer():
    faults = validate_response(
        "SecurityInfo",
        {
            "Status": "Acknowledged",
            "CommandUUID": "u",
            "UDID": "A",
            "SecurityInfo": {"HardwareEncryptionCaps": True},
        },
    )
    assert faults == ["SecurityInfo.HardwareEncryptionCaps: bool is not <integer>"]


def test_a_value_outside_the_rangelist_is_found():
    faults = validate_command(
        "EraseDevice", {"RequestType": "EraseDevice", "ObliterationBehavior": "Never"}
    )
    assert len(faults) == 1 and "Never" in faults[0]


def test_a_key_of_another_platform_is_found():
    faults = validate_command(
        "DeviceLock", {"RequestType": "DeviceLock", "PIN": "1"}, platform="iOS"
    )
    assert faults == ["PIN: not on iOS (device channel)"]


def test_a_query_of_another_platform_is_found():
    payload = {"RequestType": "DeviceInformation", "Queries": ["IsAppleSilicon"]}
    assert validate_command("DeviceInformation", payload, platform="macOS") == []
    assert validate_command("DeviceInformation", payload, platform="iOS") != []


def test_a_command_that_a_platform_lacks_is_found():
    payload = {"RequestType": "ShutDownDevice"}
    assert validate_command("ShutDownDevice", payload, platform="tvOS") == ["not on tvOS"]


def test_what_is_required_depends_on_the_channel():
    assert validate_checkin("TokenUpdate", TOKEN_UPDATE, platform="macOS") == []
    faults = validate_checkin("TokenUpdate", TOKEN_UPDATE, platform="macOS", channel="user")
    assert faults == ["NotOnConsole: missing", "UserLongName: missing"]


def test_an_array_element_of_the_wrong_shape_is_found():
    body = {"Status": "Acknowledged", "CommandUUID": "u", "UDID": "A", "CertificateList": [{}]}
    assert validate_response("CertificateList", body) == [
        "CertificateList[0].CommonName: missing",
        "CertificateList[0].IsIdentity: missing",
        "CertificateList[0].Data: missing",
    ]


def test_an_answer_that_is_no_acknowledgement_has_no_keys_of_its_command():
    assert validate_response("CertificateList", {"Status": "Idle", "UDID": "A"}) == []


def test_a_payload_that_misses_a_format_is_found():
    payload = {
        "PayloadType": "com.apple.mdm",
        "PayloadVersion": 1,
        "PayloadIdentifier": "x",
        "PayloadUUID": "u",
        "IdentityCertificateUUID": "not a uuid",
        "Topic": "com.apple.mgmt.x",
        "ServerURL": "ftp://mdm.example.com",
    }
    faults = validate_profile_payload(payload)
    assert [fault.split(": ")[1] for fault in faults] == ["IdentityCertificateUUID", "ServerURL"]
