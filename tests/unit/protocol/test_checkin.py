from __future__ import annotations

import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apple_schema import validate_checkin_reply
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import checkin
from zmdm_plugin.protocol.checkin import ChannelKind, UnknownMessage
from zmdm_plugin.protocol.fields import FieldError

TOPIC = "com.apple.mgmt.External.0c9a7f3e"
UDID = "00008030-001A2B3C4D5E6F00"
MAC_USER = {"UserID": "1a2b3c4d-0000-4000-8000-000000000001", "UserShortName": "ada"}
PAD_USER = {"UserID": checkin.SHARED_IPAD_USER_ID, "UserShortName": "Ada@Example.com"}
USER_ENROLLED = {"EnrollmentID": "E1", "EnrollmentUserID": "eu-1"}


def message(message_type: str, **keys) -> dict:
    return {"MessageType": message_type, "UDID": UDID, "Topic": TOPIC} | keys


def token_update(**keys) -> dict:
    return message("TokenUpdate", **{"Token": b"\x01" * 32, "PushMagic": "magic", **keys})


def test_authenticate_tells_what_the_device_is():
    body = message(
        "Authenticate",
        DeviceName="Ada's Mac",
        Model="MacBookPro18,3",
        ModelName="MacBook Pro",
        ProductName="MacBookPro18,3",
        OSVersion="26.1",
        BuildVersion="25B78",
        SerialNumber="C02X",
    )
    found = checkin.parse(plistlib.dumps(body))
    assert isinstance(found, checkin.Authenticate)
    assert (found.who.udid, found.topic, found.serial_number) == (UDID, TOPIC, "C02X")
    assert (found.os_version, found.product_name) == ("26.1", "MacBookPro18,3")


def test_a_binary_message_is_read_too():
    body = plistlib.dumps(message("CheckOut"), fmt=plistlib.FMT_BINARY)
    assert isinstance(checkin.parse(body), checkin.CheckOut)


def test_authenticate_on_a_user_channel_is_refused():
    with pytest.raises(FieldError, match="UserID"):
        checkin.parse(message("Authenticate", **MAC_USER))


def test_token_update_of_a_device():
    found = checkin.parse(token_update(UnlockToken=b"u", AwaitingConfiguration=True))
    assert isinstance(found, checkin.TokenUpdate)
    assert found.who.kind is ChannelKind.DEVICE and found.who.user_key == ""
    assert (found.token, found.push_magic) == (b"\x01" * 32, "magic")
    assert (found.unlock_token, found.awaiting_configuration) == (b"u", True)


@pytest.mark.parametrize("keys", [{}, {"UnlockToken": b""}], ids=["missing", "empty"])
def test_no_unlock_token_means_keep(keys):
    assert checkin.parse(token_update(**keys)).unlock_token is None


def test_what_awaiting_configuration_does_not_say_is_unknown():
    assert checkin.parse(token_update()).awaiting_configuration is None


@pytest.mark.parametrize("keys", [{}, {"BootstrapToken": b""}], ids=["missing", "empty"])
def test_no_bootstrap_token_means_remove(keys):
    assert checkin.parse(message("SetBootstrapToken", **keys)).bootstrap_token is None


def test_a_user_of_a_mac_is_found_in_one_spelling():
    who = checkin.parse(token_update(**MAC_USER)).who
    assert who.kind is ChannelKind.USER
    assert (who.device_key, who.user_key) == (UDID, MAC_USER["UserID"].upper())


def test_a_user_of_a_shared_ipad_is_found_by_the_short_name():
    who = checkin.parse(token_update(**PAD_USER)).who
    assert (who.kind, who.user_key) == (ChannelKind.USER, "ada@example.com")


def test_a_shared_ipad_user_without_a_name_is_refused():
    with pytest.raises(FieldError, match="UserShortName"):
        checkin.parse(token_update(UserID=checkin.SHARED_IPAD_USER_ID))


def test_a_user_enrollment_has_ids_of_its_own():
    body = token_update(**USER_ENROLLED)
    del body["UDID"]
    who = checkin.parse(body).who
    assert who.user_enrollment
    assert (who.device_key, who.user_key) == ("E1", "EU-1")


@pytest.mark.parametrize("key", ["Topic", "Token", "PushMagic", "MessageType", "UDID"])
@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_a_missing_key_is_named(key, empty):
    body = token_update()
    body[key] = type(body[key])() if empty else body.pop(key) and None
    with pytest.raises(ProtocolError, match=key):
        checkin.parse({name: value for name, value in body.items() if value is not None})


