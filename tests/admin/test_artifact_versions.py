"""Versions of an artifact on their screens: uploaded, chosen, compared, downloaded, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import configured
from tests.admin.test_artifacts import LIST, ONE, everything, newest, upload
from tests.admin.test_issuers import actions
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry
from zmdm_plugin.services.artifacts import artifacts, versions

Post = Callable[..., Any]


def test_a_new_version_is_current_for_its_scope(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    scope = {**everything("macOS"), "default_shard": "10"}
    answer = upload(browser, f"{ONE}versions/new/", configured.wifi("a third"), **scope)
    assert answer.status_code == 303
    version = newest(screens)
    assert (version.number, version.scope["default_shard"]) == (3, 10)
    page = browser.get(ONE).text
    assert "macOS; 10 of 100 shards" in page
    assert "Current version: 3" in page


def test_what_is_the_same_as_the_current_version_is_refused(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    with screens.app_context():
        current = versions.find_current(artifacts.find(1))
        assert current is not None
        body = versions.source(current)
    scope = everything("macOS", "iOS")
    answer = upload(browser, f"{ONE}versions/new/", body, **scope)
    assert answer.status_code == 422
    assert "Is the same as that of version 2" in answer.text


def test_an_older_version_is_made_current_again(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    assert post(browser, f"{ONE}versions/2/current/").status_code == 303
    with screens.app_context():
        current = versions.find_current(artifacts.find(1))
        assert current is not None
        assert current.number == 1
    assert post(browser, f"{ONE}versions/2/current/").status_code == 409
    assert actions(screens)[-1] == "artifact.make_current"


def test_the_scope_of_a_version_changes(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    path = f"{ONE}versions/3/scope/"
    assert post(browser, path, **everything("macOS")).status_code == 303
    with screens.app_context():
        assert list(versions.find(artifacts.find(1), 3).scope["platforms"]) == ["macOS"]
    assert post(browser, path, **everything()).status_code == 422


def test_a_download_needs_its_permission_and_is_in_the_audit(
    screens: Flask, make_host: Callable[..., Flask], post: Post, laid: configured.Laid
) -> None:
    answer = post(screens.test_client(), f"{ONE}versions/3/source/")
    assert b"hunter2hunter2" in answer.data
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=wifi")
    assert actions(screens)[-1] == "artifact.download_source"
    client = make_host("mdm.view_artifact", "mdm.change_*", "mdm.view_enrolled*").test_client()
    assert post(client, f"{ONE}versions/3/source/").status_code == 403
    assert "Download" not in client.get(f"{ONE}versions/3/").text


def test_two_versions_are_compared_without_their_secrets(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    upload(
        browser,
        f"{ONE}versions/new/",
        configured.wifi("hunter2hunter2", AutoJoin=False),
        **everything("macOS", "iOS"),
    )
    page = browser.get(f"{ONE}versions/5/difference/?from=3").text
    assert '<span class="added">+       &#34;AutoJoin&#34;: false' in page
    assert "hunter2" not in page
    assert "(hidden)" in page
    assert actions(screens)[-1] == "artifact.compare_sources"
    assert browser.get(f"{ONE}versions/5/difference/?from=4").status_code == 404


def test_comparing_needs_the_permission_to_download(
    make_host: Callable[..., Flask], laid: configured.Laid
) -> None:
    client = make_host("mdm.view_artifact").test_client()
    assert client.get(f"{ONE}versions/3/difference/?from=2").status_code == 403


def test_no_page_shows_what_is_secret(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    paths = (ONE, f"{ONE}versions/3/", f"{ONE}versions/new/", f"{ONE}edit/", LIST)
    assert "hunter2" not in "".join(browser.get(path).text for path in paths)
    with screens.app_context():
        kept = db.session().scalars(sa.select(AuditEntry)).all()
        assert "hunter2" not in "".join(f"{one.before}{one.after}" for one in kept)


def test_a_version_in_use_stays_and_another_goes(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    assert "have this version" in browser.get(f"{ONE}versions/3/").text
    assert post(browser, f"{ONE}versions/3/delete/").status_code == 409
    assert post(browser, f"{ONE}versions/2/delete/").status_code == 303
    assert browser.get(f"{ONE}versions/2/").status_code == 404
    assert actions(screens)[-1] == "artifact.delete_version"


def test_versions_of_another_artifact_are_not_found(
    browser: FlaskClient, laid: configured.Laid
) -> None:
    assert browser.get("/mdm/artifacts/2/versions/3/").status_code == 404
    assert browser.get(f"{ONE}versions/99999999999999999999/").status_code == 404
