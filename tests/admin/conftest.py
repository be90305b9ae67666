"""Hosts for the screens: who acts and what they may do is the test's to say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

from tests import configured, fleet, hosts
from zmdm_plugin import Actor, Zmdm

SOMEBODY = Actor(id="user:7", label="somebody@example.com")
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def make_host(sqlite_url: str) -> Iterator[Callable[..., Flask]]:
    """`make_host("mdm.view_*", actor=…)`: a host whose one user holds these permissions."""
    made: list[Flask] = []

    def make(*permissions: str, actor: Actor | None = SOMEBODY, **options: Any) -> Flask:
        app = hosts.Host("zmdm_screens")
        config = options.pop("config", {})
        app.config.update(hosts.DEFAULTS, SQLALCHEMY_DATABASE_URI=sqlite_url, **config)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        Zmdm(SQLAlchemy(app)).init_app(
            app,
            options.pop("admin", None),
            authorize=lambda _actor, name, _subject: any(fnmatchcase(name, p) for p in permissions),
            current_actor=lambda: actor,
            **options,
        )
        made.append(app)
        return app

    yield make
    for app in made:
        hosts.close(app)


@pytest.fixture
def screens(make_host: Callable[..., Flask]) -> Flask:
    """A host whose user may do everything, with forty devices, the first of which has a past."""
    app = make_host("mdm.*")
    fleet.fill(app, 40)
    fleet.live(app)
    return app


@pytest.fixture
def browser(screens: Flask) -> FlaskClient:
    """Somebody who may do everything."""
    return screens.test_client()


@pytest.fixture
def laid(screens: Flask) -> configured.Laid:
    """The same host with a blueprint and artifacts, which are on its devices."""
    return configured.lay(screens)


def token(client: FlaskClient, path: str = "/mdm/devices/1/") -> str:
    """The token of a form on a page."""
    found = _TOKEN.search(client.get(path).text)
    assert found is not None
    return found[1]


@pytest.fixture
def post() -> Callable[..., Any]:
    """`post(client, path, field=…)` sends a form with a valid token."""

    def send(client: FlaskClient, path: str, **fields: Any) -> Any:
        return client.post(path, data={"csrf_token": token(client), **fields})

    return send
