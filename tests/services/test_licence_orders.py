"""Licences are ordered of Apple, followed to their end, and booked once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.books import PAGES, Shelf, serials
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Channel, Device, Event, Licence, LicenceRequest, Location
from zmdm_plugin.models.base import utcnow


@pytest.fixture
def full(any_shelf: Shelf) -> Shelf:
    """Ten licences of one app, none assigned."""
    any_shelf.add(total=10)
    any_shelf.location()
    return any_shelf


@pytest.fixture
def few(shelf: Shelf) -> Shelf:
    shelf.add(total=10)
    shelf.location()
    return shelf


def set_requests(shelf: Shelf, **values: object) -> None:
    with shelf.app.app_context(), db.transaction() as session:
        session.execute(sa.update(LicenceRequest).values(**values))


def events(shelf: Shelf, kind: str) -> list[dict[str, Any]]:
    with shelf.app.app_context():
        return list(db.session().scalars(sa.select(Event.payload).where(Event.kind == kind)))


def device(shelf: Shelf, serial: str) -> int:
    """An enrolled device; its channel's id."""
    with shelf.app.app_context(), db.transaction() as session:
        row = Device(serial_number=serial, udid=f"UDID-{serial}", enrolled_at=utcnow())
        session.add(row)
        session.flush()
        channel = Channel(device_id=row.id, kind="device", key="", push_token=b"t", push_magic="m")
        session.add(channel)
        session.flush()
        return channel.id


def test_a_licence_is_ordered_and_the_notification_settles_it(full: Shelf) -> None:
    full.need(PAGES, "A", "B")
    full.work()
    assert full.at_apple() == full.held(ours=True) == ["A", "B"]
    assert full.counts() == (2, 8, 10)
    assert full.standing("A").state == "assigned"
    [request] = full.requests()
    assert (request.state, request.count, request.left) == ("done", 2, 0)
    assert full.played.counts["GET /status 200"] == 0


def test_a_device_is_woken_once_its_licence_has_arrived(few: Shelf) -> None:
    channel = device(few, "A")
    few.played.fail(rate=0, hold=True)
    few.need(PAGES, "A")
    few.step()
    with few.app.app_context():
        assert db.session().get_one(Channel, channel).plan_due_at is None
    few.played.fail(rate=0)
    few.played.settle()
    few.step()
    with few.app.app_context():
        row = db.session().get_one(Channel, channel)
        assert row.plan_due_at is not None
        assert row.push_due_at is not None
        assert db.session().scalars(sa.select(Licence.untold)).one() is False


def test_without_notifications_apple_is_asked(full: Shelf) -> None:
    full.played.fail(rate=0, silent=True)
    full.need(PAGES, "A")
    full.work(rounds=1)
    assert full.standing("A").why == "Apple is assigning the licence"
    set_requests(full, due_at=utcnow())
    full.step()
    assert full.held() == ["A"]
    assert full.counts() == (1, 9, 10)


def test_what_is_told_twice_is_booked_once(full: Shelf) -> None:
    full.played.fail(rate=0, twice=True)
    full.need(PAGES, "A")
    full.work()
    full.release(PAGES, "A")
    full.work()
    assert full.counts() == (0, 10, 10)
    assert full.at_apple() == full.held() == []


def test_never_more_than_there_are_and_the_short_ones_are_shown(full: Shelf) -> None:
    full.need(PAGES, *serials(12))
    full.work()
    assert len(full.at_apple()) == 10
    assert full.standing(serials(12)[11]).state == "short"
    assert [one["total"] for one in events(full, "licences.short")] == [10]
    full.played.buy("Berlin", PAGES, delta=5)
    full.work()
    assert len(full.at_apple()) == 12
    assert full.counts() == (12, 3, 15)
    assert full.asset().short_at is None


def test_licences_that_somebody_else_assigned_are_not_ours(full: Shelf) -> None:
    full.played.assign("Berlin", PAGES, serials=["X", "Y"], kind="ASSOCIATE")
    full.played.settle()
    full.step()
    assert full.held(ours=False) == ["X", "Y"]
    assert full.counts() == (2, 8, 10)
    full.need(PAGES, "X")
    full.release(PAGES, "X")
    full.work()
    assert full.at_apple() == ["X", "Y"]


def test_what_the_portal_takes_back_is_ordered_again_for_who_needs_it(few: Shelf) -> None:
    few.need(PAGES, "A")
    few.work()
    few.played.assign("Berlin", PAGES, serials=["A"], kind="DISASSOCIATE")
    few.played.settle()
    few.work()
    assert few.at_apple() == few.held() == ["A"]
    assert few.counts() == (1, 9, 10)


