from __future__ import annotations

import plistlib
import struct
from datetime import UTC, datetime, timedelta, timezone
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.plist import PlistError

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30
)
#: plistlib's dates know no zone.
NAIVE = datetime(1990, 1, 1, tzinfo=UTC).replace(tzinfo=None)
LEAF = (
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=90)
    | st.integers(0, 2**32).map(lambda seconds: NAIVE + timedelta(seconds=seconds))
)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)


def naive(value):
    """Our dates are aware; plistlib's are not."""
    match value:
        case datetime():
            return value.replace(tzinfo=None)
        case dict():
            return {key: naive(item) for key, item in value.items()}
        case list():
            return [naive(item) for item in value]
        case _:
            return value


def aware(value):
    match value:
        case datetime():
            return value.replace(tzinfo=UTC)
        case dict():
            return {key: aware(item) for key, item in value.items()}
        case list():
            return [aware(item) for item in value]
        case _:
            return value


@given(VALUE)
def test_xml_is_read_as_plistlib_reads_it(value):
    data = plistlib.dumps(value)
    assert naive(plist.loads(data)) == plistlib.loads(data)


@given(VALUE)
def test_binary_is_read_as_plistlib_reads_it(value):
    data = plistlib.dumps(value, fmt=plistlib.FMT_BINARY)
    assert naive(plist.loads(data)) == plistlib.loads(data)


@given(VALUE)
def test_what_is_written_is_read_again(value):
    assert plist.loads(plist.dumps(aware(value))) == aware(value)


LEAKS = (ValueError, LookupError, TypeError, AttributeError, expat.ExpatError)
ELEMENTS = st.sampled_from(
    "dict array key string integer real data date true false plist foo".split()
)
CONTENTS = st.sampled_from(
    ["", "a", "1", "0x1F", "1.5", "AAEC", "2026-11-22T10:00:00Z", " x ", "&amp;", "<![CDATA[<]]>"]
)


@st.composite
def element(draw, depth=0):
    name = draw(ELEMENTS)
    inner = "".join(draw(st.lists(element(depth + 1), max_size=3)) if depth < 3 else [])
    return f"<{name}>{draw(CONTENTS)}{inner}{draw(CONTENTS)}</{name}>"


@given(element())
def test_odd_xml_is_read_as_plistlib_reads_it_or_refused(body):
    data = b"<plist>" + body.encode() + b"</plist>"
    try:
        expected = plistlib.loads(data)
    except LEAKS:
        expected = None
    if expected is None:
        with pytest.raises(PlistError):
            plist.loads(data)
    else:
        assert naive(plist.loads(data)) == expected


@given(st.binary(max_size=300))
def test_any_bytes_raise_nothing_but_plist_error(data):
    for start in (b"", b"bplist00", b"<?xml", b'<?xml version="1.0"?><plist><dict>'):
        with pytest.raises(PlistError):
            plist.load_dict(start + data)


@given(VALUE, st.data())
def test_changed_bytes_raise_nothing_but_plist_error(value, data):
    fmt = data.draw(st.sampled_from([plistlib.FMT_XML, plistlib.FMT_BINARY]))
    body = bytearray(plistlib.dumps({"a": value}, fmt=fmt))
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        plist.load_dict(bytes(body))
    except PlistError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<?xml version='1.0' encoding='klingon'?><plist><dict/></plist>",
        b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "b">]><plist><string>&a;</string></plist>',
        b"<plist><integer>99999999999999999999999</integer></plist>",
        b"<plist><integer>0x" + b"f" * 100 + b"</integer></plist>",
        b"<plist><date>2026-13-45T10:00:00Z</date></plist>",
        b"<plist><date>yesterday</date></plist>",
        b"<plist><data>A</data></plist>",
        b"<plist><dict><string>value without key</string></dict></plist>",
        b"<plist><dict><key>key without value</key></dict></plist>",
        b"<plist></plist>",
        b"<plist><array><key>a</key></array></plist>",
    ],
)
def test_bad_lists_are_refused(data):
    with pytest.raises(PlistError):
        plist.loads(data)


@pytest.mark.parametrize(
    "opening, closing", [("<array>", "</array>"), ("<dict><key>a</key>", "</dict>")]
)
def test_absurd_depth_is_refused(opening, closing):
    data = f"<plist>{opening * 100_000}<true/>{closing * 100_000}</plist>".encode()
    with pytest.raises(PlistError):
        plist.loads(data)


