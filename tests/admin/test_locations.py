"""The screens of Apps & Books: locations, store apps, and who holds licences."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.books import PAGES, Shelf, lay_books, serials
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.services.apps_books import licences
from zmdm_simulator.apple.vpp import take

Post = Callable[..., Any]


@pytest.fixture
def shelf(make_host: Callable[..., Flask], sqlite_url: str) -> Iterator[Shelf]:
    """A host whose user may do everything, and a location at Apple."""
    with lay_books(lambda _url, **config: make_host("mdm.*", config=config), sqlite_url) as laid:
        laid.books.fill(laid.add(total=10), serials(3))
        yield laid


@pytest.fixture
def browser(shelf: Shelf) -> FlaskClient:
    return shelf.app.test_client()


def upload(shelf: Shelf, **more: object) -> dict[str, object]:
    return {"token": (io.BytesIO(shelf.tokens[-1]), "Berlin.vpptoken"), **more}


@pytest.fixture
def post(browser: FlaskClient) -> Post:
    """Send a form with a valid token."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/mdm/locations/new/").text)
    assert found is not None
    return lambda path, **fields: browser.post(path, data={"csrf_token": found[1], **fields})


def test_without_a_location_the_screens_say_what_to_do(browser: FlaskClient) -> None:
    assert "Download a content token" in browser.get("/mdm/locations/").text
    assert "Add one by its content token" in browser.get("/mdm/store_apps/").text


def test_a_token_is_uploaded_and_the_location_shown(
    shelf: Shelf, browser: FlaskClient, post: Post
) -> None:
    answer = post("/mdm/locations/new/", **upload(shelf))
    assert (answer.status_code, answer.location) == (303, "/mdm/locations/1/")
    page = browser.get("/mdm/locations/1/").text
    assert "Berlin" in page and "It is being synchronized" in page
    shelf.id = 1
    assert shelf.sync().state == "done"
    page = browser.get("/mdm/locations/").text
    assert "Managed here" in page
    assert shelf.tokens[0].decode() not in page


def test_what_is_no_token_is_blamed_on_the_field(browser: FlaskClient, post: Post) -> None:
    answer = post("/mdm/locations/new/", token=(io.BytesIO(b"hello"), "x.vpptoken"))
    assert answer.status_code == 422
    assert "This is not a content token" in answer.text
    assert "This is needed" in post("/mdm/locations/new/").text


def test_the_present_owner_is_shown_before_it_loses_the_location(shelf: Shelf, post: Post) -> None:
    owner = take(shelf.played, {"name": "Old <MDM>"})["mdmInfo"]
    answer = post("/mdm/locations/new/", **upload(shelf))
    assert (answer.status_code, "Old &lt;MDM&gt;" in answer.text) == (422, True)
    assert shelf.books.mdm_info == owner
    assert post("/mdm/locations/new/", **upload(shelf, take_over="1")).status_code == 303


def test_a_location_that_was_lost_is_taken_back(
    shelf: Shelf, browser: FlaskClient, post: Post
) -> None:
    shelf.location()
    take(shelf.played, {"name": "New MDM"})
    shelf.sync()
    page = browser.get("/mdm/locations/1/").text
    assert "New MDM manages this location" in page and "Synchronize</button>" not in page
    assert "Managed by another server" in browser.get("/mdm/locations/").text
    assert post("/mdm/locations/1/take_over/").status_code == 303
    assert shelf.sync().state == "done"
    assert "New MDM" not in browser.get("/mdm/locations/1/").text


def test_apps_are_listed_with_their_licences(shelf: Shelf, browser: FlaskClient) -> None:
    shelf.location()
    with shelf.app.app_context():
        jobs.fetch_metadata()
    page = browser.get("/mdm/store_apps/").text
    assert "Pages" in page and "Fine" in page
    assert browser.get("/mdm/store_apps/1/icon/").data[:4] == b"\x89PNG"
    assert "Nothing matches" in browser.get("/mdm/store_apps/?search=xyz").text
    page = browser.get("/mdm/store_apps/1/").text
    assert "com.example.pages" in page and "Devices of Berlin" in page


