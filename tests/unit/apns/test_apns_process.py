"""Threads, forks and ends of a process that sends pushes."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest

from tests.unit.apns.conftest import Sender, pushes
from zmdm_plugin.clients.apns import ApnsClient
from zmdm_simulator.apple.service import PlayedAppleThread


def in_a_child(client: ApnsClient) -> bool:
    """Fork, send three pushes there, and tell whether all were delivered."""
    with warnings.catch_warnings():
        # Newer Pythons warn of forks beside threads; that is exactly what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        delivered = False
        try:
            delivered = all(outcome.status == 200 for outcome in client.send(pushes(3)))
            client.close()
        finally:
            os._exit(0 if delivered else 1)
    return os.waitpid(child, 0)[1] == 0


def test_a_forked_child_makes_its_own_connection(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender()
    client.send(pushes(3))
    assert in_a_child(client)
    assert apple.stats()["connections"] == 2


def test_a_fork_leaves_the_parents_connection_alone(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender()
    client.send(pushes(3))
    assert in_a_child(client) and in_a_child(client)
    assert {outcome.status for outcome in client.send(pushes(50))} == {200}
    assert apple.stats()["connections"] == 3


def test_a_fork_before_the_first_push_is_harmless(sender: Sender) -> None:
    assert in_a_child(sender())


def test_threads_take_turns(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender()
    statuses: list[int] = []

    def send() -> None:
        statuses.extend(outcome.status for outcome in client.send(pushes(20)))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert apple.stats()["connections"] == 1


def test_a_closed_client_may_be_used_again(apple: PlayedAppleThread, sender: Sender) -> None:
    client = sender()
    client.send(pushes(1))
    client.close()
    assert [outcome.status for outcome in client.send(pushes(1))] == [200]
    assert apple.stats()["connections"] == 2


class JobTimeout(Exception):
    """What rq raises in the main thread when a job's time is up."""


def _time_is_up(*_: object) -> None:
    raise JobTimeout


def test_a_job_timeout_ends_the_batch_and_not_the_client(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender()
    apple.faults(stall=True)
    before = signal.signal(signal.SIGUSR1, _time_is_up)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(JobTimeout):
            client.send(pushes(5))
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    apple.faults(stall=False)
    assert {outcome.status for outcome in client.send(pushes(5))} == {200}


def test_closing_ends_the_thread(sender: Sender) -> None:
    with sender() as client:
        client.send(pushes(1))
        assert "zmdm-apns" in {thread.name for thread in threading.enumerate()}
    assert "zmdm-apns" not in {thread.name for thread in threading.enumerate()}
