"""A played Apple, and HTTP clients that know nothing of the product."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from zmdm_simulator.apple.service import PlayedAppleThread


@pytest.fixture(scope="session")
def apple_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates, made once: RSA keys take their time."""
    return tmp_path_factory.mktemp("apple")


@pytest.fixture
def apple(apple_folder: Path) -> Iterator[PlayedAppleThread]:
    """An Apple without faults and with an empty ledger."""
    played = PlayedAppleThread(apple_folder).start()
    yield played
    played.stop()


@pytest.fixture
def push(apple: PlayedAppleThread) -> Iterator[httpx.Client]:
    """HTTP/2 with the push certificate and headers that are right."""
    path = apple.material.path
    context = ssl.create_default_context(cafile=str(path("apns-ca.pem")))
    context.load_cert_chain(path("push-cert.pem"), path("push-key.pem"))
    headers = {
        "apns-topic": apple.material.topic(),
        "apns-push-type": "mdm",
        "apns-priority": "10",
        "apns-expiration": "0",
    }
    with httpx.Client(http2=True, verify=context, base_url=apple.url, headers=headers) as client:
        yield client


@pytest.fixture
def control(apple: PlayedAppleThread) -> Iterator[httpx.Client]:
    """The control plane."""
    with httpx.Client(base_url=apple.control_url) as client:
        yield client
