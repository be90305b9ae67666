"""A location is deleted once somebody who has seen what is lost has typed its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.books import PAGES, Shelf, serials
from tests.hosts import ADMINISTRATOR
from tests.road import Road
from tests.software import Counter
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import (
    Asset,
    AuditEntry,
    JobRun,
    Licence,
    LicenceRequest,
    Location,
    LocationAsset,
    LocationNotification,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.apps_books import connection, locations, removal, schedule, syncing

KEPT = (Location, LocationAsset, Asset, Licence, LicenceRequest, LocationNotification)


def begin(shelf: Shelf, name: str = "Berlin") -> str:
    with shelf.app.app_context(), db.transaction():
        return removal.start(ADMINISTRATOR, connection.find(shelf.id, lock=True), name=name).uid


def rows(app: Flask) -> dict[str, int]:
    with app.app_context():
        count = sa.select(sa.func.count())
        found = {one.__name__: db.session().scalar(count.select_from(one)) or 0 for one in KEPT}
        return {name: number for name, number in found.items() if number}


@pytest.fixture
def used(shelf: Shelf) -> Shelf:
    """A location with licences that it ordered, of somebody else, and waited for in vain."""
    shelf.books.fill(shelf.add(total=5), ["THEIRS"])
    shelf.location()
    shelf.need(PAGES, *serials(7))
    shelf.work(rounds=1)
    return shelf


def test_what_is_lost_is_counted(used: Shelf) -> None:
    with used.app.app_context():
        lost = removal.losses(connection.find(used.id))
    assert (lost.apps, lost.licences, lost.ours, lost.waiting) == (1, 5, 4, 3)


def test_everything_of_a_location_goes_and_nothing_is_given_back(used: Shelf) -> None:
    at_apple = used.at_apple()
    uid = begin(used)
    with used.app.app_context():
        jobs.forget(uid)
        assert job_runs.find(uid).state == "done"
        why = sa.select(AuditEntry.reason).where(AuditEntry.action == "location.delete")
        assert "5 licences, 4 of them assigned from here" in (db.session().scalar(why) or "")
    assert rows(used.app) == {}
    assert used.at_apple() == at_apple


def test_another_name_deletes_nothing(used: Shelf) -> None:
    with pytest.raises(Refused, match="type Berlin"):
        begin(used, "Hamburg")
    assert used.row().deleting_at is None


def test_what_is_being_deleted_rests(used: Shelf) -> None:
    used.played.orders.told.clear()
    begin(used)
    with used.app.app_context():
        assert (
            schedule.mode_due(connection.find(used.id), now=utcnow() + timedelta(days=30)) is None
        )
        assert schedule.talk(used.id, now=utcnow()) is None
        row = connection.find(used.id)
        attempts: list[Callable[[], object]] = [
            lambda: syncing.start(ADMINISTRATOR, row),
            lambda: locations.take_back(ADMINISTRATOR, row),
            lambda: removal.start(ADMINISTRATOR, row, name="Berlin"),
        ]
        for attempt in attempts:
            with pytest.raises(Conflict, match="is being deleted"):
                attempt()
    answer = httpx.post(
        used.books.notification_url,
        json={"notificationId": "1", "notificationType": "TEST_NOTIFICATION"},
        headers={"Authorization": f"Bearer {used.books.notification_token}"},
    )
    assert answer.status_code == 403


def test_an_artifact_that_installs_its_app_keeps_it_and_is_named(road: Road) -> None:
    counter = Counter(road)
    counter.store_app("Notes for all", 361285480)
    with road.rows() as session:
        location = session.scalars(sa.select(Location)).one()
        with pytest.raises(Conflict, match="installed by “Notes for all”: delete these first"):
            removal.start(ADMINISTRATOR, location, name=location.name)
        assert [name for _, name in removal.losses(location).artifacts] == ["Notes for all"]


def test_no_artifact_takes_an_app_of_a_location_that_is_being_deleted(road: Road) -> None:
    counter = Counter(road)
    counter.licence("Notes", 361285480)
    with road.rows() as session:
        location = session.scalars(sa.select(Location)).one()
        location.deleting_at = utcnow()
    with pytest.raises(Refused, match="is being deleted"):
        counter.artifact("store_app", "Notes", b'{"location_asset": 1}', platforms=("iOS",))


def test_many_licences_go_in_slices(shelf: Shelf) -> None:
    number = removal.CHUNK + 10
    shelf.books.fill(shelf.add(total=number), serials(number))
    shelf.location()
    uid = begin(shelf)
    with shelf.app.app_context():
        jobs.forget(uid)
        run = db.session().scalars(sa.select(JobRun).where(JobRun.uid == uid)).one()
        assert (run.state, run.done, run.total) == ("done", number, number)
    assert rows(shelf.app) == {}