def test_short_licences_are_shown_everywhere(shelf: Shelf, browser: FlaskClient) -> None:
    shelf.location()
    shelf.need(PAGES, *serials(9, first=50))
    shelf.work()
    assert "2 devices wait for licences" in browser.get("/mdm/store_apps/?show=short").text
    assert "Licences short" in browser.get("/mdm/store_apps/1/").text
    page = browser.get("/mdm/licences/1/?state=waiting").text
    assert "2 devices wait since" in page and "Waits for a licence" in page
    assert "1 app short" in browser.get("/mdm/locations/").text


def test_licences_are_ordered_by_serial_number(
    shelf: Shelf, browser: FlaskClient, post: Post
) -> None:
    shelf.location()
    answer = post("/mdm/licences/1/order/", action="assign", serials="A\nB, C")
    run = answer.location.rstrip("/").rsplit("/", 1)[1]
    with shelf.app.app_context():
        jobs.run_bulk(run)
    shelf.work()
    assert shelf.at_apple()[:3] == ["A", "B", "C"]
    page = browser.get("/mdm/licences/1/?serial=A").text
    assert "Assigned" in page and "this server" in page
    assert (
        "Nothing was ordered"
        in browser.get(post("/mdm/licences/1/order/", action="assign").location).text
    )


def test_all_devices_are_counted_and_confirmed_first(shelf: Shelf, post: Post) -> None:
    shelf.location()
    answer = post("/mdm/licences/1/order/", action="revoke", everybody="1")
    assert (answer.status_code, "0 enrolled devices will give back" in answer.text) == (200, True)


def test_what_is_taken_back_is_asked_about_with_how_many_keep_theirs(
    shelf: Shelf, browser: FlaskClient, post: Post
) -> None:
    shelf.location()
    with shelf.app.app_context(), db.transaction():
        licences.need(1, ["A"])
        licences.assign(1, ["A", "B"])
    shelf.work()
    page = browser.get("/mdm/licences/1/").text
    assert "its blueprint, an operator" in page and ">an operator<" in page
    asked = post("/mdm/licences/1/order/", action="revoke", serials="A B")
    assert "2 devices will give back" in asked.text
    assert "1 of them keeps its licence" in asked.text
    answer = post("/mdm/licences/1/order/", action="revoke", serials="A B", count="1")
    with shelf.app.app_context():
        jobs.run_bulk(answer.location.rstrip("/").rsplit("/", 1)[1])
    shelf.work()
    assert [name for name in shelf.at_apple() if name in "AB"] == ["A"]


def test_what_one_may_not_do_is_not_offered(shelf: Shelf, make_host: Callable[..., Flask]) -> None:
    shelf.location()
    config = {name: shelf.app.config[name] for name in ("ZMDM_APPS_BOOKS_URL", "ZMDM_BASE_URL")}
    looks = make_host("mdm.view_*", config=config).test_client()
    for path in ("/mdm/locations/1/", "/mdm/store_apps/1/", "/mdm/licences/1/"):
        page = looks.get(path)
        assert page.status_code == 200
        assert "<button" not in page.text.replace("<button>Show</button>", "").split("<main", 1)[1]


def test_a_location_is_deleted_after_its_losses_were_shown(
    shelf: Shelf, browser: FlaskClient, post: Post
) -> None:
    url = f"/mdm/locations/{shelf.location()}/"
    assert f'href="{url}delete/"' in browser.get(url).text
    page = browser.get(f"{url}delete/").text
    assert "What is lost" in page and "Nothing is given back" in page
    refused = post(f"{url}delete/", name="Hamburg")
    assert refused.status_code == 422 and "ype Berlin" in refused.text
    assert shelf.row().deleting_at is None
    assert post(f"{url}delete/", name="Berlin").status_code == 303
    assert "is being deleted since" in browser.get(url).text
