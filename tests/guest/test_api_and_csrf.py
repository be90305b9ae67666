"""The host's CSRFProtect does not answer for the API, whichever of the two was set up first."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from tests.api.world import add_device, program
from tests.hosts import ADMINISTRATOR, DEFAULTS
from zmdm_plugin import Zmdm


def make_host(uri: str, *, csrf_first: bool) -> Flask:
    app = Flask("zmdm_host_with_csrf")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=uri)
    database = SQLAlchemy(app)
    app.add_url_rule("/form", "form", lambda: "taken", methods=["POST"])
    if csrf_first:
        CSRFProtect(app)
    Zmdm(database).init_app(app, authorize=lambda *_: True, current_actor=lambda: ADMINISTRATOR)
    if not csrf_first:
        CSRFProtect(app)
    return app


@pytest.mark.parametrize("csrf_first", [True, False])
def test_a_program_needs_no_csrf_token_and_a_form_does(sqlite_url: str, csrf_first: bool) -> None:
    app = make_host(sqlite_url, csrf_first=csrf_first)
    path = f"devices/{add_device(app)}/block/"
    assert program(app).post(path).status_code == 200
    assert app.test_client().post("/form").status_code == 400
    assert app.test_client().post("/api/mdm/nothing/").status_code == 404
