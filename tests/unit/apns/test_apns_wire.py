from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.clients.apns_wire import Push, read_outcome

PUSH = Push(7, b"\x01\x02", "magic", 0)


@given(magic=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_body_is_the_magic_and_nothing_else(magic: str) -> None:
    assert json.loads(Push(1, b"t", magic, 0).body()) == {"mdm": magic}


@pytest.mark.parametrize(
    "push",
    [
        Push(1, b"", "magic", 0),
        Push(1, b"t", "", 0),
        Push(1, b"t", "m" * 4096, 0),
        Push(1, b"t" * 1025, "magic", 0),
        Push(1, b"t", "magic", -1),
    ],
)
def test_a_push_that_apple_cannot_take_is_not_sendable(push: Push) -> None:
    assert not push.sendable()


def test_a_410_carries_the_moment_in_milliseconds() -> None:
    body = b'{"reason": "Unregistered", "timestamp": 1772323200000}'
    outcome = read_outcome(PUSH, 410, "an-id", body)
    assert outcome.timestamp == datetime(2026, 3, 1, tzinfo=UTC)
    assert (outcome.id, outcome.reason, outcome.apns_id) == (7, "Unregistered", "an-id")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"reason": 4}',
        b"\xff",
        b"[" * 60_000,
        b'{"timestamp": "soon"}',
        b'{"timestamp": 1e300}',
        b'{"timestamp": NaN}',
    ],
)
def test_an_unreadable_answer_leaves_the_status(body: bytes) -> None:
    outcome = read_outcome(PUSH, 503, None, body)
    assert (outcome.status, outcome.reason, outcome.timestamp) == (503, None, None)


@given(body=st.binary(max_size=200))
def test_no_answer_raises(body: bytes) -> None:
    assert read_outcome(PUSH, 400, None, body).status == 400
