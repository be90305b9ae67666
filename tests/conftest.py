"""Fixtures that every test may use, in the order in which a test grows.

    app             a host on SQLite, its settings by `@pytest.mark.settings(ZMDM_X=…)`
    pg_app          the same on PostgreSQL
    any_app         both, one after the other
    road, pg_road   those with a CA and an enrollment: `road.enrolled("MacBookPro18,3")`
    client          a test client of `app`
    make_app        more applications in one test: `make_app(database_uri, **settings)`
    redis_url       an empty Redis; `app` uses it only if the test asks for it
    run_jobs        run what is deferred, in this process, until nothing is left
    live_server     a real HTTP server: `live_server(app)` gives its URL
    postgres, own_postgres, own_redis    servers; the own ones may be stopped and killed

No application context is held open around a test: a request would share its session, and the test
would pass on stale objects. Open one where it is needed: `with app.app_context(): …`.
"""

from __future__ import annotations

import gc
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import books as booking
from tests import hosts, requirements
from tests.road import Road, factory_anchor, lay_road
from tests.servers import Postgres, Redis, postgres_server, redis_server
from tests.turns import in_turn

hypothesis_settings.register_profile(
    "zmdm",
    deadline=None,  # this machine's other work is no fault of the code
    derandomize=requirements.everything_is_required(),  # the same change gets the same verdict
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("zmdm")

_NOT_RUN = pytest.StashKey[dict[str, int]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where everything is required, whatever the machine lacks ends the run before it begins."""
    if requirements.everything_is_required():
        absent = requirements.missing(tuple(requirements.REQUIREMENTS))
        if absent:
            raise pytest.UsageError(
                "; ".join(f"{name} is missing: {_help(name)}" for name in absent)
            )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, and remember it; the rest in good order."""
    not_run: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        names = tuple(name for mark in item.iter_markers("needs") for name in mark.args)
        absent = requirements.missing(names)
        (left_out if absent else kept).append(item)
        not_run.update(absent)
    items[:] = in_turn(kept)
    config.hook.pytest_deselected(items=left_out)
    config.stash[_NOT_RUN] = dict(not_run)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays: the garbage collector need not walk it for each application.

    Making one allocates enough for several collections, which were two fifths of what it costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _help(name: str) -> str:
    return requirements.REQUIREMENTS[name].help


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """An xdist worker hands its list to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["zmdm_not_run"] = session.config.stash.get(_NOT_RUN, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Every worker collects the same tests, so that any one's list is the whole."""
    not_run = getattr(node, "workeroutput", {}).get("zmdm_not_run", {})
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    config.stash.setdefault(_NOT_RUN, {}).update(not_run)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what did not run in the last lines, where people look."""
    for name, count in sorted(config.stash.get(_NOT_RUN, {}).items()):
        line = f"NOT RUN: {count} tests for want of {name}; what brings it: {_help(name)}"
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL of this pytest process; tests get databases on it, see `pg_url`."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def _redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server of the test's own, to stop, kill and start again."""
    server = Postgres.own()
    yield server
    server.remove()


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis of the test's own, to stop and start again."""
    server = Redis.own()
    yield server
    server.remove()


@pytest.fixture
def redis_url(_redis: Redis) -> str:
    """An empty Redis database."""
    _redis.empty()
    return _redis.url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    hosts.migrate(f"sqlite:///{folder / 'migrated'}")
    connection = sqlite3.connect(folder / "migrated")
    connection.execute("VACUUM INTO ?", (str(folder / "template"),))  # one file, no log beside it
    connection.close()
    return folder / "template"


@pytest.fixture(scope="session")
def _postgres_template(postgres: Postgres) -> Iterator[str]:
    url = postgres.create()
    hosts.migrate(url.render_as_string(hide_password=False))
    yield str(url.database)
    postgres.drop(url)


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file with nothing in it."""
    copy = shutil.copy(_sqlite_template, tmp_path / "zmdm.sqlite3")
    return f"sqlite:///{copy}"


@pytest.fixture
def pg_url(postgres: Postgres, _postgres_template: str) -> Iterator[str]:
    """A migrated PostgreSQL database with nothing in it."""
    url = postgres.create(_postgres_template)
    yield url.render_as_string(hide_password=False)
    postgres.drop(url)


@pytest.fixture
def make_app(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Callable[..., Flask]]:
    """Make applications whose connections are closed when the test ends."""
    marked = {
        key: value
        for mark in reversed(list(request.node.iter_markers("settings")))
        for key, value in mark.kwargs.items()
    }
    made: list[Flask] = []

    def make(database_uri: str, **settings: object) -> Flask:
        defaults = {"ZMDM_REDIS_URL": redis_url, "ZMDM_DEVICE_ANCHORS": factory_anchor()}
        app = hosts.make_app(database_uri, **{**defaults, **marked, **settings})
        made.append(app)
        return app

    yield make
    for app in made:
        hosts.close(app)


@pytest.fixture
def app(make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    """A host with the extension on SQLite."""
    return make_app(sqlite_url)


@pytest.fixture
def pg_app(make_app: Callable[..., Flask], pg_url: str) -> Flask:
    """A host with the extension on PostgreSQL."""
    return make_app(pg_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_app(request: pytest.FixtureRequest) -> Flask:
    """`app` and `pg_app`, one after the other, for what both databases must do alike."""
    name = "app" if request.param == "sqlite" else "pg_app"
    chosen: Flask = request.getfixturevalue(name)
    return chosen


@pytest.fixture
def road(app: Flask) -> Iterator[Road]:
    """`app` with all that a device needs to enroll, see tests/road.py."""
    with lay_road(app) as road:
        yield road


@pytest.fixture
def pg_road(pg_app: Flask) -> Iterator[Road]:
    """The same on PostgreSQL."""
    with lay_road(pg_app) as road:
        yield road


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A test client of `app`."""
    return app.test_client()


@pytest.fixture
def run_jobs() -> Callable[[Flask], int]:
    """`run_jobs(app)` works off the queues of `app` here and tells how many jobs ran."""
    return hosts.run_jobs


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shelf(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask]
) -> Iterator[booking.Shelf]:
    """A location of Apps & Books, on each database."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    with booking.lay_books(make_app, url) as laid:
        yield laid


@pytest.fixture
def shelf(sqlite_url: str, make_app: Callable[..., Flask]) -> Iterator[booking.Shelf]:
    """The same on SQLite alone."""
    with booking.lay_books(make_app, sqlite_url) as laid:
        yield laid


@pytest.fixture
def pg_shelf(pg_url: str, make_app: Callable[..., Flask]) -> Iterator[booking.Shelf]:
    """The same on PostgreSQL alone."""
    with booking.lay_books(make_app, pg_url) as laid:
        yield laid


class _KeepAlive(WSGIRequestHandler):
    """HTTP/1.1 keeps connections open, as devices do; and nothing is printed per request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: pytest shows what a failing test logged."""


@pytest.fixture
def live_server() -> Iterator[Callable[[Flask], str]]:
    """`live_server(app)` serves on a free local port, a thread per request, and gives the URL."""
    running: list[tuple[object, threading.Thread]] = []

    def serve(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_KeepAlive)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(5)
