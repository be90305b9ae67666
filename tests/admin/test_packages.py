"""Packages on screens: uploaded, refused with the reason, made an artifact of; who has what."""

from __future__ import annotations

import io
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.conftest import token
from tests.admin.test_device_list import statements
from tests.software import EDITOR, pkg
from zmdm_plugin import db
from zmdm_plugin.commands.effects import App
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel, Package
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.applications import inventory
from zmdm_simulator import packages as built

NEW = "/mdm/packages/new/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


def send(client: FlaskClient, data: bytes, **headers: str) -> Any:
    form = {"csrf_token": token(client), "file": (io.BytesIO(data), "editor.pkg")}
    return client.post(NEW, data=form, content_type="multipart/form-data", headers=headers)


def test_an_upload_leads_to_what_it_brings(browser: FlaskClient) -> None:
    answer = send(browser, pkg())
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert EDITOR.identifier in page
    assert "Developer ID Installer: Example" in page
    assert EDITOR.name in browser.get("/mdm/packages/").text


def test_a_script_is_told_where_to_go_or_what_is_wrong(browser: FlaskClient) -> None:
    assert send(browser, pkg(), **SCRIPT).json == {"to": "/mdm/packages/1/"}
    refused = send(browser, built.pkg(EDITOR, signer=None), **SCRIPT)
    assert refused.status_code == 422
    assert "not signed" in refused.json["error"]


def test_without_a_script_the_page_says_why_it_was_refused(browser: FlaskClient) -> None:
    answer = send(browser, b"something else")
    assert answer.status_code == 422
    assert "neither an installer package" in answer.text


def test_an_artifact_is_made_of_a_package(browser: FlaskClient, screens: Flask) -> None:
    send(browser, pkg())
    path = "/mdm/artifacts/new/?type=enterprise_app"
    assert "Corporate Editor 4.2.1" in browser.get(path).text
    fields = {"name": "Editor", "platforms": ["macOS"], "package": "1", "auto_update": "1"}
    fields |= {"install_as_managed": "1", "configuration": '{"Server": "s3cret.example"}'}
    answer = browser.post(path, data={"csrf_token": token(browser), **fields})
    assert answer.status_code == 303
    with screens.app_context():
        version = db.session().scalars(sa.select(ArtifactVersion)).one()
        assert version.content["install_as_managed"] is True
        assert version.content["configured"] is True
    assert "s3cret" not in browser.get(answer.location).text


def test_a_fault_stands_at_its_field(browser: FlaskClient, screens: Flask) -> None:
    send(browser, pkg())
    path = "/mdm/artifacts/new/?type=enterprise_app"
    fields = {"name": "Editor", "platforms": ["macOS"], "package": "1", "take_over": "1"}
    answer = browser.post(path, data={"csrf_token": token(browser), **fields})
    assert answer.status_code == 422
    assert "installed as managed" in answer.text
    with screens.app_context():
        assert db.session().scalars(sa.select(Artifact)).all() == []


def test_a_package_that_nothing_installs_is_deleted(browser: FlaskClient, screens: Flask) -> None:
    send(browser, pkg())
    browser.post("/mdm/packages/1/delete/", data={"csrf_token": token(browser)})
    with screens.app_context():
        assert db.session().scalars(sa.select(Package)).all() == []


def lay_apps(app: Flask) -> None:
    """The same editor on every device, in two versions."""
    with app.app_context(), db.transaction() as session:
        for number, channel in enumerate(session.scalars(sa.select(Channel))):
            version = "4.2" if number % 2 else "4.1"
            one = App(identifier="org.example.editor", name="Editor", short_version=version)
            inventory.listed(channel, [one], now=utcnow())


def test_applications_are_found_by_words_with_their_devices(
    browser: FlaskClient, screens: Flask
) -> None:
    lay_apps(screens)
    page = browser.get("/mdm/applications/?q=EDIT example").text
    assert page.count("org.example.editor</td>") == 2
    assert statements(screens, "/mdm/applications/?q=edit") < 12
    devices = browser.get("/mdm/applications/?id=org.example.editor&v=4.2").text
    assert "4.2" in devices
    assert "4.1" not in devices
    export = browser.get("/mdm/applications/export/?id=org.example.editor").text
    assert export.count("org.example.editor") > 30
