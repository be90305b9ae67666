"""Declarations on the wire: tokens, lists, and status reports that add up."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import ddm
from zmdm_plugin.protocol.ddm import Entry, Kind, StatusReport

_ONE = Entry(Kind.CONFIGURATION, "example.one", "1")
_TWO = Entry(Kind.ASSET, "example.two", "1")


def test_the_token_of_a_list_does_not_depend_on_its_order() -> None:
    assert ddm.declarations_token([_ONE, _TWO]) == ddm.declarations_token([_TWO, _ONE])


@pytest.mark.parametrize(
    "other",
    [
        Entry(Kind.ASSET, "example.one", "1"),
        Entry(Kind.CONFIGURATION, "example.on", "e1"),
        Entry(Kind.CONFIGURATION, "example.one", "2"),
    ],
)
def test_whatever_changes_in_a_list_changes_its_token(other: Entry) -> None:
    token = ddm.declarations_token([other, _TWO])
    assert token != ddm.declarations_token([_ONE, _TWO])
    assert len(token) == 64


def test_all_four_lists_are_always_there() -> None:
    body = json.loads(ddm.declaration_items([_ONE], "t"))
    assert body == {
        "Declarations": {
            "Activations": [],
            "Configurations": [{"Identifier": "example.one", "ServerToken": "1"}],
            "Assets": [],
            "Management": [],
        },
        "DeclarationsToken": "t",
    }


def test_the_timestamp_is_utc_in_seconds() -> None:
    at = datetime(2026, 3, 1, 12, 30, 1, 5000, tzinfo=UTC)
    body = json.loads(ddm.sync_tokens("t", at))
    assert body["SyncTokens"] == {"DeclarationsToken": "t", "Timestamp": "2026-03-01T12:30:01Z"}


def test_a_name_that_is_too_long_is_never_sent() -> None:
    with pytest.raises(ValueError, match="64"):
        ddm.declaration("com.apple.x", "i" * 65, "t", {})


def test_a_fetch_names_kind_and_identifier() -> None:
    found = ddm.endpoint("declaration/asset/example.two")
    assert (found.name, found.kind, found.identifier) == ("declaration", Kind.ASSET, "example.two")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "token",
        "declaration",
        "declaration/asset",
        "declaration/asset/",
        "declaration/other/x",
        "declaration/asset/x/y",
        "tokens/",
        "x" * 600,
    ],
)
def test_any_other_endpoint_is_an_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        ddm.endpoint(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        None,
        b"[]",
        b"\xff",
        b'{"StatusItems": []}',
        b'{"Errors": {}}',
        b'{"StatusItems":' + b'{"a":' * 50 + b"1" + b"}" * 51,
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_an_error(data: bytes | None) -> None:
    with pytest.raises(ProtocolError):
        StatusReport.parse(data)


def test_what_a_database_cannot_keep_is_replaced() -> None:
    report = StatusReport.parse(b'{"StatusItems": {"a": "x\\u0000\\ud800", "b": 1e999}}')
    assert report.cleaned
    assert "\x00" not in report.items["a"]
    report.items["a"].encode()
    assert report.items["b"] is None


def test_an_object_that_is_a_value_replaces_the_former_one() -> None:
    stored = {"softwareupdate": {"failure-reason": {"count": 1, "reason": "disk"}}}
    report = _report({"softwareupdate": {"failure-reason": {"count": 0}}})
    assert ddm.merge(stored, report) == {"softwareupdate": {"failure-reason": {"count": 0}}}


def test_items_that_a_report_does_not_speak_of_stay() -> None:
    stored = {"device": {"model": {"family": "Mac"}, "power": {"battery-health": "normal"}}}
    report = _report({"device": {"model": {"family": "iPad"}}})
    assert ddm.merge(stored, report)["device"] == {
        "model": {"family": "iPad"},
        "power": {"battery-health": "normal"},
    }


def test_a_full_report_replaces_everything() -> None:
    assert ddm.merge({"a": {"b": 1}}, _report({"c": {"d": 2}}, full=True)) == {"c": {"d": 2}}


def test_the_declarations_of_a_report_replace_those_of_the_former() -> None:
    stored = {"management": {"declarations": {"assets": [_listed("a")], "activations": []}}}
    merged = ddm.merge(stored, _report({"management": {"declarations": {"assets": []}}}))
    assert ddm.declarations(merged) == ()


def test_a_reported_declaration_is_read_with_its_reasons() -> None:
    entry = {**_listed("a"), "valid": "invalid", "reasons": [{"code": "Error.Unknown"}, 5]}
    [found] = ddm.declarations({"management": {"declarations": {"configurations": [entry]}}}) or ()
    assert (found.kind, found.valid, found.active) == (Kind.CONFIGURATION, "invalid", True)
    assert found.reasons == ({"code": "Error.Unknown"},)


def test_a_report_without_declarations_says_nothing_about_them() -> None:
    assert ddm.declarations({"device": {}}) is None


_ROWS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3), max_size=5)
_STATE = st.fixed_dictionaries({"rows": _ROWS, "plain": st.integers(0, 2), "whole": _ROWS})


@given(st.lists(_STATE, min_size=1, max_size=6))
def test_reports_of_changes_add_up_to_a_full_report(states: list[dict[str, Any]]) -> None:
    stored = ddm.merge(None, _report(_items(states[0]), full=True))
    for before, after in itertools.pairwise(states):
        stored = ddm.merge(stored, _report(_changes(before, after)))
    assert stored == ddm.merge(None, _report(_items(states[-1]), full=True))


def _items(state: dict[str, Any]) -> dict[str, Any]:
    whole = [_listed(name) for name in state["whole"]]
    return {
        "app": {"managed": {"list": _rows(state["rows"])}},
        "passcode": {"count": state["plain"]},
        "management": {"declarations": {"configurations": whole}},
    }


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a device reports: changed rows, those that are gone, and the declarations whole."""
    items: dict[str, Any] = {"management": _items(after)["management"]}
    old, new = before["rows"], after["rows"]
    changed = _rows({name: value for name, value in new.items() if old.get(name) != value})
    gone = [{"identifier": name, "_removed": True} for name in old if name not in new]
    if changed or gone:
        items["app"] = {"managed": {"list": [*changed, *gone]}}
    if before["plain"] != after["plain"]:
        items["passcode"] = {"count": after["plain"]}
    return items


def _rows(rows: dict[str, int]) -> list[dict[str, Any]]:
    return [{"identifier": name, "value": value} for name, value in rows.items()]


def _listed(identifier: str) -> dict[str, Any]:
    return {"identifier": identifier, "server-token": "1", "active": True, "valid": "valid"}


def _report(items: dict[str, Any], *, full: bool = False) -> StatusReport:
    return StatusReport.parse(json.dumps({"StatusItems": items, "FullReport": full}).encode())
