"""What the sender does when the connection, not the push, is in trouble."""

from __future__ import annotations

import threading
import time

from tests.unit.apns.conftest import Sender, pushes
from zmdm_plugin.clients.apns import LocalReason, Outcome
from zmdm_simulator.apple.service import PlayedAppleThread


def delivered(outcomes: list[Outcome]) -> int:
    return sum(outcome.status == 200 for outcome in outcomes)


def test_batches_share_one_connection(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender()
    for _ in range(3):
        client.send(pushes(5))
    assert apple.stats()["connections"] == 1


def test_the_peers_stream_limit_is_kept(apple: PlayedAppleThread, sender: Sender) -> None:
    # The played Apple ends the connection of a sender that opens a sixth stream.
    apple.faults(max_concurrent_streams=5, latency=0.01)
    assert delivered(sender().send(pushes(100))) == 100
    assert apple.stats()["connections"] == 1


def test_goaway_loses_and_repeats_nothing(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(goaway_after=70)
    assert delivered(sender().send(pushes(300))) == 300
    assert len(apple.pushes()) == 300
    assert apple.stats()["connections"] == 5


def test_answers_behind_a_goaway_are_taken(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(goaway_after=10, latency=0.3)
    assert delivered(sender().send(pushes(10))) == 10
    assert len(apple.pushes()) == 10


def test_a_goaway_between_batches_means_a_new_connection(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender()
    apple.faults(goaway_after=3)
    client.send(pushes(3))
    assert delivered(client.send(pushes(2))) == 2
    assert apple.stats()["connections"] == 2


def test_refused_streams_are_sent_again(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(refuse_streams=7)
    assert delivered(sender().send(pushes(20))) == 20
    assert len(apple.pushes()) == 20


def test_a_reset_behind_a_whole_answer_is_no_fault(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(reset_after_answer=True)
    assert delivered(sender().send(pushes(50))) == 50
    assert apple.stats()["answers"] == {"ok": 50}


def test_a_connection_dropped_in_the_middle_is_made_anew(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(close_after=30)
    assert delivered(sender().send(pushes(100))) == 100
    assert apple.stats()["connections"] == 2


def test_a_restarted_service_is_found_again(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender()
    assert delivered(client.send(pushes(3))) == 3
    apple.stop()
    assert {outcome.reason for outcome in client.send(pushes(3))} == {LocalReason.UNAVAILABLE}
    apple.start()
    assert delivered(client.send(pushes(3))) == 3


def test_tiny_stream_windows_are_respected(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(initial_window=10)
    assert delivered(sender().send(pushes(30))) == 30


def test_a_service_that_reads_slowly_gets_everything(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(slow_reads=0.02)
    assert delivered(sender().send(pushes(400))) == 400


def test_slow_answers_overlap(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(latency=0.4)
    began = time.monotonic()
    assert delivered(sender().send(pushes(200))) == 200
    assert time.monotonic() - began < 15


def test_a_stalled_service_costs_a_timeout_and_no_more(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(stall=True)
    began = time.monotonic()
    outcomes = sender(timeout=0.5).send(pushes(20))
    assert {(outcome.status, outcome.reason) for outcome in outcomes} == {(0, "Timeout")}
    assert time.monotonic() - began < 15


def test_the_budget_bounds_a_batch(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(latency=30, max_concurrent_streams=1)
    began = time.monotonic()
    outcomes = sender(timeout=60, budget=0.7).send(pushes(3))
    reasons = [outcome.reason for outcome in outcomes]
    assert reasons == [LocalReason.TIMEOUT, LocalReason.NOT_SENT, LocalReason.NOT_SENT]
    assert time.monotonic() - began < 15


def test_a_batch_can_be_told_to_end(apple: PlayedAppleThread, sender: Sender) -> None:
    apple.faults(latency=30)
    client = sender(timeout=60, budget=60)
    began = time.monotonic()
    threading.Timer(0.5, lambda: client.hurry(0.2)).start()
    assert {outcome.reason for outcome in client.send(pushes(3))} == {LocalReason.TIMEOUT}
    assert time.monotonic() - began < 15


def test_a_batch_after_an_overdue_one_is_not_confused_by_its_answers(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender(timeout=60, budget=2.5)
    apple.faults(latency=3.0)
    client.send(pushes(3))
    apple.faults(latency=0)
    assert delivered(client.send(pushes(3))) == 3


def test_a_connection_that_went_deaf_while_idle_is_replaced(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender(idle=0.0, timeout=2.5)
    apple.faults(deaf=True)
    client.send(pushes(1))
    apple.faults(deaf=False)
    assert delivered(client.send(pushes(2))) == 2
    assert apple.stats()["connections"] == 2


def test_a_living_idle_connection_is_kept(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender(idle=0.0)
    client.send(pushes(1))
    client.send(pushes(1))
    assert apple.stats()["connections"] == 1


def test_an_empty_batch_connects_to_nothing(apple: PlayedAppleThread, sender: Sender) -> None:
    assert sender().send([]) == []
    assert apple.stats()["connections"] == 0
