"""The id of a request: a trusted proxy's or our own, in the answer and in what comes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import program
from zmdm_plugin import db, origin
from zmdm_plugin.models import AuditEntry

GIVEN = "edge-0123456789"


def ask(app: Flask, path: str, sent: str = GIVEN, *, method: str = "GET") -> str:
    headers = {**program(app).headers, "X-Request-Id": sent}
    answer = app.test_client().open(path, method=method, headers=headers)
    return answer.headers["X-Request-Id"]


@pytest.fixture
def behind_proxy(make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    return make_app(sqlite_url, ZMDM_TRUSTED_PROXIES="127.0.0.1")


def test_a_trusted_proxys_id_is_kept(behind_proxy: Flask) -> None:
    assert ask(behind_proxy, "/api/mdm/tags/") == GIVEN
    assert ask(behind_proxy, "/public/mdm/connect/", method="PUT") == GIVEN


@pytest.mark.parametrize("sent", ["two words", "x" * 65, ""])
def test_what_is_no_id_is_replaced(behind_proxy: Flask, sent: str) -> None:
    made = ask(behind_proxy, "/api/mdm/tags/", sent)
    assert made != sent and len(made) == 16


def test_anybody_elses_id_is_replaced_in_answer_and_audit(app: Flask) -> None:
    api = program(app)
    headers = {**api.headers, "X-Request-Id": GIVEN}
    made = app.test_client().post("/api/mdm/tags/", headers=headers, json={"name": "lab"})
    assert made.status_code == 201 and made.headers["X-Request-Id"] != GIVEN
    with app.app_context():
        entry = db.session().scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None and entry.request_id == made.headers["X-Request-Id"]


def test_the_next_request_of_a_thread_begins_anew(app: Flask) -> None:
    assert ask(app, "/api/mdm/tags/") != ask(app, "/api/mdm/tags/")
    assert origin.origin() is origin.NOWHERE
