"""Two applications in one process do not mix, not even when one Zmdm serves both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from tests import hosts
from tests.road import lay_road
from zmdm_plugin import Zmdm, errors
from zmdm_plugin.migrate import upgrade
from zmdm_plugin.state import state


def bare(path: Path, name: str, **settings: object) -> Flask:
    """A Flask application with a database, without the plugin."""
    app = Flask(name)
    app.config.update(hosts.DEFAULTS, SQLALCHEMY_DATABASE_URI=f"sqlite:///{path / name}")
    app.config.update(settings)
    return app


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Flask, Flask]]:
    """Two applications around one SQLAlchemy and one Zmdm."""
    db = SQLAlchemy()
    zmdm = Zmdm(db)
    apps = bare(tmp_path, "a", ZMDM_ORGANIZATION="A"), bare(tmp_path, "b", ZMDM_ORGANIZATION="B")
    for app in apps:
        db.init_app(app)
        zmdm.init_app(app, authorize=lambda *_: True, current_actor=lambda: hosts.ADMINISTRATOR)
    yield apps
    for app in apps:
        hosts.close(app)


def test_each_keeps_its_own_settings(pair: tuple[Flask, Flask]) -> None:
    found = []
    for app in pair:
        with app.app_context():
            found.append(state().settings.organization)
    assert found == ["A", "B"]


def test_each_has_its_own_caches(pair: tuple[Flask, Flask]) -> None:
    with pair[0].app_context():
        state().cache["only in a"] = True
    with pair[1].app_context():
        assert "only in a" not in state().cache


def test_each_talks_to_its_own_database(pair: tuple[Flask, Flask]) -> None:
    urls = []
    for app in pair:
        with app.app_context():
            urls.append(state().db.engine.url.database)
    assert urls[0] != urls[1]


def test_a_second_init_app_is_refused(pair: tuple[Flask, Flask]) -> None:
    db = pair[0].extensions["sqlalchemy"]
    with pytest.raises(errors.ConfigError, match="twice"):
        Zmdm(db).init_app(pair[0], authorize=lambda *_: True, current_actor=lambda: None)


def test_a_second_application_changes_nothing_in_the_first(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    first = make_app(sqlite_url)
    rules = sorted(map(str, first.url_map.iter_rules()))
    make_app(sqlite_url, ZMDM_ADMIN_URL="/elsewhere")
    assert sorted(map(str, first.url_map.iter_rules())) == rules


def test_a_device_of_one_application_is_a_stranger_to_the_other(pair: tuple[Flask, Flask]) -> None:
    for app in pair:
        with app.app_context():
            upgrade(state().db.engine)
    with lay_road(pair[0]) as home, lay_road(pair[1]) as elsewhere:
        mac = home.enrolled()
        mac.http = elsewhere.http
        assert mac.update_token().status_code == 400
        mac.http = home.http
        assert mac.update_token().status_code == 200
