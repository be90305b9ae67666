"""The alert about the server's own certificate, learnt by connecting to a real TLS server.

Where this machine is to trust it, a process of its own asks: OpenSSL reads once in a process whom
it trusts.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.x509.oid import NameOID
from flask import Flask

from tests.daemons import Daemons, ended, said
from zmdm_plugin import db
from zmdm_plugin.models import Alert
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.alerts import network
from zmdm_simulator.apple import material
from zmdm_simulator.apple.material import Validity

pytestmark = pytest.mark.slow


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Front:
    """What ends TLS before the application; it can get another certificate while it serves."""

    authority: Any
    context: ssl.SSLContext
    listening: socket.socket
    folder: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.listening.getsockname()[1]}"

    @property
    def root(self) -> str:
        return material.certificate_pem(self.authority.certificate).decode()

    def certify(self, *, since: int, days: int) -> None:
        """Serve a certificate from now on: how long ago it began, how long it still holds."""
        now, key, subject = datetime.now(UTC), material.new_key(), named("localhost")
        holds = Validity(now - timedelta(days=since), now + timedelta(days=days))
        names = [x509.SubjectAlternativeName([x509.DNSName("localhost")])]
        own = material.issue(self.authority, subject, key=key, validity=holds, extensions=names)
        path = self.folder / "served.pem"
        path.write_bytes(material.certificate_pem(own) + material.key_pem(key))
        self.context.load_cert_chain(path)

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                wire, _ = self.listening.accept()
                with wire, contextlib.suppress(OSError):
                    self.context.wrap_socket(wire, server_side=True).close()


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Its authority is one of its own."""
    authority = material.new_authority(named("Authority"), Validity.of_days(400))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made = Front(authority, context, listening, tmp_path)
        made.certify(since=85, days=5)
        threading.Thread(target=made.serve, daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def trusted(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    """Its authority is one that this machine trusts."""
    path = tmp_path / "trusted.pem"
    path.write_text(front.root)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return front


def told(app: Flask, daemons: Daemons) -> list[tuple[str, str]]:
    """What is open about the certificate after somebody has asked: kinds and severities."""
    asking = daemons.command("alerts", "check")
    assert ended(asking, seconds=90) == 0, said(asking)
    with app.app_context():
        query = sa.select(Alert).where(Alert.cleared_at.is_(None), Alert.kind.like("tls.%"))
        return [(row.kind, row.severity) for row in db.session().scalars(query)]


@pytest.mark.timeout(240)
def test_a_certificate_that_is_about_to_end_is_told_of_until_it_is_renewed(
    make_app: Callable[..., Flask], sqlite_url: str, redis_url: str, trusted: Front, tmp_path: Path
) -> None:
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, "ZMDM_BASE_URL": trusted.url}
    app = make_app(sqlite_url, **settings)
    with Daemons(tmp_path, sqlite_url, settings) as daemons:
        assert told(app, daemons) == [("tls.expires", "critical")]
        trusted.certify(since=1, days=89)
        assert told(app, daemons) == []


@pytest.mark.parametrize(
    ("since", "days", "kinds"),
    [(85, 5, ["tls.expires"]), (90, -1, ["tls.refused"]), (1, 89, [])],
)
def test_a_private_root_that_devices_are_handed_tells_as_well(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    front: Front,
    since: int,
    days: int,
    kinds: list[str],
) -> None:
    front.certify(since=since, days=days)
    app = make_app(sqlite_url, ZMDM_BASE_URL=front.url, ZMDM_ADE_ANCHORS=front.root)
    with app.app_context():
        known = network.ask()
        assert known is not None
        assert [one.kind for one in network.tls(known, now=utcnow())] == kinds


@pytest.mark.parametrize("anchors", ["", "-----BEGIN CERTIFICATE-----"])
def test_of_a_root_that_nobody_knows_nothing_is_known(
    make_app: Callable[..., Flask], sqlite_url: str, front: Front, anchors: str
) -> None:
    app = make_app(sqlite_url, ZMDM_BASE_URL=front.url, ZMDM_ADE_ANCHORS=anchors)
    with app.app_context():
        assert network.ask() is None