def test_depth_as_devices_send_it_is_read():
    data = b"<plist>" + b"<array>" * 60 + b"</array>" * 60 + b"</plist>"
    assert isinstance(plist.loads(data), list)


def test_a_tag_that_never_ends_is_refused_before_it_is_read():
    attributes = b" ".join(b'a%d=""' % number for number in range(200_000))
    with pytest.raises(PlistError, match="too long"):
        plist.loads(b"<plist><dict " + attributes + b"></dict></plist>")


def test_a_long_list_is_read_whole_wherever_it_is_cut():
    value = {"text": "\u00e4\U0001f4bb" * 200_001, "data": bytes(3_000_000)}
    assert plist.loads(plistlib.dumps(value)) == value


def bplist(*objects: bytes) -> bytes:
    """A binary list of hand-made objects; the first is the root."""
    body, offsets = b"bplist00", []
    for item in objects:
        offsets.append(len(body))
        body += item
    table = struct.pack(f">{len(offsets)}H", *offsets)
    return body + table + struct.pack(">6xBBQQQ", 2, 1, len(objects), 0, len(body))


def test_a_binary_list_that_holds_itself_is_refused():
    with pytest.raises(PlistError):
        plist.loads(bplist(b"\xa1\x00"))


@pytest.mark.parametrize("depth", [4, 20])
def test_a_binary_list_that_grows_exponentially_is_refused(depth):
    levels = [bytes([0xA8]) + bytes([number + 1] * 8) for number in range(depth)]
    with pytest.raises(PlistError):
        plist.loads(bplist(*levels, b"\x09"))


@pytest.mark.parametrize(
    "item", [b"\x51\x00", b"\x61\xd8\x00", b"\x81\x01"], ids=["nul", "surrogate", "uid"]
)
def test_binary_values_that_cannot_be_stored_are_refused(item):
    with pytest.raises(PlistError):
        plist.loads(bplist(item))


def test_a_date_is_aware_and_utc():
    value = plist.loads(b"<plist><date>2026-11-22T10:00:00Z</date></plist>")
    assert value == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_an_aware_date_is_written_in_utc():
    local = datetime(2026, 11, 22, 11, tzinfo=timezone(timedelta(hours=1)))
    assert b"<date>2026-11-22T10:00:00Z</date>" in plist.dumps(local)


UNWRITABLE = [NAIVE, "a\0b", "\ud800", 2**64, None, {1: 2}, {"a": object()}]


@pytest.mark.parametrize("value", UNWRITABLE)
def test_what_no_list_can_hold_is_not_written(value):
    with pytest.raises(PlistError):
        plist.dumps({"value": value})


def test_the_top_level_must_be_a_dictionary():
    with pytest.raises(PlistError, match="not a dictionary"):
        plist.load_dict(b"<plist><array/></plist>")


def test_keys_are_written_in_the_order_given():
    assert list(plist.loads(plist.dumps({"b": 1, "a": 2}))) == ["b", "a"]


def test_json_has_no_bytes_dates_or_nan():
    value = {"d": b"\x00\x01", "t": datetime(2026, 1, 2, tzinfo=UTC), "n": [float("nan"), 1.5]}
    assert plist.to_json(value) == {"d": "AAE=", "t": "2026-01-02T00:00:00Z", "n": [None, 1.5]}


@given(
    st.dictionaries(
        st.sampled_from(["Status", "UDID", "UserID", "UserShortName"]), TEXT, min_size=1
    )
)
def test_the_short_path_gives_what_the_parser_gives(value):
    data = plistlib.dumps(value)
    if (flat := plist.flat_strings(data)) is not None:
        assert flat == plistlib.loads(data)


def test_an_idle_body_takes_the_short_path():
    body = {"Status": "Idle", "UDID": "00008030-001A2B3C4D5E"}
    assert plist.flat_strings(plistlib.dumps(body)) == body


@pytest.mark.parametrize(
    "value", [{"Status": "a&b"}, {"Status": "é"}, {"Status": True}, {"Status": {"a": "b"}}, {}]
)
def test_any_other_shape_does_not_take_the_short_path(value):
    assert plist.flat_strings(plistlib.dumps(value)) is None
