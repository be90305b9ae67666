from __future__ import annotations

from tests.unit.apns.conftest import pushes
from zmdm_plugin.clients.apns_batch import MAX_TRIES, Batch
from zmdm_plugin.clients.apns_wire import LocalReason, Outcome, unanswered


def test_being_refused_unseen_is_no_try() -> None:
    batch = Batch(pushes(1))
    for _ in range(10):
        batch.refused(batch.take())
        assert batch.next_round()
    entry = batch.take()
    assert entry.tries == 1


def test_what_was_put_aside_goes_first_and_in_order() -> None:
    batch = Batch(pushes(4))
    taken = [batch.take() for _ in range(3)]
    for entry in taken:
        batch.refused(entry)
    batch.next_round()
    assert [entry.push.id for entry in batch.queue] == [0, 1, 2, 3]


def test_the_last_try_settles() -> None:
    batch = Batch(pushes(1))
    for _ in range(MAX_TRIES):
        entry = batch.take()
        batch.answered(entry, unanswered(entry.push, LocalReason.UNAVAILABLE))
        batch.next_round()
    assert not batch.queue
    assert batch.outcomes(LocalReason.TIMEOUT) == [Outcome(0, 0, LocalReason.UNAVAILABLE)]


def test_an_answer_seen_before_the_end_is_not_forgotten() -> None:
    batch = Batch(pushes(2))
    batch.answered(batch.take(), Outcome(0, 503, "ServiceUnavailable"))
    batch.end(LocalReason.TIMEOUT)
    assert [outcome.reason for outcome in batch.outcomes("")] == ["ServiceUnavailable", "Timeout"]


def test_every_push_has_an_outcome_whatever_happens() -> None:
    batch = Batch(pushes(3))
    batch.take()
    assert [outcome.id for outcome in batch.outcomes(LocalReason.TIMEOUT)] == [0, 1, 2]
