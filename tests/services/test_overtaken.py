"""Two who do the same at one moment on PostgreSQL: the slower is told so, and nothing breaks."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests.admin.conftest import token
from tests.admin.test_artifacts import NEW, SETTINGS
from tests.api.world import program
from tests.shelf import mobileconfig
from zmdm_plugin import db
from zmdm_plugin.models import Artifact

WAITS = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
SAID = "somebody else changed the same at this moment"


def overtaken(app: Flask, slower: Callable[[], Any]) -> Any:
    """What `slower` is answered, which makes an artifact VPN while another transaction has."""
    with app.app_context():
        engine = db.engine()
    with Session(engine) as quicker, ThreadPoolExecutor(1) as threads:
        row = {"name": "VPN", "type": "profile", "channel": "device", "platforms": ["macOS"]}
        quicker.add(Artifact(**row, identifier="org.example.quicker"))
        quicker.flush()
        coming = threads.submit(slower)
        ends = time.monotonic() + 60
        with engine.connect() as looking:
            while not looking.scalar(WAITS) and not coming.done() and time.monotonic() < ends:
                time.sleep(0.02)
        quicker.commit()
        return coming.result(60)


def test_a_program_that_was_overtaken_is_told_so(pg_app: Flask) -> None:
    api = program(pg_app)
    asked = {"type": "profile", "name": "VPN", "platforms": ["macOS"]}
    answer = overtaken(pg_app, lambda: api.post("artifacts/", asked))
    assert (answer.status_code, SAID in answer.json["message"]) == (409, True)


def test_an_administrator_who_was_overtaken_is_told_so(pg_app: Flask) -> None:
    browser = pg_app.test_client()
    form = f"{NEW}?type=profile"
    data = {"csrf_token": token(browser, form), **SETTINGS}
    file = (io.BytesIO(mobileconfig()), "some.mobileconfig")
    answer = overtaken(
        pg_app,
        lambda: browser.post(
            form, data={**data, "source": file}, content_type="multipart/form-data"
        ),
    )
    assert (answer.status_code, "omebody else changed" in answer.text) == (409, True)
