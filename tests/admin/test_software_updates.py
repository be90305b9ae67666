"""The screens of software updates: the list, enforcements, and who gets what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.updates import Updates, lay_updates, settings_for
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device, SoftwareUpdateEnforcement
from zmdm_plugin.services import tags
from zmdm_plugin.services.software_updates import enforcements, progress
from zmdm_simulator.software_lookup import PlayedSoftwareLookup

EDIT = "/mdm/software_update_enforcements/edit/"
ONE = "/mdm/software_update_enforcements/1/"
LATEST = {
    "name": "Newest",
    "mode": "latest",
    "platforms": ["macOS"],
    "max_os_version": "27",
    "delay_days": "14",
    "local_time": "09:30",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lookup")


@pytest.fixture
def updates(make_host: Callable[..., Flask], folder: Path) -> Iterator[Updates]:
    """A host whose user may do everything, and a Mac in the blueprint "Staff"."""
    lookup = PlayedSoftwareLookup(folder).start()
    app = make_host("mdm.*", config=settings_for(lookup))
    with lay_updates(app, lookup) as laid:
        laid.device()
        yield laid
    lookup.stop()


@pytest.fixture
def browser(updates: Updates) -> FlaskClient:
    return updates.app.test_client()


def row(updates: Updates) -> SoftwareUpdateEnforcement | None:
    with updates.app.app_context():
        found = db.session().get(SoftwareUpdateEnforcement, 1)
        if found is not None:
            db.session().expunge(found)
        return found


def test_an_empty_list_says_how_to_fill_it(browser: FlaskClient) -> None:
    page = browser.get("/mdm/software_updates/").text
    assert "has not been read yet" in page
    assert "Fetch now" in page


def test_the_list_is_fetched_with_progress(
    updates: Updates, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = post(browser, "/mdm/software_updates/sync/")
    assert answer.status_code == 303
    assert "/mdm/jobs/" in answer.location
    assert "Fetch Apple" in browser.get(answer.location).text
    again = post(browser, "/mdm/software_updates/sync/")
    assert again.location == answer.location
    assert "See how far it is" in browser.get("/mdm/software_updates/").text


def test_releases_are_shown_with_their_state(updates: Updates, browser: FlaskClient) -> None:
    updates.sync()
    updates.lookup.withdraw("15.7.3")
    updates.sync()
    page = browser.get("/mdm/software_updates/?platform=macOS").text
    assert "macOS 26.2" in page
    assert "Background improvement" in page
    assert "15.7.3" not in page
    assert "Withdrawn" in browser.get("/mdm/software_updates/?show=gone").text
    found = browser.get("/mdm/software_updates/?device=iPad13,4").text
    assert "17.7.10" in found
    assert "macOS" not in found.partition("<tbody>")[2]


def test_a_failed_fetch_is_said(updates: Updates, browser: FlaskClient) -> None:
    updates.sync()
    updates.lookup.fail(status=503)
    updates.sync()
    page = browser.get("/mdm/software_updates/").text
    assert "could not be fetched" in page
    assert "answered 503" in page
    assert "macOS 26.2" in page


def test_an_enforcement_is_made_by_a_form(
    updates: Updates, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    with updates.app.app_context(), db.transaction():
        tags.create("Pilot")
    answer = post(browser, EDIT, **LATEST, tags=["1"], blueprints=["1"])
    assert (answer.status_code, answer.location) == (303, ONE)
    made = row(updates)
    assert made is not None
    assert (made.max_os_version, made.delay_days, made.local_time) == ("27", 14, "09:30:00")
    page = browser.get(ONE).text
    assert "The newest below 27, 14 days after it is released, at 09:30." in page
    assert "Pilot" in page
    assert "Staff" in page


def test_fields_of_the_other_mode_do_not_count(
    updates: Updates, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    once = {**LATEST, "mode": "once", "os_version": "26.2", "local_datetime": "2026-12-24T09:30"}
    assert post(browser, EDIT, **once).status_code == 303
    made = row(updates)
    assert made is not None
    assert (made.os_version, made.local_datetime) == ("26.2", "2026-12-24T09:30:00")
    assert (made.max_os_version, made.delay_days) == ("", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"platforms": []}, "Name at least one of"),
        ({"max_os_version": ""}, "Say below which version"),
        ({"delay_days": "soon"}, "Must lie between 0 and 120"),
        ({"local_time": "noon"}, "Must be a time of day"),
        ({"mode": "once"}, "Say which version"),
        ({"blueprints": ["x"]}, "Tick those that are offered"),
        ({"name": ""}, "Must have 1 to 256 characters"),
    ],
)
def test_a_fault_is_said_and_nothing_has_to_be_typed_again(
    updates: Updates,
    browser: FlaskClient,
    post: Callable[..., Any],
    changes: dict[str, Any],
    words: str,
) -> None:
    asked = {**LATEST, "details_url": "https://intranet.example.com/", **changes}
    answer = post(browser, EDIT, **asked)
    assert answer.status_code == 422
    assert words in answer.text
    assert "https://intranet.example.com/" in answer.text
    assert row(updates) is None


def test_an_enforcement_is_changed_and_deleted(
    updates: Updates, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    post(browser, EDIT, **LATEST, blueprints=["1"])
    page = browser.get(f"{EDIT}?enforcement=1").text
    assert 'value="27"' in page
    assert 'name="blueprints" value="1" checked' in page
    assert post(browser, f"{ONE}delete/").status_code == 409
    changed = post(browser, f"{EDIT}?enforcement=1", **{**LATEST, "max_os_version": "28"})
    assert changed.status_code == 303
    assert post(browser, f"{ONE}delete/").status_code == 303
    assert row(updates) is None
    with updates.app.app_context():
        actions = db.session().scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [action.rpartition(".")[2] for action in actions] == ["create", "change", "delete"]


def test_the_page_says_which_device_gets_what_and_when(
    updates: Updates, browser: FlaskClient
) -> None:
    updates.sync()
    old = updates.device("MacBookPro14,1")
    updates.enforce(platforms=["macOS"], delay_days=30)
    page = browser.get(ONE).text
    assert "26.2" in page
    assert "25C56" in page
    assert "nforced updates need macOS 14.0" in page
    with updates.app.app_context(), db.transaction() as session:
        state = {"install-state": "failed", "failure-reason": {"count": 1, "reason": "No space."}}
        progress.take(session.get_one(Device, old), {"softwareupdate": state})
    assert "It failed once: No space." in browser.get(ONE).text


def test_the_list_of_enforcements_counts_devices(updates: Updates, browser: FlaskClient) -> None:
    updates.sync()
    updates.enforce()
    updates.refresh(1)
    page = browser.get("/mdm/software_update_enforcements/").text
    assert 'data-label="Told now" class="number">1<' in page
    with updates.app.app_context():
        assert enforcements.find(1).name in page


def test_whoever_may_only_see_is_offered_no_change(
    make_host: Callable[..., Flask], updates: Updates
) -> None:
    updates.enforce()
    seeing = make_host("mdm.view_*").test_client()
    assert "Fetch now" not in seeing.get("/mdm/software_updates/").text
    assert "Update</a>" not in seeing.get(ONE).text
    assert seeing.get(EDIT).status_code == 403
    assert make_host("mdm.view_enrolleddevice").test_client().get(ONE).status_code == 403


def test_a_device_has_a_page_of_its_updates(updates: Updates, browser: FlaskClient) -> None:
    page = browser.get("/mdm/devices/1/software_updates/").text
    assert "nothing: its blueprint enforces no updates" in page
    updates.sync()
    updates.enforce(details_url="https://intranet.example.com/")
    updates.refresh(1)
    page = browser.get("/mdm/devices/1/software_updates/").text
    assert "<b>26.2</b>" in page
    assert "is the newest below 27" in page
    updates.set(1, os_version="26.2", build_version="25C56")
    updates.refresh(1)
    page = browser.get("/mdm/devices/1/software_updates/").text
    assert "Installed" in page
    assert "up to date" in page