def test_a_device_that_leaves_while_its_licence_is_ordered_gives_it_back(few: Shelf) -> None:
    few.played.fail(rate=0, hold=True)
    few.need(PAGES, "A")
    few.step()
    few.release(PAGES, "A")
    few.played.fail(rate=0)
    few.played.settle()
    few.work()
    assert few.at_apple() == few.held() == []
    assert few.counts() == (0, 10, 10)


@pytest.mark.parametrize("after", [False, True])
def test_an_order_whose_answer_was_lost_is_sent_again_and_booked_once(
    few: Shelf, after: bool
) -> None:
    few.played.rule(path="/assets/associate", drop=True, after=after)
    few.need(PAGES, "A")
    few.work()
    set_requests(few, due_at=utcnow())
    few.work()
    assert few.at_apple() == few.held(ours=True) == ["A"]
    assert few.counts() == (1, 9, 10)
    assert few.books.repeated in (0, 1)


def test_an_order_that_apple_does_not_come_to_is_sent_again(few: Shelf) -> None:
    few.played.fail(rate=0, hold=True)
    few.need(PAGES, "A")
    few.step()
    set_requests(few, due_at=utcnow(), sent_at=utcnow() - timedelta(minutes=11))
    few.step()
    few.step()
    assert few.played.counts["POST /assets/associate 200"] == 2
    few.played.fail(rate=0)
    few.work()
    assert few.at_apple() == few.held() == ["A"]
    assert few.counts() == (1, 9, 10)


def test_an_event_that_apple_forgot_is_ordered_again(few: Shelf) -> None:
    few.played.fail(rate=0, silent=True)
    few.need(PAGES, "A")
    few.work(rounds=1)
    few.books.events.clear()
    few.played.fail(rate=0)
    set_requests(few, due_at=utcnow())
    few.work()
    assert few.held() == ["A"]


@pytest.mark.parametrize("silent", [False, True])
def test_what_apple_refuses_for_one_device_is_shown_and_tried_later(
    few: Shelf, silent: bool
) -> None:
    few.played.fail(rate=0, silent=silent, devices={"B": [9602]})
    few.need(PAGES, "A", "B")
    few.work(rounds=1)
    set_requests(few, due_at=utcnow())
    few.work()
    assert few.at_apple() == few.held() == ["A"]
    standing = few.standing("B")
    assert standing.state == "refused"
    assert "an argument is invalid" in standing.why
    with few.app.app_context(), db.transaction() as session:
        session.execute(sa.update(Licence).values(retry_at=utcnow()))
    few.work(rounds=1)
    set_requests(few, due_at=utcnow())
    few.work()
    assert few.held() == ["A", "B"]
    assert few.counts() == (2, 8, 10)


def test_numbers_that_apple_contradicts_are_read_anew(few: Shelf) -> None:
    few.books.fill(few.books.stock(PAGES), serials(9))
    few.need(PAGES, "A", "B")
    few.work()
    assert few.at_apple() == list(serials(9))
    assert few.asset().stale_at is not None
    assert few.standing("A").state == "short"
    run = few.sync("stale")
    assert run.result == {"gone": 0, "reread": 1, "reread_licences": 9}
    few.work()
    assert len(few.at_apple()) == 10
    assert few.counts() == (10, 0, 10)


def test_what_is_told_late_of_an_order_does_not_bring_a_licence_back(full: Shelf) -> None:
    full.played.fail(rate=0, silent=True)
    full.need(PAGES, "A")
    asked_about(full)
    [event] = [one.event_id for one in full.requests()]
    full.release(PAGES, "A")
    asked_about(full)
    assert full.at_apple() == full.held() == []
    full.played.fail(rate=0)
    assigned = [{"adamId": PAGES, "pricingParam": "STDQ", "serialNumber": "A"}]
    told = {"type": "ASSOCIATE", "result": "SUCCESS", "eventId": event, "assignments": assigned}
    full.played.orders.notify(full.books, "ASSET_MANAGEMENT", told)
    full.work(rounds=1)
    assert full.held() == []
    assert full.counts() == (0, 10, 10)


def asked_about(shelf: Shelf) -> None:
    """Nobody tells what became of the orders: it is time to ask."""
    shelf.step()
    shelf.played.settle()
    set_requests(shelf, due_at=utcnow())
    shelf.step()


