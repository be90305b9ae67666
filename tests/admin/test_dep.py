"""The screens of virtual servers and DEP devices."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import accounts
from tests.dep_road import Dep, fill, lay_dep, settings_for
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, DepVirtualServer, JobRun
from zmdm_simulator.apple.dep import PlayedDep

SERVER, DEVICE = "/mdm/dep/servers/1/", "/mdm/dep/devices/1/"


@pytest.fixture
def dep(make_host: Callable[..., Flask]) -> Iterator[Dep]:
    """A host whose user may do everything, connected, with three devices."""
    played = PlayedDep().start()
    with lay_dep(make_host("mdm.*", config=settings_for(played)), played) as laid:
        fill(played, 3)
        laid.sync()
        yield laid
    played.stop()


@pytest.fixture
def browser(dep: Dep) -> FlaskClient:
    return dep.app.test_client()


def post(browser: FlaskClient, path: str, **form: Any) -> Any:
    page = browser.get("/mdm/dep/servers/new/").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return browser.post(path, data={"csrf_token": found[1], **form})


def said(browser: FlaskClient, answer: Any) -> str:
    """The page that an answer leads to."""
    assert answer.status_code == 303, answer.text
    return browser.get(answer.location).text


def test_a_server_is_connected_by_hand(dep: Dep, browser: FlaskClient) -> None:
    answer = post(browser, "/mdm/dep/servers/new/", name="Lab")
    assert "Waits for its token" in said(browser, answer)
    key = browser.get("/mdm/dep/servers/2/public_key/").data
    token = dep.played.organization.new_server("Lab").token_file(key)
    upload = (io.BytesIO(token), "token.p7m")
    page = said(browser, post(browser, "/mdm/dep/servers/2/token/", token=upload))
    assert "Connected. The devices are being synchronized." in page
    assert "Example organization" in page


def test_a_wrong_token_is_refused_in_words_beside_its_field(browser: FlaskClient) -> None:
    post(browser, f"{SERVER}key/")
    answer = post(browser, f"{SERVER}token/", token=(io.BytesIO(b"nonsense"), "token.p7m"))
    assert answer.status_code == 422 and "not a server token" in answer.text
    assert "Choose the file." in post(browser, f"{SERVER}token/").text
    answer = post(browser, f"{SERVER}key/", do="cancel")
    assert "The token in use stays." in said(browser, answer)


def test_terms_errors_and_an_ending_token_are_shown(dep: Dep, browser: FlaskClient) -> None:
    dep.played.fail(terms_signed=False)
    dep.sync()
    assert "Apple wants new terms and conditions accepted" in browser.get(SERVER).text
    assert "Terms not accepted" in browser.get("/mdm/dep/servers/").text
    token = dep.server().token_taken_at
    dep.change(access_token_expiry=token, terms_not_signed_at=None)
    assert "The server token expired" in browser.get("/mdm/dep/servers/").text
    for page, button in ((SERVER, "sync/"), (DEVICE, "refresh/"), (DEVICE, "disown/")):
        text = browser.get(page).text
        assert "The server token expired" in text and f"{page}{button}" not in text


def test_synchronizing_is_a_job_and_a_second_one_leads_to_it(
    dep: Dep, browser: FlaskClient
) -> None:
    first = post(browser, f"{SERVER}sync/", do="full")
    second = post(browser, f"{SERVER}sync/")
    assert first.location == second.location and "/mdm/jobs/" in first.location
    assert "Synchronizing" in browser.get(SERVER).text
    with dep.app.app_context():
        run = db.session().scalars(sa.select(JobRun).order_by(JobRun.id.desc())).first()
        assert run is not None and run.arguments == {"server": 1, "full": True}


def test_the_default_enrollment_is_chosen_and_taken_back(dep: Dep, browser: FlaskClient) -> None:
    staff = dep.enrollment("Staff")
    post(browser, f"{SERVER}default/", enrollment=str(staff))
    assert dep.server().default_enrollment_id == staff
    assert "Staff</option>" in browser.get(SERVER).text
    post(browser, f"{SERVER}default/", enrollment="")
    assert dep.server().default_enrollment_id is None
    assert post(browser, f"{SERVER}default/", enrollment="99").status_code == 422


def test_beta_tokens_are_fetched_when_asked(dep: Dep, browser: FlaskClient) -> None:
    assert "iOS 27 Beta" in post(browser, f"{SERVER}betas/").text
    dep.played.fail(beta=False)
    assert "turned off" in post(browser, f"{SERVER}betas/").text


def test_devices_are_found_and_a_strange_filter_is_none(dep: Dep, browser: FlaskClient) -> None:
    serials = list(dep.played.organization.server().books.devices)
    page = browser.get(f"/mdm/dep/devices/?q={serials[0][2:9].lower()}").text
    assert serials[0] in page and serials[1] not in page
    for path in ("?enrollment=x&virtual_server=9e9", "?order=none", "?cursor=zzz&show=gone"):
        assert browser.get(f"/mdm/dep/devices/{path}").status_code in (200, 422)


def test_some_or_all_are_assigned_after_a_look(dep: Dep, browser: FlaskClient) -> None:
    staff = dep.enrollment("Staff")
    page = browser.get("/mdm/dep/devices/assign/?id=1&id=2").text
    assert "Assign to 2 devices" in page
    which = '{"ids": [1, 2]}'
    answer = post(browser, "/mdm/dep/devices/assign/", which=which, enrollment=str(staff))
    assert "/mdm/jobs/" in answer.location
    dep.converge()
    rest = browser.get("/mdm/dep/devices/assign/?all=1&assignment=none").text
    assert "Assign to 1 device" in rest
    which = '{"filter": {"assignment": "none", "deleted": false}}'
    form = {"which": which, "enrollment": str(staff)}
    assert post(browser, "/mdm/dep/devices/assign/", **form, count="0").status_code == 422
    assert post(browser, "/mdm/dep/devices/assign/", **form, count="1").status_code == 303
    dep.converge()
    assert dep.differences() == {}
    assert post(browser, "/mdm/dep/devices/assign/", which="{").status_code == 404


def test_a_device_is_assigned_and_refreshed_on_its_page(dep: Dep, browser: FlaskClient) -> None:
    staff = dep.enrollment("Staff")
    post(browser, f"{DEVICE}assign/", enrollment=str(staff))
    dep.converge()
    serial = next(iter(dep.played.organization.server().books.devices))
    dep.played.organization.server().books.devices[serial]["asset_tag"] = "fresh"
    page = said(browser, post(browser, f"{DEVICE}refresh/"))
    assert "fresh" in page and "Assigned" in page
    dep.played.organization.remove([serial])
    answer = post(browser, f"{DEVICE}refresh/")
    assert answer.status_code == 409 and "NOT_ACCESSIBLE" in answer.text


def test_disowning_asks_twice_and_is_audited(dep: Dep, browser: FlaskClient) -> None:
    serial = next(iter(dep.played.organization.server().books.devices))
    path = f"{DEVICE}disown/"
    assert "cannot be taken back" in browser.get(path).text
    for form in ({}, {"serial_number": serial}, {"serial_number": "X", "sure": "1"}):
        assert post(browser, path, **form).status_code == 422
    assert serial in dep.played.organization.server().books.devices
    page = said(browser, post(browser, path, serial_number=serial, sure="1"))
    assert "The device is disowned." in page
    with dep.app.app_context():
        query = sa.select(AuditEntry.action).where(AuditEntry.action == "dep_device.disown")
        assert db.session().scalar(query) is not None
        assert db.session().scalar(sa.select(sa.func.count(DepVirtualServer.id))) == 1


def test_an_enrollment_is_taken_off_one_or_many(dep: Dep, browser: FlaskClient) -> None:
    dep.default(dep.enrollment("Staff"))
    dep.converge()
    post(browser, f"{DEVICE}assign/", enrollment="none")
    assert "To be taken off" in browser.get(DEVICE).text
    dep.converge()
    assert "No profile, as wanted" in browser.get(DEVICE).text
    form = {"which": '{"filter": {"assignment": "assigned"}}', "count": "2", "enrollment": "none"}
    assert post(browser, "/mdm/dep/devices/assign/", **form).status_code == 303
    dep.converge()
    books = dep.played.organization.server().books.devices.values()
    assert {one["profile_status"] for one in books} == {"removed"}


def test_a_server_is_disconnected_after_asking_twice(dep: Dep, browser: FlaskClient) -> None:
    page = browser.get(f"{SERVER}disconnect/").text
    assert "What is known of 3 devices" in page
    for form in ({"name": "MDM"}, {"name": "MDN", "sure": "y"}):
        assert post(browser, f"{SERVER}disconnect/", **form).status_code == 422
    answer = post(browser, f"{SERVER}disconnect/", name="MDM", sure="y")
    assert "Connect again" in said(browser, answer)
    assert "Disconnected" in browser.get("/mdm/dep/servers/").text
    gone = post(browser, f"{SERVER}disconnect/", name="MDM", sure="y", forget="y")
    assert "/mdm/jobs/" in gone.location
    dep.converge()
    assert browser.get(SERVER).status_code == 404


def test_the_overview_says_which_devices_need_somebody(dep: Dep, browser: FlaskClient) -> None:
    assert "DEP devices without an enrollment" in browser.get("/mdm/").text
    dep.default(dep.enrollment("Staff"))
    dep.converge()
    assert "DEP devices" not in browser.get("/mdm/").text.partition("<main")[2]
    serial = next(iter(dep.played.organization.server().books.devices))
    dep.played.fail(devices={serial: ["FAILED"]})
    dep.define(dep.server().default_enrollment_id or 0)
    dep.converge()
    assert "DEP devices that Apple does not assign" in browser.get("/mdm/").text


def test_apple_is_asked_and_told_where_people_enroll(dep: Dep, browser: FlaskClient) -> None:
    dep.enrollment("Staff")  # what every enrollment needs
    there = f"/mdm/account_enrollments/{accounts.lay(dep.app)}/"
    assert "nowhere" in post(browser, f"{there}apple/", virtual_server="1").text
    answer = post(browser, f"{there}apple/", virtual_server="1", do="tell")
    assert "Apple sends people here." in said(browser, answer)
    assert "which is this enrollment" in post(browser, f"{there}apple/", virtual_server="1").text
    dep.played.fail(terms_signed=False)
    refused = post(browser, f"{there}apple/", virtual_server="1", do="tell")
    assert refused.status_code == 409 and "terms and conditions" in refused.text
