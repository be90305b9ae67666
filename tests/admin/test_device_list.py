"""The list of devices: finding one, and the same cost for one page of any fleet."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet

_ROW = re.compile(r'<th scope="row"><a href="/mdm/devices/(\d+)/">([^<]+)</a>')
_NEXT = re.compile(r'rel="next" href="([^"]+)"')


def rows(client: FlaskClient, query: str = "") -> list[str]:
    """The names on a page, in its order."""
    return [name for _, name in _ROW.findall(client.get(f"/mdm/devices/?{query}").text)]


def statements(app: Flask, path: str) -> int:
    """How many SQL statements a page takes, the second time it is asked for."""
    client = app.test_client()
    client.get(path)
    counted: list[object] = []
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args))
    assert client.get(path).status_code == 200
    return len(counted)


def test_devices_are_listed_by_name(browser: FlaskClient) -> None:
    found = rows(browser)
    assert len(found) == 40
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("platform=tvOS", 6),
        ("q=iphone", 7),
        ("q=C02003DDE02", 1),
        ("state=blocked", 1),
        ("state=not-enrolled", 4),
        ("platform=tvOS&state=enrolled", 5),
        ("seen=not-7d", 5),
        ("seen=1h&platform=macOS", 4),
        ("user=ada", 1),
        ("seen_after=2999-01-01", 0),
    ],
)
def test_filters_narrow_the_list(browser: FlaskClient, query: str, count: int) -> None:
    assert len(rows(browser, query)) == count


def test_a_column_head_sorts_and_sorts_back(browser: FlaskClient) -> None:
    by_serial = rows(browser, "order=serial_number")
    assert rows(browser, "order=-serial_number") == by_serial[::-1]


def test_pages_follow_each_other_without_gap_or_repetition(
    make_host: Callable[..., Flask],
) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 130)
    client, seen, path = app.test_client(), [], "/mdm/devices/?order=-last_seen"
    while path:
        page = client.get(path).text
        seen += [device for device, _ in _ROW.findall(page)]
        following = _NEXT.search(page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 130


def test_a_page_takes_the_same_statements_for_any_fleet(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 300)
    assert statements(app, "/mdm/devices/") <= 8
    assert statements(app, "/mdm/") <= 20
    assert statements(app, "/mdm/devices/1/") <= 17


def test_screens_read_postgresql_as_well(pg_app: Flask) -> None:
    fleet.fill(pg_app, 60)
    fleet.live(pg_app)
    client = pg_app.test_client()
    for path in ("", "devices/1/", "devices/1/commands/", "commands/?state=error", "events/"):
        assert client.get(f"/mdm/{path}").status_code == 200
    assert len(rows(client, "order=-last_seen")) == 50
    assert len(rows(client, "q=ipad&seen=not-7d")) == 3


def test_without_devices_the_list_says_what_to_do_first(make_host: Callable[..., Flask]) -> None:
    page = make_host("mdm.*").test_client().get("/mdm/devices/").text
    assert "No device has enrolled yet" in page
    assert 'href="/mdm/enrollments/"' in page


def test_a_search_without_result_offers_the_whole_list(browser: FlaskClient) -> None:
    page = browser.get("/mdm/devices/?q=nothing-like-it").text
    assert "No device matches" in page


def test_what_was_asked_for_stays_in_the_form(browser: FlaskClient) -> None:
    page = browser.get("/mdm/devices/?q=%22%3E%3Cb%3E&platform=iOS").text
    assert 'value="&#34;&gt;&lt;b&gt;"' in page
    assert "<option selected>iOS</option>" in page


@pytest.mark.parametrize(
    "query",
    [
        "cursor=junk",
        "cursor=WyJuYW1lIixudWxsLDFd",
        "order=push_token",
        "platform=%00",
        "q=%00%ED%A0%80",
        "seen=not-99999999d",
        "seen_after=yesterday",
        "seen_before=0000-00-00",
        "state=%F0%9F%92%A5",
        "q=" + "x" * 5000,
    ],
)
def test_junk_in_the_address_is_no_error(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"/mdm/devices/?{query}").status_code == 200


@pytest.mark.parametrize("device", ["0", "41", "9223372036854775807", "9223372036854775808"])
def test_an_unknown_device_is_a_page_that_says_so(browser: FlaskClient, device: str) -> None:
    answer = browser.get(f"/mdm/devices/{device}/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
