"""Profiles, as strictly as a device reads them."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest

from tests.simulator.device_server import (
    BASE,
    enrollment_profile,
    mdm_payload,
    payload,
    profile,
    scep_payload,
    service_profile,
)
from zmdm_simulator import cms, envelope, pki
from zmdm_simulator.errors import ProfileRefused
from zmdm_simulator.profile import load, mdm_of, scep_of


def refusal(**keys: Any) -> str:
    with pytest.raises(ProfileRefused) as refused:
        mdm_of(load(enrollment_profile(**keys)))
    return str(refused.value)


def test_an_mdm_payload_is_read() -> None:
    mdm = mdm_of(load(enrollment_profile()))
    assert mdm.server_url == f"{BASE}/connect"
    assert (mdm.sign_message, mdm.check_out, mdm.access_rights) == (True, True, 8191)


def test_checkin_goes_to_the_server_url_where_no_other_is_named() -> None:
    assert mdm_of(load(enrollment_profile(CheckInURL=f"{BASE}/connect"))).checkin_url
    data = plistlib.loads(enrollment_profile())
    del data["PayloadContent"][1]["CheckInURL"]
    assert mdm_of(load(plistlib.dumps(data))).checkin_url == f"{BASE}/connect"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("Topic", "com.example.push", "Topic"),
        ("Topic", None, "Topic"),
        ("ServerURL", "http://mdm.example.com/connect", "https"),
        ("CheckInURL", "ftp://mdm.example.com/", "https"),
        ("IdentityCertificateUUID", "00000000", "IdentityCertificateUUID"),
        ("AccessRights", 8192, "AccessRights"),
        ("AccessRights", 2, "AccessRights"),
        ("AccessRights", None, "AccessRights"),
        ("AccessRights", True, "AccessRights"),
        ("SignMessage", 1, "SignMessage"),
        ("ServerCapabilities", ["x", 1], "ServerCapabilities"),
        ("EnrollmentMode", "BYOD", "AccessRights"),
    ],
)
def test_a_broken_rule_is_named(key: str, value: object, rule: str) -> None:
    assert rule in refusal(**{key: value})


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1"])
def test_http_is_taken_from_this_machine_alone(host: str) -> None:
    url = f"http://{host}/mdm"
    assert mdm_of(load(enrollment_profile(ServerURL=url, CheckInURL=url))).server_url == url


def test_http_from_elsewhere_must_be_allowed() -> None:
    profile_ = load(enrollment_profile(ServerURL="http://mdm.example.com/"))
    assert mdm_of(profile_, allow_http=True).server_url == "http://mdm.example.com/"


def test_a_profile_without_mdm_payload_enrolls_nobody() -> None:
    with pytest.raises(ProfileRefused, match="0 MDM payloads"):
        mdm_of(load(profile(scep_payload())))


@pytest.mark.parametrize("missing", ["PayloadUUID", "PayloadIdentifier", "PayloadVersion"])
def test_each_payload_needs_its_common_keys(missing: str) -> None:
    broken = {key: value for key, value in scep_payload().items() if key != missing}
    with pytest.raises(ProfileRefused, match=missing):
        load(profile(broken, mdm_payload()))


def test_one_uuid_for_two_payloads_is_refused() -> None:
    with pytest.raises(ProfileRefused, match="same PayloadUUID"):
        load(profile(scep_payload(), scep_payload()))


@pytest.mark.parametrize("junk", [b"", b"junk", b"<plist>", b"<?xml version='1.0'?><a/>", b"\x30"])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(ProfileRefused):
        load(junk)


@pytest.mark.parametrize("style", [cms.REAL_DEVICE, cms.DER_STYLE], ids=["ber", "der"])
def test_a_signed_profile_is_read_and_its_signer_known(style: cms.Style) -> None:
    signer = pki.self_signed([("CN", "Example")], key=pki.new_key())
    loaded = load(cms.sign_attached(enrollment_profile(), signer, style=style))
    assert loaded.signers == (signer.certificate,)
    assert mdm_of(loaded).sign_message


def test_a_signed_profile_that_was_changed_is_refused() -> None:
    signer = pki.self_signed([("CN", "Example")], key=pki.new_key())
    signed = cms.sign_attached(enrollment_profile(), signer, style=cms.DER_STYLE)
    with pytest.raises(ProfileRefused):
        load(signed.replace(b"8191", b"8190"))


def test_an_encrypted_profile_opens_for_its_device_alone() -> None:
    device = pki.self_signed([("CN", "A device")], key=pki.new_key())
    data = plistlib.loads(enrollment_profile())
    inner = plistlib.dumps(data.pop("PayloadContent"))
    data["EncryptedPayloadContent"] = envelope.encrypt(inner, device.certificate)
    sealed = plistlib.dumps(data)
    assert mdm_of(load(sealed, identity=device)).sign_message
    with pytest.raises(ProfileRefused, match="encrypted"):
        load(sealed)


def test_a_profile_service_says_where_to_send_what() -> None:
    service = load(service_profile()).service
    assert service is not None
    assert (service.url, service.challenge) == (f"{BASE}/ota", "let me in")
    assert "SERIAL" in service.attributes


def test_the_device_fills_in_the_variables_of_a_scep_subject() -> None:
    read = scep_of(scep_payload(), {"SerialNumber": "C02ABC"})
    assert read.subject == (("CN", "C02ABC"), ("O", "Example"))


def test_a_scep_payload_has_apples_defaults() -> None:
    bare = payload("com.apple.security.scep", "scep", PayloadContent={"URL": BASE})
    read = scep_of(bare)
    assert (read.key_size, read.key_usage, read.retries, read.retry_delay) == (1024, 0, 3, 10)
