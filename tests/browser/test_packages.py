"""Packages and applications in a browser: uploaded with a bar, and looked at by axe and a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.admin.test_packages import lay_apps
from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from tests.hosts import ADMINISTRATOR
from tests.software import pkg
from zmdm_plugin.web import packages
from zmdm_simulator import packages as built
from zmdm_simulator.packages import App

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
UPLOAD = "/mdm/packages/new/"
EMPTY = ("/mdm/packages/", "/mdm/applications/", "/mdm/applications/?q=nothing")
SCREENS = (
    *EMPTY,
    UPLOAD,
    "/mdm/packages/1/",
    "/mdm/packages/2/",
    "/mdm/applications/?q=editor",
    "/mdm/applications/?id=org.example.editor&v=4.2",
    "/mdm/artifacts/new/?type=enterprise_app",
    "/mdm/artifacts/new/?type=store_app",
)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    """The host keeps files in a folder of this test."""
    return {"ZMDM_STORAGE_FOLDER": str(tmp_path)}


def fill(host: Flask) -> None:
    """An installer, an application, and devices that have one."""
    notes = built.ipa(App("org.example.notes", "Notes", "1.0"))
    with host.app_context():
        packages.take([pkg()], actor=ADMINISTRATOR, filename="editor.pkg")
        packages.take([notes], actor=ADMINISTRATOR, filename="notes.ipa")
    lay_apps(host)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, host: Flask, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    fill(host)
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, host: Flask) -> None:
    fill(host)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}


def test_an_upload_shows_its_progress_and_leads_to_the_package(
    visit: Start, host: Flask, tmp_path: Path
) -> None:
    good, bad = tmp_path / "editor.pkg", tmp_path / "bad.pkg"
    good.write_bytes(pkg(padding_bytes=3_000_000))
    bad.write_bytes(b"xar!" + bytes(100))
    one = visit()
    one.sign_in()
    page = one.open(UPLOAD)
    page.set_input_files("#f-file", bad)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("alert").filter(has_text="unknown version").wait_for()
    one.complaints.clear()  # the browser notes each 422
    page.set_input_files("#f-file", good)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/mdm/packages/1/")
    page.get_by_text("The package is kept").wait_for()
