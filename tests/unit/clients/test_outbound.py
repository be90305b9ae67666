"""Addresses that operators give: what they answer is bounded in size and in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import httpx
import pytest

from zmdm_plugin.clients import places
from zmdm_plugin.clients.mail import MailError, MailServer, connected
from zmdm_plugin.clients.outbound import Outbound

LOCAL = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n"


@contextmanager
def saying(begin: bytes, then: bytes = b"", *, every: float = 0.05) -> Iterator[str]:
    """A server that says something at once, and the rest byte by byte; its address."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                client, _ = listening.accept()
                with client:
                    client.recv(65536)
                    client.sendall(begin)
                    for byte in then:
                        if over.wait(every):
                            return
                        client.sendall(bytes([byte]))
                    over.wait(60)
            except OSError:
                pass  # whoever asked has gone

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            over.set()
            thread.join(60)


@pytest.mark.parametrize(
    "begin, then",
    [(b"", b""), (HEAD, b"X-Slow: " + b"a" * 500), (HEAD + b"\r\n", b"a" * 900)],
    ids=["nothing", "headers", "body"],
)
def test_an_answer_ends_in_time_however_slowly_it_comes(begin: bytes, then: bytes) -> None:
    began = time.monotonic()
    with saying(begin, then) as url, pytest.raises(httpx.ReadTimeout):
        transport = Outbound(private=LOCAL, whole=0.5)
        with httpx.Client(transport=transport, timeout=60.0) as http:
            http.get(url)
    assert time.monotonic() - began < 30  # each step alone might have taken sixty seconds


def test_a_long_answer_is_not_read_to_its_end() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"a" * 4000
    with saying(answer) as url, httpx.Client(transport=Outbound(private=LOCAL, most=999)) as http:
        with pytest.raises(httpx.ReadError, match="too long"):
            http.get(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    with httpx.Client(transport=Outbound(private=())) as http:
        with pytest.raises(httpx.ConnectError, match="private address"):
            http.get(f"http://{host}:9/")


def test_a_redirect_is_an_answer_like_any_other() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    with saying(answer) as url, httpx.Client(transport=Outbound(private=LOCAL)) as http:
        assert http.get(url).status_code == 302


def test_a_name_that_nobody_looks_up_is_not_waited_for() -> None:
    never = threading.Event()

    def ask(_host: str, _port: int) -> list[str]:
        never.wait(60)
        return ["127.0.0.1"]

    began = time.monotonic()
    with pytest.raises(places.Unreachable, match="in time"):
        places.look_up("slow.example.com", 25, within=0.1, ask=ask)
    assert time.monotonic() - began < 30
    never.set()


def test_a_mail_server_without_an_address_is_said_so_in_words() -> None:
    server = MailServer(host="nowhere.invalid", port=25, security="none")
    with pytest.raises(MailError, match=r"the name nowhere\.invalid"), connected(server):
        pass
