"""Locations of Apps & Books: uploaded, registered, read, renewed, lost and taken back."""

from __future__ import annotations

import base64
import json
import time

import pytest
from flask import Flask

from tests.books import PAGES, Shelf, serials
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Location, RequestPace
from zmdm_plugin.protocol import content_token
from zmdm_plugin.protocol.content_token import BadContentToken
from zmdm_plugin.services.apps_books import connection, locations, schedule, syncing
from zmdm_simulator.apple.vpp import take


def test_a_location_is_uploaded_registered_and_read(any_shelf: Shelf) -> None:
    stock = any_shelf.add(total=10)
    any_shelf.books.fill(stock, serials(3))
    any_shelf.location()
    row = any_shelf.row()
    assert (row.name, row.organization_name, row.country_code) == ("Berlin", "Example", "DE")
    assert (row.platform, row.notification_error, row.error) == ("enterprisestore", None, None)
    assert row.notified_at is not None  # Apple's test
    assert any_shelf.books.mdm_info == {
        "id": row.mdm_info_id,
        "name": any_shelf.app.config["ZMDM_BASE_URL"].partition("://")[2],
        "metadata": "zmdm",
    }
    assert any_shelf.counts() == (3, 7, 10)
    assert any_shelf.held(ours=False) == list(serials(3))


def test_what_is_no_token_is_refused_in_words() -> None:
    odd = [base64.b64encode(b"[]"), base64.b64encode(b'{"token": 1}'), b"A" * 70_000]
    for upload in (b"", b"hello", b"\xff", *odd):
        with pytest.raises(BadContentToken, match="vpptoken"):
            content_token.parse(upload)


def test_the_same_token_twice_is_refused(shelf: Shelf) -> None:
    shelf.upload()
    with pytest.raises(Conflict, match="Berlin is here already"):
        shelf.upload()


def test_another_token_of_the_same_location_is_refused(shelf: Shelf) -> None:
    shelf.upload()
    shelf.tokens.append(shelf.played.new_token("Berlin").encode())
    with pytest.raises(Conflict, match="renew its token there"):
        shelf.upload()


def test_a_token_is_renewed_in_place(shelf: Shelf) -> None:
    shelf.location()
    before = shelf.row().server_token_hash
    found = shelf.inspected(shelf.played.new_token("Berlin", days=700).encode())
    with shelf.app.app_context(), db.transaction() as session:
        locations.renew(ADMINISTRATOR, session.get_one(Location, shelf.id), found)
    after = shelf.row()
    assert after.server_token_hash != before
    assert (after.server_token_expiration_date - after.created_at).days >= 699
    assert shelf.sync().state == "done"


def test_the_token_of_another_location_is_no_renewal(shelf: Shelf) -> None:
    shelf.upload()
    found = shelf.inspected(shelf.played.new_location("Hamburg").encode())
    with shelf.app.app_context(), db.transaction() as session:
        with pytest.raises(Refused, match="another location, Hamburg"):
            locations.renew(ADMINISTRATOR, session.get_one(Location, shelf.id), found)


def test_the_present_owner_is_asked_about_before_it_loses_the_location(shelf: Shelf) -> None:
    owner = take(shelf.played, {"name": "Old MDM"})["mdmInfo"]
    with pytest.raises(locations.OwnedElsewhere, match="managed by Old MDM") as asked:
        shelf.upload()
    assert asked.value.owner == owner
    assert shelf.books.mdm_info == owner
    shelf.upload(take_over=True)
    assert shelf.sync("full").state == "done"
    assert (shelf.books.mdm_info or {})["id"] == shelf.row().mdm_info_id


