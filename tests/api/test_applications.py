"""What is installed where, page by page, however many applications the words find."""

from __future__ import annotations

import base64

import sqlalchemy as sa
from flask import Flask

from tests import fleet
from tests.api.world import Program, program
from zmdm_plugin import db
from zmdm_plugin.models import Application, Channel, InstalledApplication

MANY = 1001


def lay(app: Flask) -> None:
    """So many tools, each on one of some channels, the newest installed first."""
    fleet.fill(app, 3)
    same = {"version": "1", "short_version": "1.0", "search": "example tool", "name": "Tool"}
    numbers = range(MANY, 0, -1)
    with app.app_context(), db.transaction() as session:
        channels = session.scalars(sa.select(Channel.id).where(Channel.ended_at.is_(None))).all()
        session.execute(
            sa.insert(Application),
            [{"id": n, "digest": str(n), "identifier": f"tool.{n}", **same} for n in numbers],
        )
        session.execute(
            sa.insert(InstalledApplication),
            [
                {"channel_id": channels[n % len(channels)], "application_id": n, "name": str(n)}
                for n in numbers
            ],
        )


def test_words_that_very_many_applications_have_find_each_of_them_once(any_app: Flask) -> None:
    lay(any_app)
    pages = list(program(any_app).pages("applications/", limit=500, search="tool"))
    found = [one["name"] for page in pages for one in page]
    assert found == [str(number) for number in range(1, MANY + 1)]
    assert [len(page) for page in pages] == [500, 500, 1]


def test_a_cursor_that_names_no_application_is_no_outage(api: Program) -> None:
    cursor = base64.urlsafe_b64encode(b'["application_id",null,5]').decode().rstrip("=")
    assert api.get("applications/", search="tool", cursor=cursor).status_code == 200
