from __future__ import annotations

import plistlib
import uuid

import pytest
from asn1crypto import cms
from hypothesis import given
from hypothesis import strategies as st

from tests.apple_schema import validate_profile
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import mobileconfig, plist
from zmdm_plugin.protocol.mobileconfig import EnrollmentPayload, ProfileError, Scep, Texts

TEXTS = Texts(display_name="Example", organization="Example Inc.", description="Manages it.")
PROFILE = uuid.UUID("5e884898-da28-4000-8000-000000000001")
ENROLLMENT = EnrollmentPayload(
    identifier="com.example.zmdm",
    topic="com.apple.mgmt.External.0c9a7f3e",
    server_url="https://mdm.example.com/mdm/connect",
    checkin_url="https://mdm.example.com/mdm/checkin",
)
SCEP = Scep(
    url="https://mdm.example.com/scep",
    subject=(("CN", "session"), ("O", "Example")),
    challenge="one-time",
    name="zmdm",
    ca_fingerprint=b"\x01" * 32,
)


def enrollment_profile(enrollment=ENROLLMENT, **options) -> bytes:
    return mobileconfig.enrollment_profile(
        enrollment, SCEP, profile_uuid=PROFILE, texts=TEXTS, **options
    )


def payload(profile: bytes, kind: str) -> dict:
    found = [p for p in plistlib.loads(profile)["PayloadContent"] if p["PayloadType"] == kind]
    assert len(found) == 1
    return found[0]


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("platform", [None, "iOS", "macOS", "tvOS", "visionOS"])
def test_the_enrollment_profile_is_as_apple_writes_it(platform):
    profile = enrollment_profile(roots=[b"\x30\x03\x02\x01\x01"])
    assert validate_profile(profile, platform=platform) == []


@pytest.mark.needs("apple_schema")
def test_the_identity_profile_is_as_apple_writes_it():
    profile = mobileconfig.identity_profile(
        SCEP, identifier="com.example.ota", profile_uuid=PROFILE, texts=TEXTS
    )
    assert validate_profile(profile) == []


def test_the_identity_is_the_scep_payload():
    profile = enrollment_profile()
    scep, mdm = payload(profile, "com.apple.security.scep"), payload(profile, "com.apple.mdm")
    assert mdm["IdentityCertificateUUID"] == scep["PayloadUUID"]


def test_a_key_stays_in_the_device():
    content = payload(enrollment_profile(), "com.apple.security.scep")["PayloadContent"]
    assert content["KeyIsExtractable"] is False
    assert (content["Keysize"], content["Key Type"], content["Key Usage"]) == (2048, "RSA", 5)
    assert content["Subject"] == [[["CN", "session"]], [["O", "Example"]]]


def test_all_rights_and_user_channels_come_with_the_first_profile():
    mdm = payload(enrollment_profile(), "com.apple.mdm")
    assert mdm["AccessRights"] == 8191
    assert mdm["ServerCapabilities"] == [
        "com.apple.mdm.per-user-connections",
        "com.apple.mdm.bootstraptoken",
    ]
    assert mdm["SignMessage"] is True and mdm["CheckOutWhenRemoved"] is True


def test_a_profile_has_no_scope():
    assert "PayloadScope" not in plistlib.loads(enrollment_profile())


def test_a_user_enrollment_has_no_access_rights():
    byod = EnrollmentPayload(
        identifier="x",
        topic="t",
        server_url="https://mdm.example.com/",
        enrollment_mode="BYOD",
        assigned_managed_apple_id="ada@example.com",
    )
    mdm = payload(enrollment_profile(byod), "com.apple.mdm")
    assert "AccessRights" not in mdm
    assert (mdm["EnrollmentMode"], mdm["AssignedManagedAppleID"]) == ("BYOD", "ada@example.com")


def test_the_same_arguments_give_the_same_bytes():
    assert enrollment_profile() == enrollment_profile()


def test_a_renewal_keeps_identifiers_and_changes_uuids():
    first, second = (
        plistlib.loads(
            mobileconfig.enrollment_profile(ENROLLMENT, SCEP, profile_uuid=number, texts=TEXTS)
        )
        for number in (PROFILE, uuid.UUID(int=7))
    )
    assert first["PayloadIdentifier"] == second["PayloadIdentifier"] == "com.example.zmdm"
    for old, new in zip(first["PayloadContent"], second["PayloadContent"], strict=True):
        assert old["PayloadIdentifier"] == new["PayloadIdentifier"]
        assert old["PayloadUUID"] != new["PayloadUUID"]


def test_what_a_device_enrolled_with_survives_a_json_column():
    kept = ENROLLMENT.to_json()
    assert EnrollmentPayload.from_json({**kept, "later": 1}) == ENROLLMENT


def test_the_first_step_over_the_air_asks_for_attributes():
    body = plistlib.loads(
        mobileconfig.profile_service(
            identifier="com.example.ota",
            profile_uuid=PROFILE,
            url="https://mdm.example.com/ota",
            challenge="c",
            texts=TEXTS,
        )
    )
    assert body["PayloadType"] == "Profile Service"
    assert body["PayloadContent"] == {
        "URL": "https://mdm.example.com/ota",
        "Challenge": "c",
        "DeviceAttributes": ["UDID", "VERSION", "PRODUCT", "SERIAL", "MEID", "IMEI"],
    }


def test_a_challenge_is_not_in_the_text_of_a_value():
    assert "one-time" not in repr(SCEP)


def signed(content: bytes) -> bytes:
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [],
            "encap_content_info": {"content_type": "data", "content": content},
            "signer_infos": [],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()


@pytest.mark.parametrize("wrap", [bytes, signed, lambda data: b"\xef\xbb\xbf\n" + data])
def test_a_summary_is_read_signed_or_not(wrap):
    found = mobileconfig.summary(wrap(enrollment_profile()))
    assert (found.identifier, found.display_name) == ("com.example.zmdm", "Example")
    assert found.payload_types == ("com.apple.security.scep", "com.apple.mdm")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        plist.dumps({"PayloadType": "Configuration"}),
        plist.dumps({"PayloadType": "Profile Service"}),
        plist.dumps({"PayloadType": "Configuration", "PayloadContent": [1]}),
        signed(b"hello"),
        cms.ContentInfo({"content_type": "data", "content": b"x"}).dump(),
    ],
)
def test_what_is_no_profile_is_refused(data):
    with pytest.raises(ProtocolError):
        mobileconfig.summary(data)


@given(st.data())
def test_changed_bytes_raise_nothing_but_protocol_error(data):
    body = bytearray(signed(enrollment_profile()))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    try:
        mobileconfig.summary(bytes(body))
    except ProtocolError:
        pass


def test_another_payload_type_says_so():
    with pytest.raises(ProfileError, match="PayloadType"):
        mobileconfig.load(plist.dumps({"PayloadType": "com.apple.mdm"}))
