from __future__ import annotations

import plistlib
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests import requirements
from tests.apple_schema import validate_profile
from tests.unit.protocol import openssl
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms, profile_lint
from zmdm_plugin.protocol.mobileconfig import ProfileError
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.problems import errors, warnings
from zmdm_plugin.protocol.profile_lint import inspect, installable, problems

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def payload(number: int = 1, kind: str = "com.apple.wifi.managed", **keys) -> dict:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"com.example.wifi.{number}",
        "PayloadUUID": f"00000000-0000-4000-8000-00000000000{number}",
        **keys,
    }


def profile(*payloads: dict, **keys) -> bytes:
    content = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.wifi",
        "PayloadUUID": "abcdef00-0000-4000-8000-000000000000",
        "PayloadDisplayName": "Wi-Fi",
        "PayloadContent": list(payloads or [payload()]),
        **keys,
    }
    return plistlib.dumps({key: item for key, item in content.items() if item is not None})


@pytest.fixture(scope="module")
def signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example profiles")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.serial_number(7).public_key(key.public_key())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=30))
    certificate = builder.sign(key, hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    return cms.sign_attached(profile(), der, key=key)


def found(data: bytes, channel: str = "device", **options) -> list[str]:
    return [str(problem) for problem in problems(inspect(data), channel=channel, **options)]


def refused(data: bytes, channel: str = "device", **options) -> list[str]:
    listed = problems(inspect(data), channel=channel, **options)
    return [problem.path for problem in errors(listed)]


def test_a_profile_says_what_is_in_it():
    seen = inspect(profile(payload(1), payload(2, "com.apple.security.root"), PayloadScope="User"))
    assert (seen.identifier, seen.display_name, seen.scope) == ("com.example.wifi", "Wi-Fi", "User")
    assert seen.payload_types == ("com.apple.wifi.managed", "com.apple.security.root")
    assert (seen.signed, seen.signer, seen.broken_signature) == (False, None, None)


def test_a_signed_profile_says_by_whom(signed):
    seen = inspect(signed)
    assert (seen.signed, seen.signer, seen.broken_signature) == (True, "Example profiles", None)
    assert seen.content == inspect(profile()).content
    assert problems(seen, channel="device") == []


@pytest.mark.parametrize("options", [(), ("-stream",)], ids=["der", "ber"])
def test_what_openssl_signed_is_read(options):
    large = profile(payload(Picture=b"x" * 9000))  # openssl cuts streams at some kilobytes
    seen = inspect(openssl.sign(large, openssl.identity("signer"), "-nodetach", *options))
    assert (seen.signer, seen.broken_signature) == ("signer", None)
    assert seen.content == inspect(large).content


def test_a_signer_without_a_certificate_is_nobody():
    seen = inspect(openssl.sign(profile(), openssl.identity("signer"), "-nodetach", "-nocerts"))
    assert (seen.signed, seen.signer) == (True, None)
    assert "certificate" in (seen.broken_signature or "")


def test_a_signature_over_something_else_is_told(signed):
    [problem] = problems(inspect(signed.replace(b"Wi-Fi", b"Fi-Wi")), channel="device")
    assert problem.level == "warning" and "does not hold" in problem.why


def test_a_binary_profile_is_read():
    content = plistlib.loads(profile())
    assert inspect(plistlib.dumps(content, fmt=plistlib.FMT_BINARY)).content == content


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        profile(PayloadType="com.apple.mdm"),
        profile(PayloadIdentifier=None),
        profile(PayloadUUID=""),
        profile(PayloadUUID=7),
        profile(PayloadContent={}),
        profile(PayloadContent=["a"]),
        profile(PayloadScope=True),
        profile(PayloadDescription=[]),
    ],
)
def test_what_no_device_could_read_is_refused(data):
    with pytest.raises(ProfileError if b"plist" in data else ProtocolError):
        inspect(data)


@pytest.mark.needs("apple_schema")
def test_what_has_no_fault_is_as_apple_writes_it():
    data = profile(payload(SSID_STR="office", EncryptionType="None"), PayloadScope="System")
    assert found(data) == []
    assert validate_profile(data) == []


@pytest.mark.parametrize(
    ("scope", "channel", "fits"),
    [
        ("System", "device", True),
        ("User", "user", True),
        (None, "device", True),
        (None, "user", True),
        ("User", "device", False),
        ("System", "user", False),
        ("Everybody", "device", False),
    ],
)
def test_the_scope_must_be_that_of_the_channel(scope, channel, fits):
    assert refused(profile(PayloadScope=scope), channel) == ([] if fits else ["PayloadScope"])


def test_only_macs_know_a_scope():
    data = profile(PayloadScope="User")
    assert refused(data, platforms=[Platform.IOS]) == []
    assert len(found(data, platforms=[Platform.IOS])) == 1


def test_two_payloads_with_one_uuid_are_refused():
    first, second = payload(1), payload(2)
    second["PayloadUUID"] = first["PayloadUUID"].lower()
    assert refused(profile(first, second)) == ["PayloadUUID"]


def test_a_payload_with_the_uuid_of_the_profile_is_refused():
    own = payload(PayloadUUID="ABCDEF00-0000-4000-8000-000000000000")
    assert refused(profile(own)) == ["PayloadUUID"]


def test_two_payloads_with_one_identifier_are_told():
    first, second = payload(1), payload(2, PayloadIdentifier="com.example.wifi.1")
    assert found(profile(first, second)) == ["PayloadIdentifier: com.example.wifi.1 stands 2 times"]
    assert refused(profile(first, second)) == []


