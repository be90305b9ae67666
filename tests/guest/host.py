"""A host that was there before us: own table, people, flask-admin and smorest Api, own error pages.

`make_host(uri)` is the host with the plugin, `make_host(uri, plugin=False)` the same without it.
`flask --app tests.guest.host:create_app` runs its command line on `GUEST_DATABASE`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from flask import Flask, Response, abort, session
from flask.views import MethodView
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_migrate import Migrate
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from tests.hosts import ADMINISTRATOR, DEFAULTS
from zmdm_plugin import Zmdm, include_name

Setup = Callable[[Flask], object]


def make_host(
    uri: str,
    *,
    plugin: bool = True,
    before: Setup | None = None,
    after: Setup | None = None,
    **config: object,
) -> Flask:
    """Build it; `before` and `after` run just before and after the plugin is initialised."""
    app = Flask("guest_host")
    zmdm_keys = DEFAULTS if plugin else {"SECRET_KEY": DEFAULTS["SECRET_KEY"], "TESTING": True}
    app.config.update(zmdm_keys, SQLALCHEMY_DATABASE_URI=uri, PROPAGATE_EXCEPTIONS=False)
    app.config.update(API_TITLE="Library", API_VERSION="1", OPENAPI_VERSION="3.1.0", **config)
    db = SQLAlchemy(app)
    Migrate(app, db, include_name=_everything if os.environ.get("GUEST_NAIVE") else include_name)
    admin = _library(app, db)
    if before:
        before(app)
    if plugin:
        Zmdm(db).init_app(
            app,
            admin,
            authorize=lambda actor, permission, subject: actor == ADMINISTRATOR,
            current_actor=lambda: ADMINISTRATOR if session.get("user") else None,
        )
    if after:
        after(app)
    return app


def create_app() -> Flask:
    """For the command line."""
    return make_host(os.environ["GUEST_DATABASE"])


def _everything(_name: str | None, _type: str, _parents: object) -> bool:
    return True


def _library(app: Flask, db: SQLAlchemy) -> Admin:
    """The host's own things."""

    class Book(db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]

    books = Blueprint("books", __name__, url_prefix="/api/books")

    @books.route("/<int:book_id>")
    class OneBook(MethodView):
        @books.response(200)
        def get(self, book_id: int) -> dict[str, int]:
            return {"id": book_id} if book_id == 1 else abort(404)

    Api(app).register_blueprint(books)
    admin = Admin(app, name="Library")
    admin.add_view(ModelView(Book, db, endpoint="book"))
    app.add_url_rule("/", "home", lambda: "<h1>Library</h1>")
    app.add_url_rule("/boom", "boom", lambda: str(1 // 0))
    app.add_url_rule("/sign-in", "sign_in", _sign_in, methods=["POST"])
    app.register_error_handler(403, lambda error: ("<h1>Not yours</h1>", 403))
    app.register_error_handler(500, lambda error: ("<h1>Broken</h1>", 500))
    return admin


def _sign_in() -> Response:
    session["user"] = "admin@example.com"
    return Response("welcome")
