"""The played push service, and senders that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zmdm_plugin.clients.apns import ApnsClient, Push
from zmdm_simulator.apple.service import PlayedAppleThread

Sender = Callable[..., ApnsClient]


@pytest.fixture(scope="session")
def apple_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates, made once: RSA keys take their time."""
    return tmp_path_factory.mktemp("apple")


@pytest.fixture
def apple(apple_folder: Path) -> Iterator[PlayedAppleThread]:
    """A push service without faults and with an empty ledger."""
    played = PlayedAppleThread(apple_folder).start()
    yield played
    played.stop()


@pytest.fixture
def sender(apple: PlayedAppleThread) -> Iterator[Sender]:
    """Make clients of the played push service; keywords replace what they are given."""
    path, clients = apple.material.path, []

    def make(**changes: Any) -> ApnsClient:
        given: dict[str, Any] = {
            "base_url": apple.url,
            "certificate_pem": path("push-cert.pem").read_bytes(),
            "key_pem": path("push-key.pem").read_bytes(),
            "topic": apple.material.topic(),
            "ca_pem": path("apns-ca.pem").read_text(),
            "timeout": 5.0,
            "budget": 20.0,
        }
        clients.append(ApnsClient(**(given | changes)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def pushes(count: int) -> list[Push]:
    """Make pushes to as many tokens; push number n has the token of n."""
    return [Push(number, token_of(number), f"magic-{number}", 0) for number in range(count)]


def token_of(number: int) -> bytes:
    """Give the token of a push's number."""
    return number.to_bytes(32)
