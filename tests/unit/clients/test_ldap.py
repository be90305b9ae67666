"""A directory that does not speak LDAP, or not well, is told in words."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_plugin.clients import ldap
from zmdm_simulator.apple import material
from zmdm_simulator.apple.material import Validity

Answers = Callable[..., object]


def tlv(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


def message(number: bytes, operation: bytes) -> bytes:
    return tlv(0x30, tlv(2, number) + operation)


def result(tag: int) -> bytes:
    return tlv(tag, tlv(10, b"\0") + tlv(4, b"") + tlv(4, b""))


BOUND = result(0x61)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Something behind TLS that gives these answers, one to each message, and hangs up."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    holds, key = Validity.of_days(2), material.new_key()
    authority = material.new_authority(name, holds)
    host = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    own = material.issue(authority, name, key=key, validity=holds, extensions=[host])
    pem: Path = tmp_path_factory.mktemp("ldap") / "server.pem"
    pem.write_bytes(material.certificate_pem(own) + material.key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    script: list[Sequence[bytes]] = [()]
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context, script), daemon=True)
        thread.start()

        def signed_in(*answers: bytes) -> object:
            script[0] = answers
            return ldap.sign_in(
                ldap.Directory(
                    host="localhost",
                    port=server.getsockname()[1],
                    starttls=False,
                    ca_pem=material.certificate_pem(authority.certificate).decode(),
                    base_dn="dc=x",
                    bind_dn="cn=search",
                    bind_password="x",
                    user_filter="(uid={username})",
                    private=[ipaddress.ip_network("127.0.0.0/8")],
                ),
                "ada",
                "password",
                attributes=["uid"],
            )

        yield signed_in
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def _serve(
    server: socket.socket, context: ssl.SSLContext, script: Sequence[Sequence[bytes]]
) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as channel:
                for answer in script[0]:
                    asked = channel.recv(4096)
                    start = asked.index(b"\x02") + 2
                    number = asked[start : start + asked[start - 1]]
                    channel.sendall(answer if answer[:1] == b"H" else message(number, answer))
        except OSError:
            continue


@pytest.mark.parametrize(
    "answers",
    [
        [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        [tlv(0x61, b"")],
        [tlv(0x65, b"")],
        [BOUND, tlv(0x64, b"")],
        [BOUND, tlv(0x73, b"\xff")],
        [BOUND, tlv(0x64, tlv(4, b"") + tlv(0x30, b""))],
    ],
)
def test_what_is_no_ldap_is_said_in_words(directory: Answers, answers: list[bytes]) -> None:
    with pytest.raises(ldap.LdapFailed, match="directory"):
        directory(*answers)
