"""What comes back over the wire for each thing that Apple may say."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.unit.apns.conftest import Sender, pushes, token_of
from zmdm_plugin.clients.apns import LocalReason, Push
from zmdm_simulator.apple.rules import STATUS
from zmdm_simulator.apple.service import PlayedAppleThread

CERTIFICATE_WIDE = {reason for reason, status in STATUS.items() if status == 403} | {
    "BadTopic",
    "MissingTopic",
    "TopicDisallowed",
}


def test_a_push_arrives_as_apple_wants_it(apple: PlayedAppleThread, sender: Sender) -> None:
    [outcome] = sender().send([Push(42, b"\xab\xcd", 'ma"gic ä', 1_900_000_000)])
    [taken] = apple.pushes()
    assert (outcome.id, outcome.status, outcome.reason) == (42, 200, None)
    assert outcome.apns_id
    assert (taken.accepted.token, taken.accepted.magic) == ("abcd", 'ma"gic ä')
    assert (taken.accepted.expiration, taken.accepted.priority) == (1_900_000_000, 10)
    assert taken.accepted.topic == apple.material.topic()


@pytest.mark.parametrize("reason", sorted(STATUS))
def test_every_reason_is_reported_for_its_push(
    apple: PlayedAppleThread, sender: Sender, reason: str
) -> None:
    apple.faults(tokens={token_of(0).hex(): [{"reason": reason, "times": 0}]})
    [outcome] = sender().send(pushes(1))
    assert (outcome.status, outcome.reason) == (STATUS[reason], reason)


def test_one_bad_token_spoils_no_other_push(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(tokens={token_of(500).hex(): ["BadDeviceToken"]})
    outcomes = sender().send(pushes(1000))
    assert [outcome.id for outcome in outcomes] == list(range(1000))
    assert Counter(outcome.status for outcome in outcomes) == {200: 999, 400: 1}
    assert outcomes[500].reason == "BadDeviceToken"


def test_a_410_says_since_when(apple: PlayedAppleThread, sender: Sender) -> None:
    answer = {"reason": "Unregistered", "timestamp": 1_772_323_200_000}
    apple.faults(tokens={token_of(0).hex(): [answer]})
    [outcome] = sender().send(pushes(1))
    assert outcome.timestamp == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_impossible_push_is_reported_and_the_others_go(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    impossible = Push(9, b"", "magic", 0)
    outcomes = sender().send([*pushes(2), impossible])
    assert [outcome.status for outcome in outcomes] == [200, 200, 0]
    assert outcomes[2].reason == LocalReason.INVALID_PUSH


@pytest.mark.parametrize("reason", ["InternalServerError", "ServiceUnavailable", "Shutdown"])
def test_a_short_outage_is_overcome_within_the_batch(
    apple: PlayedAppleThread, sender: Sender, reason: str
) -> None:
    apple.faults(every=[{"reason": reason, "times": 5}])
    assert {outcome.status for outcome in sender().send(pushes(20))} == {200}


def test_a_long_outage_is_reported_after_three_tries(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(every=[{"reason": "ServiceUnavailable", "times": 0}])
    [outcome] = sender().send(pushes(1))
    assert (outcome.status, outcome.reason) == (503, "ServiceUnavailable")
    assert apple.stats()["answers"] == {"ServiceUnavailable": 3}


def test_too_many_requests_is_not_answered_with_more(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(every=[{"reason": "TooManyRequests", "times": 0}])
    sender().send(pushes(1))
    assert apple.stats()["answers"] == {"TooManyRequests": 1}


@pytest.mark.parametrize("reason", sorted(CERTIFICATE_WIDE))
def test_a_refused_certificate_ends_the_batch(
    apple: PlayedAppleThread, sender: Sender, reason: str
) -> None:
    apple.faults(every=[{"reason": reason, "times": 0}], max_concurrent_streams=10)
    outcomes = sender().send(pushes(100))
    assert outcomes[0].reason == reason
    assert outcomes[99].reason == LocalReason.CERTIFICATE_REJECTED
    assert apple.stats()["streams"] <= 20


def test_shutdown_makes_the_next_try_on_a_new_connection(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(every=["Shutdown"])
    [outcome] = sender().send(pushes(1))
    assert outcome.status == 200
    assert apple.stats()["connections"] == 2
