"""Blueprints and artifacts in a browser: made by clicking, and looked at by axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import configured
from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import Artifact, BlueprintArtifact, Device
from zmdm_plugin.services import tags

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

_NEW = "/mdm/artifacts/new/"
_PASSCODE = "com.apple.configuration.passcode.settings"
SCREENS = (
    "/mdm/blueprints/",
    "/mdm/blueprints/1/",
    "/mdm/blueprints/edit/?blueprint=1",
    "/mdm/blueprints/1/artifacts/new/",
    "/mdm/blueprints/1/artifacts/new/?artifact=2",
    "/mdm/blueprints/1/artifacts/1/",
    "/mdm/blueprints/1/artifacts/1/remove/",
    "/mdm/artifacts/",
    "/mdm/artifacts/?q=nothing",
    "/mdm/artifacts/1/",
    "/mdm/artifacts/3/",
    "/mdm/artifacts/1/edit/",
    "/mdm/artifacts/1/devices/",
    "/mdm/artifacts/1/versions/new/",
    "/mdm/artifacts/3/versions/new/",
    "/mdm/artifacts/1/versions/3/",
    "/mdm/artifacts/3/versions/4/",
    "/mdm/artifacts/1/versions/3/scope/",
    "/mdm/artifacts/1/versions/3/difference/?from=2",
    _NEW,
    f"{_NEW}?type=profile",
    f"{_NEW}?type=cert_asset",
    f"{_NEW}?type=configuration",
    f"{_NEW}?type=configuration&declaration={_PASSCODE}",
    "/mdm/devices/1/",
)
EMPTY = ("/mdm/blueprints/", "/mdm/artifacts/", "/mdm/blueprints/edit/", _NEW)
Start = Callable[..., Visit]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, host: Flask, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    configured.lay(host)
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, host: Flask) -> None:
    configured.lay(host)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}


def test_a_profile_is_uploaded_put_into_a_blueprint_and_chosen_for_a_device(
    visit: Start, host: Flask, tmp_path: Path
) -> None:
    with host.app_context(), db.transaction():
        tags.create("Pilot")
    file = tmp_path / "wifi.mobileconfig"
    file.write_bytes(configured.wifi("open sesame"))
    one = visit()
    one.sign_in()
    _upload_a_profile(one, file)
    _put_it_into_a_blueprint(one)
    page = one.open("/mdm/devices/2/")
    page.locator("summary", has_text="Blueprint").click()
    page.get_by_label("What this device should have").select_option(label="Staff")
    page.get_by_role("button", name="Choose").click()
    page.get_by_text("The blueprint is chosen").wait_for()
    with host.app_context():
        link = db.session().scalars(sa.select(BlueprintArtifact)).one()
        assert link.scope["default_shard"] == 0
        assert db.session().get_one(Device, 2).blueprint_id == 1


def _upload_a_profile(visit: Visit, file: Path) -> None:
    page = visit.open("/mdm/artifacts/")
    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_role("link", name="Add: Configuration profile").click()
    page.get_by_label("Name").fill("Wi-Fi")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    page.get_by_text("The artifact is kept").wait_for()


def _put_it_into_a_blueprint(visit: Visit) -> None:
    page = visit.open("/mdm/blueprints/edit/")
    page.get_by_label("Name").fill("Staff")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="Add an artifact").click()
    page.get_by_role("link", name="Wi-Fi").click()
    page.get_by_label("macOS from version").fill("14")
    page.get_by_label("Shards", exact=True).fill("0")
    page.get_by_label("Shards for Pilot").fill("100")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("macOS from 14").wait_for()
    assert "only tagged “Pilot”" in page.content()


def test_a_declaration_begins_with_what_its_type_needs(visit: Start, host: Flask) -> None:
    one = visit()
    one.sign_in()
    page = one.open(f"{_NEW}?type=configuration")
    page.get_by_label("Show only rows with").fill("test")
    page.get_by_role("link", name="configuration.management.test").click()
    assert '"Echo": ""' in page.get_by_label("Declaration").input_value()
    page.get_by_label("Name").fill("Echo")
    page.get_by_label("Declaration").fill('{"Echo": 5}')
    page.get_by_role("button", name="Add").click()
    page.get_by_text("devices would refuse it").wait_for()
    assert page.locator(".findings code").inner_text() == "Echo"
    one.complaints = [text for text in one.complaints if "422" not in text]
    page.get_by_label("Declaration").fill('{"Echo": "hello"}')
    page.get_by_role("button", name="Add").click()
    page.get_by_text("The artifact is kept").wait_for()
    with host.app_context():
        row = db.session().scalars(sa.select(Artifact)).one()
        assert row.declaration_type == "com.apple.configuration.management.test"
