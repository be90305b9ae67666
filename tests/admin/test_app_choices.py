"""Which app an artifact installs is chosen on its form, however many there are to choose from."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.test_artifacts import NEW
from tests.books import lay_rows
from zmdm_plugin import db
from zmdm_plugin.models import Asset, LocationAsset
from zmdm_plugin.models.base import utcnow


@pytest.fixture
def last(screens: Flask) -> int:
    """A location with 501 apps; the last one by name."""
    with screens.app_context(), db.transaction() as session:
        first = lay_rows(session)
        session.execute(sa.update(Asset).values(name="App 000"))
        facts = {"pricing_param": "STDQ", "product_type": "App", "device_assignable": True}
        apps = [
            Asset(adam_id=f"{n}", name=f"App {n:03}", supported_platforms=["iOS"], **facts)
            for n in range(1, 501)
        ]
        session.add_all(apps)
        session.flush()
        rows = [LocationAsset(location_id=first.location_id, asset_id=one.id) for one in apps]
        session.add_all(rows)
        session.flush()
        return rows[-1].id


def chosen(page: str) -> list[str]:
    return [unescape(one) for one in re.findall(r"<option [^>]*selected>([^<]*)", page)]


def test_an_artifact_is_begun_with_the_page_of_its_app(browser: FlaskClient, last: int) -> None:
    assert "App 500" not in browser.get(f"{NEW}?type=store_app").text
    app = browser.get(f"/mdm/store_apps/{last}/").text
    link = f"{NEW}?type=store_app&location_asset={last}"
    assert f'href="{link}"' in unescape(app)
    page = browser.get(link).text
    assert chosen(page)[0] == "App 500 (Berlin)"


def test_what_a_location_no_longer_has_is_not_offered(browser: FlaskClient, last: int) -> None:
    app = browser.application
    with app.app_context(), db.transaction() as session:
        session.execute(
            sa.update(LocationAsset).where(LocationAsset.id != last).values(withdrawn_at=utcnow())
        )
    page = browser.get(f"{NEW}?type=store_app").text
    assert ("App 500 (Berlin)" in page, "App 001" in page) == (True, False)
    assert browser.get(f"{NEW}?type=store_app&location_asset=x").status_code == 200
