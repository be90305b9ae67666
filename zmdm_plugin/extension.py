"""Zmdm: the one composition root; init_app is a list of calls and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

from zmdm_plugin import db as database
from zmdm_plugin import logs
from zmdm_plugin.admin import register_admin
from zmdm_plugin.blueprints.api import register_api
from zmdm_plugin.blueprints.apple import register_apple
from zmdm_plugin.blueprints.device import register_device
from zmdm_plugin.blueprints.ops import register_ops
from zmdm_plugin.blueprints.signin import register_sign_in
from zmdm_plugin.cli import register_cli
from zmdm_plugin.config import Settings
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.secretbox import SecretBox
from zmdm_plugin.services import key_ring
from zmdm_plugin.state import NAME, Authorize, CurrentActor, RowScope, State

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy


class Zmdm:
    """An Apple MDM server inside a Flask application.

    `Zmdm(db).init_app(app, authorize=…, current_actor=…)`; keeps nothing of the application on
    itself, so that one instance serves several. Raises ConfigError with every fault at once.
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db

    def init_app(
        self,
        app: Flask,
        admin: Any = None,
        *,
        authorize: Authorize,
        current_actor: CurrentActor,
        row_scope: RowScope | None = None,
    ) -> None:
        """Register everything; `db.init_app(app)` must have been called before."""
        self._register_state(app, authorize, current_actor, row_scope)
        self._register_database(app)
        register_cli(app)
        register_device(app)
        register_apple(app)
        register_sign_in(app)
        register_api(app)
        register_ops(app)
        register_admin(app, admin)

    def _register_state(
        self,
        app: Flask,
        authorize: Authorize,
        current_actor: CurrentActor,
        row_scope: RowScope | None,
    ) -> None:
        if NAME in app.extensions:
            raise ConfigError("Zmdm.init_app was called twice for this application")
        if "sqlalchemy" not in app.extensions:
            raise ConfigError("call db.init_app(app) before Zmdm(db).init_app(app)")
        settings = Settings.from_mapping(app.config)
        if settings.json_logs:
            logs.write_json()
        app.extensions[NAME] = State(
            application=app,
            settings=settings,
            db=self.db,
            box=SecretBox.from_keys(settings.sealing_keys),
            authorize=authorize,
            current_actor=current_actor,
            row_scope=row_scope,
        )

    def _register_database(self, app: Flask) -> None:
        with app.app_context():
            database.prepare_engine(self.db.engine)
            key_ring.check(self.db.engine, app.extensions[NAME].box)
        database.watch_flushes(self.db.session)
