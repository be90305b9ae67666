"""The application factory: the host's own things first, then the plugin as a guest."""

from __future__ import annotations

import os
from logging.config import dictConfig
from typing import Any

from flask import Flask, Response, render_template
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from host_app import config
from host_app.accounts import authorize, current_actor, login_manager, site
from host_app.models import db
from zmdm_plugin import Zmdm

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "zmdm_plugin.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
}
"""One JSON object a line, of the host and the plugin alike, with the id of the request."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(**overrides: Any) -> Flask:
    """Build the host; `overrides` are configuration keys that win over file and environment."""
    folder = os.environ.get("HOST_APP_INSTANCE", "instance")
    app = Flask(__name__, instance_path=os.path.abspath(folder), instance_relative_config=True)
    config.load(app, overrides)
    if str(app.config["JSON_LOGS"]).lower() in {"1", "true", "yes"}:
        dictConfig(LOGGING)
    db.init_app(app)
    login_manager.init_app(app)
    CSRFProtect(app)
    app.register_blueprint(site)
    app.register_error_handler(HTTPException, _error_page)
    app.after_request(_add_headers)
    app.cli.command("create-tables")(db.create_all)
    Zmdm(db).init_app(app, authorize=authorize, current_actor=current_actor)
    if hops := int(app.config["PROXY_HOPS"]):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _error_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    """People get a page; redirects and ready answers pass."""
    if error.code is None or error.code < 400 or error.response is not None:
        return error
    return render_template("error.html", error=error), error.code


def _add_headers(response: Response) -> Response:
    """Strict by default; a blueprint that has set its own policy keeps it."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
