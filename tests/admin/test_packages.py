"""Packages on screens: uploaded, refused with the reason, made an artifact of; who has what."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet
from tests.admin.conftest import token
from tests.admin.test_device_list import statements
from tests.software import EDITOR, pkg
from zmdm_plugin import db
from zmdm_plugin.commands.effects import App
from zmdm_plugin.jobs import packages
from zmdm_plugin.models import (
    Application,
    Artifact,
    ArtifactVersion,
    Channel,
    Device,
    InstalledApplication,
    Package,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.applications import inventory
from zmdm_plugin.services.applications.spread import FEW
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


def test_a_package_is_fetched_by_a_job_and_a_fault_stands_at_its_field(
    browser: FlaskClient,
) -> None:
    asked = {"url": "https://example.com/editor.pkg?key=s3cret", "sha256": "ab" * 32}
    answer = browser.post(NEW, data={"csrf_token": token(browser), **asked})
    assert (answer.status_code, "/mdm/jobs/" in answer.location) == (303, True)
    page = browser.get(answer.location).text
    assert "Fetch editor.pkg" in page and "s3cret" not in page
    answer = browser.post(NEW, data={"csrf_token": token(browser), **asked, "sha256": "ab"})
    assert answer.status_code == 422
    assert "must be 64 hexadecimal digits" in answer.text


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


def test_what_many_have_is_counted_by_a_job_and_told_to_who_may_see_them_all(
    make_host: Callable[..., Flask],
) -> None:
    app = make_host("mdm.*")
    narrowed = make_host("mdm.*", row_scope=lambda *_: Device.id <= 10)
    fleet.fill(app, FEW + 100)
    with app.app_context(), db.transaction() as session:
        name = {"name": "Editor", "identifier": "org.example.editor", "search": "editor"}
        editor = Application(digest="1", version="1", short_version="1.0", **name)
        session.add(editor)
        session.flush()
        row = {"application_id": editor.id, "identifier": editor.identifier}
        still = sa.select(Channel.id).where(Channel.ended_at.is_(None))
        ids = session.scalars(still).all()
        rows = [{"channel_id": channel, **row} for channel in ids]
        session.execute(sa.insert(InstalledApplication), rows)
    path = "/mdm/applications/?q=editor"
    assert f">at least {FEW} devices and users<" in app.test_client().get(path).text
    with app.app_context():
        packages.count()
    assert f">about {len(ids)} devices and users<" in app.test_client().get(path).text
    few = sum(channel <= 10 for channel in ids)
    assert f">{few} devices and users<" in narrowed.test_client().get(path).text