def test_a_location_that_another_server_takes_rests_until_it_is_taken_back(shelf: Shelf) -> None:
    shelf.add()
    shelf.location()
    take(shelf.played, {"name": "New MDM"})
    run = shelf.sync()
    assert (run.state, run.message) == ("failed", "the location is managed by New MDM now")
    row = shelf.row()
    assert row.lost_at is not None
    assert (row.owner or {})["name"] == "New MDM"
    shelf.need(PAGES, "A")
    shelf.work(rounds=1)
    assert shelf.at_apple() == []
    assert "another server manages" in shelf.standing("A").why
    with shelf.app.app_context(), db.transaction() as session:
        locations.take_back(ADMINISTRATOR, session.get_one(Location, shelf.id))
    assert shelf.sync().state == "done"
    shelf.work()
    assert shelf.at_apple() == ["A"]


def test_where_apple_cannot_reach_us_it_is_asked_instead(shelf: Shelf) -> None:
    shelf.upload()
    with shelf.app.app_context(), db.transaction() as session:
        session.get_one(Location, shelf.id).notification_token_hash = "0" * 64
    assert shelf.sync("full").state == "done"
    row = shelf.row()
    assert "Apple cannot reach this server" in (row.notification_error or "")
    assert shelf.books.notification_url == ""
    assert row.registered_at is not None


REFUSED = {
    9621: (401, "has expired: download a new one"),
    9625: (401, "was revoked"),
    9634: (400, "no longer has Apps and Books"),
    9799: (400, "error 9799"),
}


def test_what_apple_refuses_is_shown_at_the_location_until_it_is_over(shelf: Shelf) -> None:
    shelf.location()
    for number, (status, said) in REFUSED.items():
        shelf.played.rule(path="/assets", status=status, code=str(number))
        assert shelf.sync().state == "failed"
        assert said in (shelf.row().error or "")
        assert shelf.row().error_number == number
    assert shelf.sync().state == "done"
    assert shelf.row().error is None


def test_a_passing_outage_is_waited_out(shelf: Shelf) -> None:
    shelf.location()
    shelf.played.rule(path="/assets", drop=True)
    shelf.played.rule(path="/client/config", status=503)
    shelf.played.rule(path="/assignments", status=429, code="9646")
    assert shelf.sync().state == "done"


def test_a_page_in_between_is_no_answer(shelf: Shelf) -> None:
    shelf.upload()
    shelf.played.rule(path="/service/config", body="<html>log in</html>", times=0)
    run = shelf.sync()
    assert (run.state, run.message) == ("failed", "the answer is not Apple's")


def test_one_sync_of_a_location_at_a_time(shelf: Shelf) -> None:
    shelf.upload()
    with shelf.app.app_context(), db.transaction() as session:
        row = session.get_one(Location, shelf.id)
        syncing.start(ADMINISTRATOR, row)
        with pytest.raises(Conflict, match="being synchronized already"):
            syncing.start(ADMINISTRATOR, row)
        assert schedule.start_due(now=row.created_at) == []


def test_the_limits_are_those_that_apple_has_said_last(shelf: Shelf) -> None:
    shelf.location()
    shelf.played.fail(rate=7)
    shelf.sync()
    with shelf.app.app_context():
        assert connection.credentials(shelf.id).limits["maxRequestPerSecond"] == 7


def test_a_location_tells_no_secret(shelf: Shelf) -> None:
    shelf.location()
    row = shelf.row()
    token = json.loads(base64.b64decode(shelf.tokens[0]))["token"]
    with shelf.app.app_context():
        kept = db.session().get_one(Location, shelf.id)
        assert token not in (kept.server_token or "")
    assert token not in repr(row)


def test_a_clock_that_was_wrong_holds_nobody_up(any_app: Flask) -> None:
    """What it had given were turns in a year; the next request goes out at once."""
    with any_app.app_context():
        with db.transaction() as session:
            next_year = (time.time_ns() // 1000) + 365 * 86400 * 1_000_000
            session.add(RequestPace(name="apps_books:1", next_us=next_year))
        connection.pace("apps_books:1", 15)
        assert db.session().get_one(RequestPace, "apps_books:1").next_us < next_year
