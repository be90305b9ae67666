"""Certificates, handshakes and proxies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.unit.apns.conftest import Sender, pushes
from zmdm_plugin.clients.apns import ApnsClient, LocalReason
from zmdm_simulator.apple import material
from zmdm_simulator.apple.material import Validity
from zmdm_simulator.apple.service import PlayedAppleThread


def reasons(client: ApnsClient, count: int = 2) -> set[str | None]:
    return {outcome.reason for outcome in client.send(pushes(count))}


def push_identity(apple: PlayedAppleThread, authority: str, validity: Validity) -> dict[str, bytes]:
    key = material.new_key(rsa_bits=2048)
    certificate = material.issue_push_certificate(
        apple.material.authority(authority), topic="com.apple.mgmt.x", validity=validity, key=key
    )
    return {
        "certificate_pem": material.certificate_pem(certificate),
        "key_pem": material.key_pem(key),
    }


def test_an_expired_push_certificate_is_named_without_a_connection(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender(**push_identity(apple, "push-ca", Validity.past()))
    assert reasons(client) == {LocalReason.CERTIFICATE_EXPIRED}
    assert apple.stats()["connections"] == 0


def test_a_push_certificate_of_tomorrow_is_named(apple: PlayedAppleThread, sender: Sender) -> None:
    week = Validity.of_days(7)
    tomorrow = Validity(week.end, Validity.of_days(30).end)
    client = sender(**push_identity(apple, "push-ca", tomorrow))
    assert reasons(client) == {LocalReason.CERTIFICATE_NOT_YET_VALID}


def test_a_push_certificate_of_a_stranger_is_rejected_once(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    client = sender(**push_identity(apple, "device-ca", Validity.of_days(7)))
    assert reasons(client) == {LocalReason.CERTIFICATE_REJECTED}


def test_the_alert_that_apple_sends_is_a_tls_error(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    apple.faults(refuse_tls=True)
    assert reasons(sender()) == {LocalReason.TLS_ERROR}


def test_a_server_that_we_do_not_trust_gets_nothing(
    apple: PlayedAppleThread, sender: Sender
) -> None:
    assert reasons(sender(ca_pem=None)) == {LocalReason.SERVER_UNTRUSTED}


def test_certificate_and_key_must_be_a_pair(apple: PlayedAppleThread, sender: Sender) -> None:
    other = push_identity(apple, "push-ca", Validity.of_days(7))
    with pytest.raises(ValueError, match="no pair"):
        sender(key_pem=other["key_pem"])


@pytest.mark.parametrize("url", ["http://127.0.0.1", "https://", "https://host/path"])
def test_the_base_url_is_checked(sender: Sender, url: str) -> None:
    with pytest.raises(ValueError, match="https://host"):
        sender(base_url=url)


def test_a_host_that_does_not_exist_is_unavailable(sender: Sender) -> None:
    assert reasons(sender(base_url="https://nowhere.invalid")) == {LocalReason.UNAVAILABLE}


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a small TCP server; `serve` gets each connection, and its end ends it."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with source, target:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            pass  # the other direction has ended


class Proxy:
    """An HTTP proxy for CONNECT; it keeps what it was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.answer = answer
        self.target = ""
        self.asked: list[bytes] = []

    def serve(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.asked.append(head)
        client.sendall(self.answer)
        if b" 200 " not in self.answer:
            client.close()
            return
        host, _, port = (self.target or head.split(b" ")[1].decode()).rpartition(":")
        server = socket.create_connection((host, int(port)))
        threading.Thread(target=_copy, args=(server.dup(), client.dup()), daemon=True).start()
        _copy(client, server)


def test_a_push_goes_through_a_proxy(apple: PlayedAppleThread, sender: Sender) -> None:
    proxy = Proxy()
    with listening(proxy.serve) as port:
        client = sender(proxy=f"http://us%40er:pa%3Ass@127.0.0.1:{port}")
        assert reasons(client) == {None}
        client.close()
    assert len(apple.pushes()) == 2
    assert b"\r\nProxy-Authorization: Basic dXNAZXI6cGE6c3M=\r\n" in proxy.asked[0]


def test_a_server_under_another_name_gets_nothing(apple: PlayedAppleThread, sender: Sender) -> None:
    proxy = Proxy()
    proxy.target = f"127.0.0.1:{apple.push_port}"
    with listening(proxy.serve) as port:
        client = sender(base_url="https://push.example", proxy=f"http://127.0.0.1:{port}")
        assert reasons(client) == {LocalReason.SERVER_UNTRUSTED}
    assert proxy.asked[0].startswith(b"CONNECT push.example:443 HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_named(sender: Sender) -> None:
    proxy = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    with listening(proxy.serve) as port:
        assert reasons(sender(proxy=f"http://127.0.0.1:{port}")) == {LocalReason.PROXY_REFUSED}


def test_a_peer_that_accepts_and_says_nothing_times_out(sender: Sender) -> None:
    held: list[socket.socket] = []
    with listening(held.append) as port:
        client = sender(base_url=f"https://127.0.0.1:{port}", timeout=0.3)
        assert reasons(client) == {LocalReason.TIMEOUT}
    for connection in held:
        connection.close()
