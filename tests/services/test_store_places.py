"""Names and icons of store apps come from Apple's hosts by https, and from nowhere else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.books import Shelf, lay_books
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Asset

HOSTS = "apple.com, mzstatic.com, localhost"


@pytest.fixture
def elsewhere() -> Iterator[tuple[int, list[bytes]]]:
    """A port within our own network, and what whoever connects to it says first."""
    said: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            try:
                came, _ = listening.accept()
            except OSError:
                return
            with came:
                came.settimeout(5)
                said.append(came.recv(1000))

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    with closing(listening):
        yield listening.getsockname()[1], said
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def shelf(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Shelf]:
    """A location at a played Apple whose store may send us to localhost, too."""
    with lay_books(make_app, sqlite_url, ZMDM_APPS_BOOKS_HOSTS=HOSTS) as found:
        yield found


def fetched(shelf: Shelf, icon_url: str) -> tuple[str | None, str | None]:
    """(name, error) of an app whose icon is said to be there."""
    shelf.add(icon_url=icon_url)
    shelf.location()
    with shelf.app.app_context():
        jobs.fetch_metadata()
        asset = db.session().scalars(sa.select(Asset)).one()
        assert asset.icon is None
        return asset.name, asset.metadata_error


@pytest.mark.parametrize(
    ("icon_url", "why"),
    [
        ("http://localhost:{port}/icon.png", "is no https address of the store's hosts"),
        ("https://127.0.0.1:{port}/icon.png", "is no https address of the store's hosts"),
        ("https://localhost.example.com/icon.png", "is no https address of the store's hosts"),
        ("https://apple.com@127.0.0.1:{port}/", "is no https address of the store's hosts"),
        ("https://localhost:{port}/icon.png", "which is a private address"),
        ("https://www.localhost:{port}/icon.png", "localhost"),
        ("{apple}/moved?http://127.0.0.1:{port}/icon.png", "the store answered 302"),
    ],
)
def test_an_icon_within_our_own_network_is_not_fetched(
    shelf: Shelf, elsewhere: tuple[int, list[bytes]], icon_url: str, why: str
) -> None:
    port, said = elsewhere
    name, error = fetched(shelf, icon_url.format(port=port, apple=shelf.played.url))
    assert name == "Pages"
    assert why in (error or "")
    assert said == []


@pytest.fixture
def allowed(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Shelf]:
    """The same where the operator has said that this network is all right."""
    given = {"ZMDM_APPS_BOOKS_HOSTS": HOSTS, "ZMDM_PRIVATE_NETWORKS": "127.0.0.0/8, ::1/128"}
    with lay_books(make_app, sqlite_url, **given) as found:
        yield found


def test_an_allowed_network_is_connected_to_by_tls(
    allowed: Shelf, elsewhere: tuple[int, list[bytes]]
) -> None:
    port, said = elsewhere
    _, error = fetched(allowed, f"https://localhost:{port}/icon.png")
    assert "the store cannot be reached" in (error or "")
    assert said[0].startswith(b"\x16\x03")  # a TLS handshake, and nothing in the clear