@pytest.mark.parametrize(
    "keys",
    [
        {"Token": "text"},
        {"PushMagic": 1},
        {"UDID": b"x"},
        {"AwaitingConfiguration": 1},
        {"UnlockToken": "text"},
        {"UserLongName": 7},
        {"Topic": ["x"]},
    ],
)
def test_a_wrong_type_is_named(keys):
    with pytest.raises(FieldError, match=next(iter(keys))):
        checkin.parse(token_update(**keys))


@pytest.mark.parametrize(
    "keys", [{"UDID": "x" * 256}, {"PushMagic": "x" * 256}, {"Token": b"x" * 1025}]
)
def test_what_is_too_long_is_named(keys):
    with pytest.raises(FieldError, match=f"{next(iter(keys))} is longer"):
        checkin.parse(token_update(**keys))


def test_a_long_name_is_cut_and_stops_no_enrollment():
    assert len(checkin.parse(message("Authenticate", DeviceName="x" * 999)).device_name) == 255


def test_an_unknown_message_is_told_apart():
    with pytest.raises(UnknownMessage) as caught:
        checkin.parse(message("Reticulate"))
    assert (caught.value.message_type, caught.value.status) == ("Reticulate", 400)


def test_user_authenticate_asks_for_a_user():
    found = checkin.parse(message("UserAuthenticate", **MAC_USER, DigestResponse="d"))
    assert found.digest_response == "d"
    with pytest.raises(FieldError, match="UserID"):
        checkin.parse(message("UserAuthenticate"))


def test_get_token_has_parameters():
    found = checkin.parse(
        message(
            "GetToken",
            TokenServiceType="com.apple.watch.pairing",
            TokenParameters={"SecurityToken": "s", "PhoneUDID": "p", "WatchUDID": "w"},
        )
    )
    assert (found.service_type, found.phone_udid, found.watch_udid) == (
        "com.apple.watch.pairing",
        "p",
        "w",
    )


def test_declarative_management_has_an_endpoint_and_data():
    found = checkin.parse(message("DeclarativeManagement", Endpoint="status", Data=b"{}"))
    assert (found.endpoint, found.data) == ("status", b"{}")


def test_each_message_has_a_parser_that_makes_its_own_type():
    body = token_update(**MAC_USER, Endpoint="tokens", TokenServiceType="com.apple.maid")
    for message_type in checkin.PARSERS:
        sender = {} if message_type == "Authenticate" else body
        found = checkin.parse({**message("x"), **sender, "MessageType": message_type})
        assert found.message_type == message_type


def test_secrets_are_not_in_the_text_of_a_message():
    found = checkin.parse(token_update(UnlockToken=b"hush-hush"))
    assert "hush" not in repr(found)


TEXT = st.text("aé ", max_size=5)
JUNK = st.none() | st.booleans() | st.integers() | TEXT | st.binary(max_size=5)
KEYS = st.sampled_from(
    "UDID EnrollmentID UserID UserShortName Topic Token PushMagic UnlockToken Data Endpoint"
    " TokenParameters TokenServiceType BootstrapToken AwaitingConfiguration SerialNumber".split()
)


@given(
    st.sampled_from(sorted(checkin.PARSERS)),
    st.dictionaries(
        KEYS,
        JUNK | st.lists(JUNK, max_size=2) | st.dictionaries(TEXT, JUNK, max_size=2),
        max_size=6,
    ),
)
def test_junk_raises_nothing_but_protocol_error(message_type, keys):
    try:
        checkin.parse({"MessageType": message_type, "UDID": UDID, **keys})
    except ProtocolError:
        pass


def test_an_empty_answer_says_that_there_is_no_bootstrap_token():
    assert checkin.bootstrap_token_reply(None) == b""


@pytest.mark.needs("apple_schema")
def test_replies_are_as_apple_writes_them():
    reply = plistlib.loads(checkin.bootstrap_token_reply(b"token"))
    assert reply == {"BootstrapToken": b"token"}
    assert validate_checkin_reply("GetBootstrapToken", reply) == []
    assert validate_checkin_reply("GetToken", plistlib.loads(checkin.token_reply(b"jwt"))) == []


def test_user_authenticate_is_answered_with_a_challenge_and_a_token():
    assert plistlib.loads(checkin.digest_challenge_reply()) == {"DigestChallenge": ""}
    assert plistlib.loads(checkin.auth_token_reply("t")) == {"AuthToken": "t"}


def test_return_to_service_leaves_out_what_there_is_not():
    reply = plistlib.loads(checkin.return_to_service_reply(enabled=True, wifi_profile=b"w"))
    assert reply == {"ReturnToService": {"Enabled": True, "WiFiProfileData": b"w"}}
