"""Small host applications for the tests: the ten lines of a host, settings of the test's own."""

from __future__ import annotations

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from zmdm_plugin import Actor, Zmdm
from zmdm_plugin.migrate import upgrade

ADMINISTRATOR = Actor(id="user:1", label="admin@example.com", kind="user")

DEFAULTS: dict[str, object] = {
    "SECRET_KEY": "tests only",
    "TESTING": True,
    "ZMDM_BASE_URL": "https://mdm.example.com",
}


def make_app(database_uri: str, **settings: object) -> Flask:
    """A host that lets its one administrator do everything; `settings` win over the defaults."""
    app = Flask("zmdm_test_host")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=database_uri)
    app.config.update(settings)
    db = SQLAlchemy(app)
    Zmdm(db).init_app(
        app,
        authorize=lambda actor, permission, subject: actor == ADMINISTRATOR,
        current_actor=lambda: ADMINISTRATOR,
    )
    return app


def migrate(database_uri: str) -> None:
    """Bring a database to the newest schema, as `flask zmdm db upgrade` does."""
    app = make_app(database_uri)
    upgrade(app)
    close(app)


def close(app: Flask) -> None:
    """Close every connection of `app`, so that its database can be copied or dropped."""
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
