"""The host's pages, errors and API answer with the plugin exactly as they did without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.guest.host import make_host
from tests.hosts import close


@pytest.fixture
def hosts(sqlite_url: str) -> Iterator[tuple[Flask, Flask]]:
    """(without the plugin, with it), both with the host's own tables."""
    pair = make_host(sqlite_url, plugin=False), make_host(sqlite_url)
    with pair[1].app_context():
        pair[1].extensions["sqlalchemy"].create_all()
    yield pair
    for app in pair:
        close(app)


def within_a_second(ask: Callable[[], list[TestResponse]]) -> list[TestResponse]:
    """Answers of one and the same second: a session's cookie tells when it was signed."""
    for _ in range(20):
        began = int(time.time())
        answers = ask()
        if int(time.time()) == began:
            return answers
    raise AssertionError("no second is long enough for two answers")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/no-such-page"),
        ("POST", "/"),
        ("GET", "/boom"),
        ("GET", "/api/books/1"),
        ("GET", "/api/books/2"),
        ("GET", "/api/books/x"),
        ("GET", "/api/no-such-page"),
        ("POST", "/sign-in"),
    ],
)
def test_a_page_is_byte_for_byte_the_same(
    hosts: tuple[Flask, Flask], method: str, path: str
) -> None:
    answers = within_a_second(
        lambda: [app.test_client().open(path, method=method) for app in hosts]
    )
    without, with_plugin = [(a.status, dict(a.headers), a.data) for a in answers]
    assert with_plugin == without


def test_the_hosts_admin_keeps_its_views(hosts: tuple[Flask, Flask]) -> None:
    page = hosts[1].test_client().get("/admin/book/")
    assert (page.status_code, b"Library" in page.data) == (200, True)


def test_every_name_of_ours_carries_our_prefix(hosts: tuple[Flask, Flask]) -> None:
    without, with_plugin = ({rule.endpoint for rule in app.url_map.iter_rules()} for app in hosts)
    added = with_plugin - without
    assert [name for name in sorted(added) if not name.startswith("zmdm")] == []


def test_no_table_of_ours_stands_in_the_hosts_metadata(hosts: tuple[Flask, Flask]) -> None:
    assert set(hosts[1].extensions["sqlalchemy"].metadata.tables) == {"book"}
