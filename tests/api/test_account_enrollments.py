"""Account-driven enrollments by program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import accounts
from tests.api.test_artifacts import change
from tests.api.world import Program, audit_trail, program
from tests.road import Road
from zmdm_plugin.models import DepVirtualServer
from zmdm_plugin.services.realms import realms


@pytest.fixture
def api(road: Road) -> Program:
    return program(road.app)


@pytest.fixture
def asked(road: Road) -> dict[str, Any]:
    """A body that is good, on rows that exist."""
    with road.rows():
        realm = realms.create("Staff", "local").id
    ids = {"push_certificate": 1, "scep_issuer": 1, "realm": realm}
    return {"name": "Own devices", "mode": "mdm-byod", "domains": ["Example.com"], **ids}


def test_an_enrollment_is_made_shown_and_changed(api: Program, asked: dict[str, Any]) -> None:
    made = api.post("account_enrollments/", asked)
    assert made.status_code == 201
    assert (made.json["domains"], made.json["managed_account"]) == (
        ["example.com"],
        "$REALM_USER.EMAIL",
    )
    assert made.json["discovery_url"].endswith("/com.apple.remotemanagement")
    there = f"account_enrollments/{made.json['id']}/"
    assert api.get(there).json == made.json
    assert api.get("account_enrollments/", mode="mdm-byod").json == [made.json]
    assert api.get("account_enrollments/", revoked=True).json == []
    changed = change(api, "PATCH", there, {"reauthenticate_days": 30, "quota": 5})
    assert (changed.json["reauthenticate_days"], changed.json["quota"]) == (30, 5)


@pytest.mark.usefixtures("asked")
def test_the_command_line_names_the_server_that_vouches(api: Program, road: Road) -> None:
    with road.rows() as session:
        session.add(DepVirtualServer(name="First"))
        session.add(DepVirtualServer(name="Lab"))
    words = "zmdm account-enrollment create Own --domain example.com --virtual-server Lab"
    assert road.app.test_cli_runner().invoke(args=words.split()).exit_code == 0
    assert api.get("account_enrollments/").json[0]["virtual_server"] == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mode": "mdm-magic"}, "mode"),
        ({"domains": ["not a domain"]}, "domains"),
        ({"domains": []}, "domains"),
        ({"model_families": ["Fridge"]}, "model_families"),
        ({"managed_account": "everybody@example.com"}, "managed_account"),
        ({"managed_account": "$ENROLLED_DEVICE.UDID@example.com"}, "managed_account"),
        ({"reauthenticate_days": 0}, "reauthenticate_days"),
        ({"realm": 99}, "realm"),
        ({"virtual_server": 99}, "virtual_server"),
        ({"serial_numbers": ["C02"]}, "serial_numbers"),
    ],
)
def test_a_bad_enrollment_is_a_422(
    api: Program, asked: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    answer = api.post("account_enrollments/", {**asked, **wrong})
    assert (answer.status_code, list(answer.json["errors"]["json"])) == (422, [field])


def test_what_was_done_is_audited(road: Road, api: Program, asked: dict[str, Any]) -> None:
    made = api.post("account_enrollments/", asked).json["id"]
    api.post(f"account_enrollments/{made}/revoke/")
    assert api.post(f"account_enrollments/{made}/revoke/").status_code == 409
    entries = [(one.action, one.object_label) for one in audit_trail(road.app)]
    assert entries[:2] == [
        ("account_enrollment.create", "Own devices"),
        ("enrollment.revoke", "Own devices"),
    ]


def test_sessions_name_people_and_no_hardware(road: Road, api: Program) -> None:
    made = accounts.lay_account(road)
    phone = accounts.came_in(road)
    (session,) = api.get(f"account_enrollments/{made}/sessions/").json
    assert (session["state"], session["product"]) == ("completed", "iPhone15,2")
    assert session["username"] == accounts.ADA.username
    assert session["managed_account"] == "ada@example.com"
    assert phone.facts.serial not in str(session)
    device = api.get(f"devices/{session['device']}/").json
    assert (device["serial_number"], device["udid"]) == (None, None)


def test_an_unused_one_is_deleted_and_a_used_one_is_not(road: Road, api: Program) -> None:
    made = accounts.lay_account(road)
    unused = accounts.lay_account(road, "Other", domains=["other.example"])
    accounts.came_in(road)
    assert change(api, "DELETE", f"account_enrollments/{unused}/").status_code == 204
    assert change(api, "DELETE", f"account_enrollments/{made}/").status_code == 409


def test_another_kind_of_enrollment_is_not_found_here(api: Program) -> None:
    assert api.get("account_enrollments/1/").status_code == 404


def test_pages_follow_each_other(road: Road, api: Program) -> None:
    ids = [accounts.lay_account(road, str(n), domains=[f"d{n}.example"]) for n in range(3)]
    first = api.get("account_enrollments/", limit=2)
    cursor = json.loads(first.headers["X-Pagination"])["next_cursor"]
    second = api.get("account_enrollments/", limit=2, cursor=cursor)
    assert [one["id"] for one in first.json + second.json] == ids
