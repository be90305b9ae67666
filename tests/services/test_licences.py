"""Who is to have a licence, and what a device is told that waits for one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.books import lay_rows
from zmdm_plugin import db
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Asset, Licence, Location, LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import licence_standing
from zmdm_plugin.services.apps_books import licences


def lay(app: Flask, **location: object) -> int:
    """A location with ten licences of an app; the id of the location's asset."""
    with app.app_context(), db.transaction() as session:
        return lay_rows(session, **location).id


def need(app: Flask, row: int, *serials: str) -> None:
    with app.app_context(), db.transaction():
        licences.need(row, serials)


def release(app: Flask, row: int, *serials: str) -> None:
    with app.app_context(), db.transaction():
        licences.release(row, serials)


def set_all(app: Flask, **values: object) -> None:
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(Licence).values(**values))


def rows(app: Flask) -> list[tuple[str, bool, bool, str | None]]:
    query = sa.select(Licence.serial_number, Licence.held, Licence.wanted, Licence.todo)
    with app.app_context():
        return [tuple(row) for row in db.session().execute(query.order_by(Licence.serial_number))]


def standing(app: Flask, row: int, serial: str = "A") -> tuple[str, str]:
    with app.app_context():
        found = licence_standing.standing(row, serial)
        return found.state, found.why


def test_who_needs_a_licence_is_noted_once(any_app: Flask) -> None:
    row = lay(any_app)
    need(any_app, row, "B", "A", "B")
    need(any_app, row, "A")
    assert rows(any_app) == [("A", False, True, "assign"), ("B", False, True, "assign")]


def test_who_holds_one_is_not_asked_for_again(any_app: Flask) -> None:
    row = lay(any_app)
    need(any_app, row, "A")
    set_all(any_app, held=True, wanted=False, scoped=False, todo=None)
    need(any_app, row, "A")
    assert rows(any_app) == [("A", True, True, None)]


def test_given_back_is_only_what_this_server_assigned(any_app: Flask) -> None:
    row = lay(any_app)
    need(any_app, row, "A")
    set_all(any_app, held=True, todo=None)
    release(any_app, row, "A")
    assert rows(any_app) == [("A", True, False, None)]
    need(any_app, row, "A")
    set_all(any_app, ours=True)
    release(any_app, row, "A")
    assert rows(any_app) == [("A", True, False, "revoke")]


def test_what_was_wanted_and_never_came_is_forgotten(any_app: Flask) -> None:
    row = lay(any_app)
    need(any_app, row, "A", "B")
    release(any_app, row, "A")
    assert rows(any_app) == [("B", False, True, "assign")]


def test_a_device_that_left_gives_back_everything(app: Flask) -> None:
    row, other = lay(app), lay_second(app)
    need(app, row, "A", "B")
    need(app, other, "A")
    set_all(app, held=True, ours=True, todo=None)
    with app.app_context(), db.transaction():
        licences.release_device("A")
    assert [one[0] for one in rows(app) if one[3] == "revoke"] == ["A", "A"]


def lay_second(app: Flask) -> int:
    with app.app_context(), db.transaction() as session:
        location = session.scalars(sa.select(Location)).one()
        asset = Asset(
            adam_id="2", pricing_param="STDQ", product_type="App", supported_platforms=["iOS"]
        )
        session.add(asset)
        session.flush()
        row = LocationAsset(location_id=location.id, asset_id=asset.id)
        session.add(row)
        session.flush()
        return row.id


def test_an_app_that_the_location_does_not_have_is_said(app: Flask) -> None:
    with pytest.raises(NotFound):
        need(app, 99, "A")
    assert standing(app, 99)[0] == "unknown"


def test_what_a_device_waits_for_is_said_in_words(app: Flask) -> None:
    row = lay(app)
    assert standing(app, row) == ("unknown", "no licence was asked for")
    need(app, row, "A")
    assert standing(app, row) == ("waiting", "a job is about to ask Apple for the licence")
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(LocationAsset).values(short_at=utcnow()))
    assert standing(app, row) == ("short", "all 10 licences of Pages are assigned: buy more")
    set_all(app, error="Apple says no")
    assert standing(app, row) == ("refused", "Apple says no")
    set_all(app, held=True, ours=True)
    assert standing(app, row) == ("assigned", "assigned by this server")


def test_a_location_that_another_server_took_holds_everything_up(app: Flask) -> None:
    row = lay(app, lost_at=utcnow())
    need(app, row, "A")
    assert standing(app, row) == (
        "waiting",
        "another server manages the location Berlin: take it back",
    )


def test_an_expired_token_holds_everything_up(app: Flask) -> None:
    row = lay(app, server_token_expiration_date=utcnow() - timedelta(days=1))
    need(app, row, "A")
    assert "has expired: renew it" in standing(app, row)[1]