def test_many_are_ordered_in_the_sizes_that_apple_allows(few: Shelf) -> None:
    few.add("2", total=3000)
    few.sync()
    few.need("2", *serials(2500))
    few.work()
    assert sorted(one.count for one in few.requests()) == [500, 1000, 1000]
    assert len(few.held("2")) == 2500
    assert few.counts("2") == (2500, 500, 3000)


def test_orders_that_wait_are_not_sent_once_apple_refuses_the_location(few: Shelf) -> None:
    one_each = {"limits": {"maxSerialNumbers": 1, "maxRequestPerSecond": 2}, "urls": {}}
    with few.app.app_context(), db.transaction() as session:
        session.execute(sa.update(Location).values(service_config=one_each))
    few.played.rule(path="/assets/associate", status=401, code=9625)
    few.need(PAGES, *serials(4))
    with few.app.app_context():
        jobs.work(few.id)
    assert few.at_apple() == []
    assert few.asset().reserved_count == 0
    assert [one.state for one in few.requests()] == ["failed"]
    assert few.standing(serials(1)[0]).why == "a job is about to ask Apple for the licence"


def notify(shelf: Shelf, body: bytes, header: str, mdm_info_id: str = "") -> int:
    path = f"/public/mdm/locations/{mdm_info_id or shelf.row().mdm_info_id}/notify/"
    headers = {"Authorization": header} if header else {}
    return shelf.app.test_client().post(path, data=body, headers=headers).status_code


def test_who_does_not_show_the_token_is_refused(few: Shelf) -> None:
    body = b'{"notificationId": "1", "notificationType": "TEST_NOTIFICATION"}'
    good = f"Bearer {few.books.notification_token}"
    wrong = ["", "Bearer wrong", "Bearer", "Basic abc", "Bearer \u00e9"]
    assert [notify(few, body, header) for header in wrong] == [403] * 5
    assert notify(few, body, good, "00000000-0000-0000-0000-000000000000") == 403
    assert notify(few, b"{", "Bearer wrong") == 403
    assert notify(few, body, good) == 204


def test_a_notification_that_is_none_is_refused(few: Shelf) -> None:
    good = f"Bearer {few.books.notification_token}"
    for body in (b"", b"[]", b"{", b'{"notificationId": 1}', b'{"notificationId": "\\u0000"}'):
        assert notify(few, body, good) == 400


UNSTORABLE = [
    '{"x": "\\u0000"}',
    '{"\\u0000": 1}',
    '{"x": "\\ud800"}',
    '{"x": NaN}',
    '{"countDelta": 1e400}',
]


@pytest.mark.parametrize("told", UNSTORABLE)
def test_a_notification_that_no_database_stores_is_refused(full: Shelf, told: str) -> None:
    good = f"Bearer {full.books.notification_token}"
    body = f'{{"notificationId": "1", "notificationType": "ASSET_COUNT", "notification": {told}}}'
    assert notify(full, body.encode(), good) == 400


UNREADABLE: list[tuple[str, Any]] = [
    ("ASSET_MANAGEMENT", {"type": "ASSOCIATE", "assignments": [{"adamId": 361309726}]}),
    ("ASSET_COUNT", {"adamId": PAGES, "countDelta": 10**30}),
]


@pytest.mark.parametrize(("kind", "told"), UNREADABLE)
def test_what_cannot_be_read_keeps_nothing_else_from_being_read(
    full: Shelf, kind: str, told: Any
) -> None:
    full.played.orders.notify(full.books, kind, told)
    full.played.settle()
    full.need(PAGES, "A")
    full.work()
    assert full.at_apple() == full.held(ours=True) == ["A"]


ODD: list[tuple[str, Any]] = [
    ("ASSET_MANAGEMENT", {"type": "ASSOCIATE", "assignments": [1, {"adamId": []}, {}]}),
    ("ASSET_MANAGEMENT", {"type": "ELSE", "eventId": [1]}),
    ("ASSET_MANAGEMENT", None),
    ("ASSET_COUNT", {"adamId": PAGES, "countDelta": "x"}),
    ("ASSET_COUNT", {"adamId": "unknown", "countDelta": 1}),
    ("ASSET_COUNT", {"adamId": PAGES, "countDelta": -1000}),
    ("SOMETHING_NEW", {}),
]


def test_odd_notifications_change_nothing_that_a_sync_does_not_mend(few: Shelf) -> None:
    few.books.notification_types.append("SOMETHING_NEW")
    for kind, told in ODD:
        few.played.orders.notify(few.books, kind, told)
    few.played.settle()
    few.step()
    few.sync("full")
    assert few.counts() == (0, 10, 10)
    assert few.asset().stale_at is None