@pytest.mark.parametrize(
    "key", ["PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadVersion"]
)
def test_each_payload_must_have_its_names(key):
    inner = payload(2)
    del inner[key]
    assert refused(profile(payload(1), inner)) == [f"PayloadContent[1].{key}"]


@pytest.mark.parametrize("key", ["PayloadType", "PayloadIdentifier", "PayloadVersion"])
def test_each_name_of_a_payload_must_be_of_its_kind(key):
    inner = {**payload(1), key: ["a"]}
    assert refused(profile(inner)) == [f"PayloadContent[0].{key}"]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"PayloadVersion": 2}, "PayloadVersion"),
        ({"PayloadVersion": None}, "PayloadVersion"),
        ({"PayloadVersion": True}, "PayloadVersion"),
        ({"PayloadRemovalDisallowed": 1}, "PayloadRemovalDisallowed"),
        ({"ConsentText": "Yes"}, "ConsentText"),
        ({"IsEncrypted": True}, "IsEncrypted"),
        ({"EncryptedPayloadContent": b"x", "PayloadContent": None}, "IsEncrypted"),
    ],
)
def test_a_wrong_value_at_the_top_is_refused(keys, path):
    assert refused(profile(**keys)) == [path]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"PayloadColour": "red"}, "PayloadColour"),
        ({"RemovalDate": datetime(2027, 1, 1)}, "RemovalDate"),  # noqa: DTZ001
        ({"DurationUntilRemoval": 60}, "DurationUntilRemoval"),
        ({"PayloadContent": []}, "PayloadContent"),
        ({"PayloadContent": None}, "PayloadContent"),
    ],
)
def test_what_an_operator_may_want_is_told(keys, path):
    listed = problems(inspect(profile(**keys)), channel="device")
    assert [problem.path for problem in warnings(listed)] == [path]
    assert errors(listed) == []


def test_an_escrow_of_recovery_keys_is_told():
    [problem] = problems(inspect(profile(payload(kind=profile_lint.ESCROW))), channel="device")
    assert problem.level == "warning" and "FileVault" in problem.why


def test_a_second_escrow_of_recovery_keys_is_refused():
    twice = profile(payload(1, profile_lint.ESCROW), payload(2, profile_lint.ESCROW))
    assert refused(twice) == ["PayloadContent"]


def test_an_enrollment_is_refused():
    assert refused(profile(payload(kind="com.apple.mdm"))) == ["PayloadContent"]


@pytest.mark.parametrize(
    ("kind", "channel"),
    [("com.apple.screensaver", "user"), ("com.apple.mail.managed", "device")],
)
def test_a_payload_that_macs_take_on_the_other_channel_is_told(kind, channel):
    data = profile(payload(kind=kind))
    assert kind in found(data, channel)[0]
    assert found(data, channel, platforms=[Platform.IPADOS]) == []


def test_the_names_are_ours_and_the_payloads_as_they_were_brought():
    content = inspect(profile(PayloadScope="User")).content
    ours = installable(content, identifier="com.example.artifact.1", uuid="VERSION")
    assert (ours["PayloadIdentifier"], ours["PayloadUUID"]) == ("com.example.artifact.1", "VERSION")
    ours["PayloadIdentifier"], ours["PayloadUUID"] = "com.example.wifi", content["PayloadUUID"]
    assert list(ours.items()) == list(content.items())
    assert content["PayloadIdentifier"] == "com.example.wifi"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("aé", max_size=3) | st.binary(),
    lambda inner: st.lists(inner.filter(lambda item: item is not None), max_size=2),
    max_leaves=3,
)
ODD_PAYLOAD = st.dictionaries(st.sampled_from([*payload(), "SSID_STR"]), ODD).map(
    lambda keys: {key: item for key, item in keys.items() if item is not None}
)


@given(st.lists(ODD_PAYLOAD), st.dictionaries(st.sampled_from(sorted(profile_lint.ROOT_KEYS)), ODD))
def test_odd_profiles_are_refused_or_judged(payloads, keys):
    given_keys = {key: item for key, item in keys.items() if item is not None}
    data = profile(**{"PayloadContent": payloads, **given_keys})
    try:
        seen = inspect(data)
    except ProtocolError:
        return
    for channel in ("device", "user"):
        problems(seen, channel=channel)


@pytest.mark.needs("apple_schema")
def test_the_keys_at_the_top_are_those_of_apple():
    page = yaml.safe_load((requirements.apple_schema() / "mdm/profiles/TopLevel.yaml").read_text())
    assert {key["key"] for key in page["payloadkeys"]} == set(profile_lint.ROOT_KEYS)


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize(
    ("refused_on", "listed"),
    [("userchannel", profile_lint.MAC_DEVICE_ONLY), ("devicechannel", profile_lint.MAC_USER_ONLY)],
)
def test_the_payloads_of_one_channel_are_those_of_apple(refused_on, listed):
    taken: dict[str, bool] = {}
    for path in (requirements.apple_schema() / "mdm/profiles").glob("*.yaml"):
        about = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["payload"]
        macs = about.get("supportedOS", {}).get("macOS", {})
        if macs.get("introduced", "n/a") != "n/a":
            kind = about["payloadtype"]
            taken[kind] = taken.get(kind, False) or macs[refused_on]
    refusing = {kind for kind, good in taken.items() if not good}
    assert refusing - {"com.apple.mdm"} == listed
