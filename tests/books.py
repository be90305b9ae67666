"""A host with a location of the played Apps & Books, which notifies it over HTTP.

with lay_books(make_app, url) as shelf: …      # or the fixtures `shelf` (SQLite), `any_shelf`
shelf.add("361309726", total=10)               # an app with ten licences
shelf.location()                               # the token is uploaded, everything is read
shelf.need("361309726", "SERIAL1")             # what scopes do
shelf.work()                                   # what the jobs do, until Apple has said everything
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Asset, JobRun, Licence, LicenceRequest, Location, LocationAsset
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.services import job_runs, licence_standing
from zmdm_plugin.services.apps_books import connection, licences, locations, syncing
from zmdm_simulator.apple.vpp import PlayedVpp
from zmdm_simulator.apple.vpp_books import Books, Stock

PAGES = "361309726"


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@dataclass(slots=True)
class Shelf:
    """An application, the played service, and the location that both know."""

    app: Flask
    played: PlayedVpp
    id: int = 0
    tokens: list[bytes] = field(default_factory=list)

    @property
    def books(self) -> Books:
        """Apple's own."""
        return self.played.locations["Berlin"]

    def add(self, adam_id: str = PAGES, *, total: int = 10, **facts: Any) -> Stock:
        """An app of the location at Apple."""
        return self.books.put(Stock(adam_id, total=total, **{"name": "Pages", **facts}))

    def inspected(self, token: bytes | None = None) -> locations.Inspected:
        with self.app.app_context():
            return locations.inspect(token or self.tokens[-1])

    def upload(self, *, take_over: bool = False) -> int:
        """What an administrator does; the location's id."""
        found = self.inspected()
        with self.app.app_context(), db.transaction():
            location = locations.create(ADMINISTRATOR, found, take_over=take_over)
            db.session().flush()
            self.id = location.id
        return self.id

    def location(self) -> int:
        """Uploaded and read."""
        self.upload()
        run = self.sync("full")
        assert run.state == "done", run.message
        return self.id

    def sync(self, mode: str = "incremental") -> JobRun:
        """A sync, here and now; the run as it ended."""
        with self.app.app_context():
            with db.transaction():
                row = db.session().get_one(Location, self.id)
                # One that a notification has begun is as good.
                uid = syncing.running(self.id) or syncing.start(ADMINISTRATOR, row, mode).uid
            jobs.sync(uid)
            while (run := job_runs.find(uid)).finished_at is None:  # a slice is over, not the run
                jobs.sync(uid)
            db.session().expunge(run)
            return run

    def row(self) -> Location:
        """The location as we have it."""
        with self.app.app_context():
            found = db.session().get_one(Location, self.id)
            db.session().expunge(found)
            return found

    def asset(self, adam_id: str = PAGES) -> LocationAsset:
        """The location's asset as we have it."""
        query = sa.select(LocationAsset).join(Asset, Asset.id == LocationAsset.asset_id)
        with self.app.app_context():
            found = db.session().scalars(query.where(Asset.adam_id == adam_id)).one()
            db.session().expunge(found)
            return found

    def counts(self, adam_id: str = PAGES) -> tuple[int, int, int]:
        """(assigned, available, total) as we have them."""
        row = self.asset(adam_id)
        return row.assigned_count, row.available_count, row.total_count

    def held(self, adam_id: str = PAGES, **equal: Any) -> list[str]:
        """Who has a licence as we know it."""
        query = sa.select(Licence.serial_number).where(
            Licence.location_asset_id == self.asset(adam_id).id, Licence.held
        )
        with self.app.app_context():
            return sorted(db.session().scalars(query.filter_by(**equal)))

    def at_apple(self, adam_id: str = PAGES) -> list[str]:
        """Who has a licence as Apple's books say."""
        return sorted(self.books.stock(adam_id).places)

    def requests(self) -> list[LicenceRequest]:
        with self.app.app_context():
            rows = list(db.session().scalars(sa.select(LicenceRequest).order_by(LicenceRequest.id)))
            db.session().expunge_all()
            return rows

    def need(self, adam_id: str, *serials: str) -> None:
        """What scopes do."""
        row = self.asset(adam_id).id
        with self.app.app_context(), db.transaction():
            licences.need(row, serials)

    def release(self, adam_id: str, *serials: str) -> None:
        row = self.asset(adam_id).id
        with self.app.app_context(), db.transaction():
            licences.release(row, serials)

    def standing(self, serial: str, adam_id: str = PAGES) -> licence_standing.Standing:
        row = self.asset(adam_id).id
        with self.app.app_context():
            return licence_standing.standing(row, serial)

    def work(self, *, rounds: int = 3) -> None:
        """What jobs do, and what Apple does about it, some times over."""
        for _ in range(rounds):
            self.step()
            self.played.settle()
        self.step()

    def step(self) -> None:
        """One run of the location's job and of what tells devices."""
        with self.app.app_context():
            jobs.work(self.id)
            jobs.tell()


@contextmanager
def lay_books(make_app: Callable[..., Flask], url: str, **settings: object) -> Iterator[Shelf]:
    """A host that Apple can reach, and a location at Apple that nobody manages yet."""
    played = PlayedVpp().start()
    played.fail(rate=0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = {
        "ZMDM_APPS_BOOKS_URL": played.url,
        "ZMDM_BASE_URL": f"http://127.0.0.1:{port}",
        **settings,
    }
    app = make_app(url, **asked)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Silent)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand(app, played)
    finally:
        with app.app_context():
            connection.close()
        played.stop()
        server.shutdown()
        server.server_close()
        thread.join(5)


def stand(app: Flask, played: PlayedVpp) -> Shelf:
    """A location at Apple for this application."""
    return Shelf(app, played, tokens=[played.new_location("Berlin").encode()])


def lay_rows(session: Any, **location: Any) -> LocationAsset:
    """A location with ten licences of an app, without anybody to ask about it."""
    values = {
        "name": "Berlin",
        "organization_name": "Example",
        "country_code": "DE",
        "library_uid": new_uid(),
        "platform": "enterprisestore",
        "website_url": "https://business.apple.com",
        "server_token_hash": new_uid(),
        "server_token_expiration_date": utcnow() + timedelta(days=300),
        "mdm_info_id": new_uid(),
        "registered_at": utcnow(),
    }
    place = Location(**{**values, **location})
    asset = Asset(
        adam_id=PAGES,
        pricing_param="STDQ",
        product_type="App",
        name="Pages",
        device_assignable=True,
        revocable=True,
        supported_platforms=["iOS"],
    )
    session.add_all([place, asset])
    session.flush()
    row = LocationAsset(location_id=place.id, asset_id=asset.id, available_count=10, total_count=10)
    session.add(row)
    session.flush()
    return row


def serials(count: int, *, first: int = 0) -> Sequence[str]:
    """Serial numbers of devices that need not exist."""
    return [f"S{number:09}" for number in range(first, first + count)]
