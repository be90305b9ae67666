from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.protocol.variables import NAMES, substitute, used

SERIAL, EMAIL, PREFIX = (
    "$ENROLLED_DEVICE.SERIAL_NUMBER",
    "$REALM_USER.EMAIL",
    "$REALM_USER.EMAIL_PREFIX",
)
VALUES = {name: f"<{number}>" for number, name in enumerate(sorted(NAMES))}
# Text with and without variables, and with what only looks like one.
TEXT = st.lists(
    st.sampled_from([*sorted(NAMES), "$", "$PATH", "$REALM_USER.", "_PREFIX", "a", " é"]),
    max_size=5,
).map("".join)
LEAF = TEXT | st.integers() | st.booleans() | st.binary(max_size=8) | st.none()
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=25
)


def obvious(text: str) -> str:
    """The slow way: at each place the longest name that fits."""
    out, at = "", 0
    while at < len(text):
        fits = [name for name in NAMES if text.startswith(name, at)]
        name = max(fits, key=len, default="")
        out += VALUES[name] if name else text[at]
        at += len(name) or 1
    return out


def mapped(value, change):
    match value:
        case str():
            return change(value)
        case dict():
            return {key: mapped(item, change) for key, item in value.items()}
        case list():
            return [mapped(item, change) for item in value]
        case _:
            return value


@given(VALUE)
def test_each_string_is_replaced_however_deep_and_no_key(value):
    assert substitute(value, VALUES).value == mapped(value, obvious)


@given(VALUE)
def test_what_is_used_is_what_no_values_leave_unresolved(value):
    result = substitute(value, {})
    assert result.value == value
    assert result.unresolved == used(value)


@given(VALUE, st.sets(st.sampled_from(sorted(NAMES))))
def test_only_names_without_a_value_are_told(value, known):
    result = substitute(value, {name: VALUES[name] for name in known})
    assert result.unresolved == used(value) - known


@given(VALUE)
def test_the_template_is_not_changed(value):
    before = copy.deepcopy(value)
    substitute(value, VALUES)
    assert value == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PREFIX, "ada"),
        (EMAIL, "ada@example.com"),
        (f"{EMAIL}{PREFIX}", "ada@example.comada"),
        (f"{EMAIL}_PREFI", "ada@example.com_PREFI"),
        (f"mac-{SERIAL}.example.com", "mac-C02.example.com"),
    ],
)
def test_the_longest_name_counts(text, expected):
    values = {PREFIX: "ada", EMAIL: "ada@example.com", SERIAL: "C02"}
    assert substitute(text, values).value == expected


def test_a_longer_name_without_a_value_is_not_taken_for_the_shorter():
    assert substitute(PREFIX, {EMAIL: "ada@example.com"}) == (PREFIX, {PREFIX})


def test_what_a_person_is_called_is_not_looked_through_again():
    values = {"$REALM_USER.FULL_NAME": SERIAL, SERIAL: "C02"}
    assert substitute("$REALM_USER.FULL_NAME", values) == (SERIAL, frozenset())


def test_an_empty_value_is_none():
    assert substitute(EMAIL, {EMAIL: ""}) == (EMAIL, {EMAIL})


def test_a_name_of_somebody_else_is_left_alone_and_not_told():
    assert substitute("$PATH:$HOME", {"$PATH": "/bin"}) == ("$PATH:$HOME", frozenset())


def test_data_dates_and_keys_are_left_alone():
    value = {SERIAL: [SERIAL.encode(), datetime(2026, 1, 1, tzinfo=UTC), 1.5]}
    assert substitute(value, {SERIAL: "C02"}) == (value, frozenset())


def test_there_are_the_promised_fourteen():
    assert len(NAMES) == 14
