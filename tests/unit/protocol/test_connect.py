from __future__ import annotations

import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import checkin, connect
from zmdm_plugin.protocol.connect import Status
from zmdm_plugin.protocol.who import ChannelKind

UDID = "00008030-001A2B3C4D5E6F00"
UUID = "4ec709ba-542e-4adf-8002-7d782e9eae9e"


def answer(**keys) -> bytes:
    body = {"Status": "Acknowledged", "CommandUUID": UUID, "UDID": UDID, **keys}
    return plistlib.dumps({key: value for key, value in body.items() if value is not None})


CHAIN = [
    {
        "ErrorCode": 12021,
        "ErrorDomain": "MCMDMErrorDomain",
        "LocalizedDescription": "Unbekannt",
        "USEnglishDescription": "Unknown command",
    }
]


def test_an_idle_device_answers_no_command():
    found = connect.parse(answer(Status="Idle", CommandUUID=None))
    assert (found.idle, found.final, found.command_uuid) == (True, False, None)
    assert found.who.udid == UDID


def test_an_acknowledgement_has_its_body():
    found = connect.parse(answer(QueryResponses={"DeviceName": "Mac"}))
    assert (found.status, found.command_uuid, found.final) == (Status.ACKNOWLEDGED, UUID, True)
    assert found.body["QueryResponses"] == {"DeviceName": "Mac"}


def test_not_now_settles_nothing():
    assert not connect.parse(answer(Status="NotNow")).final


def test_an_error_has_a_chain_in_english():
    found = connect.parse(answer(Status="Error", ErrorChain=CHAIN))
    assert [item.text for item in found.error_chain] == ["MCMDMErrorDomain 12021: Unknown command"]


def test_junk_in_an_error_chain_loses_no_other_item():
    found = connect.parse(answer(Status="Error", ErrorChain=["x", {"ErrorCode": "?"}, *CHAIN]))
    assert [item.code for item in found.error_chain] == [None, 12021]


def test_a_user_of_a_mac_is_told_apart():
    found = connect.parse(answer(Status="Idle", CommandUUID=None, UserID="U1"))
    assert (found.who.kind, found.who.user_key) == (ChannelKind.USER, "U1")


def test_a_login_asks_for_the_whole_queue():
    found = connect.parse(answer(NeedSyncResponse=True, UserConfiguration=True))
    assert found.need_sync_response and found.user_configuration


@pytest.mark.parametrize("key", ["Status", "CommandUUID", "UDID"])
def test_a_missing_key_is_named(key):
    with pytest.raises(ProtocolError, match=key):
        connect.parse(answer(**{key: None}))


def test_an_unknown_status_is_refused():
    with pytest.raises(ProtocolError, match="Status"):
        connect.parse(answer(Status="Unreadable"))


def test_both_kinds_of_body_may_come_to_one_address():
    check_out = plistlib.dumps({"MessageType": "CheckOut", "UDID": UDID, "Topic": "t"})
    assert isinstance(connect.parse_either(check_out), checkin.CheckOut)
    assert isinstance(connect.parse_either(answer()), connect.Answer)


def test_a_readable_answer_has_no_fault():
    found = connect.parse_leniently(answer())
    assert (found.fault, found.raw) == (None, b"")


def test_an_answer_without_readable_list_keeps_its_command_and_its_bytes():
    body = answer(QueryResponses={"DeviceName": "Mac"})[:-12]
    found = connect.parse_leniently(body)
    assert (found.status, found.command_uuid, found.raw) == (Status.ACKNOWLEDGED, UUID, body)
    assert found.who.udid == UDID and found.fault


def test_one_bad_key_loses_no_other():
    found = connect.parse_leniently(answer(UserLongName=3, Status="Error", ErrorChain=CHAIN))
    assert (found.status, found.command_uuid) == (Status.ERROR, UUID)
    assert found.error_chain[0].code == 12021


def test_an_answer_without_a_word_we_know_is_unreadable():
    found = connect.parse_leniently(b"\x00\x01")
    assert (found.status, found.who, found.command_uuid) == (Status.UNREADABLE, None, None)


@given(st.binary(max_size=200), st.integers(0, 400), st.booleans())
def test_a_lenient_reader_never_raises(junk, place, binary):
    body = {"Status": "Idle", "UDID": UDID, "CommandUUID": UUID}
    fmt = plistlib.FMT_BINARY if binary else plistlib.FMT_XML
    whole = plistlib.dumps(body, fmt=fmt)
    connect.parse_leniently(whole[:place] + junk + whole[place:])


def test_a_command_is_wrapped_with_its_uuid():
    body = plistlib.loads(connect.command(UUID, {"RequestType": "DeviceLock", "PIN": "123456"}))
    assert body == {
        "CommandUUID": UUID,
        "Command": {"RequestType": "DeviceLock", "PIN": "123456"},
    }


def test_a_command_without_request_type_is_not_sent():
    with pytest.raises(ProtocolError):
        connect.command(UUID, {"PIN": "123456"})
