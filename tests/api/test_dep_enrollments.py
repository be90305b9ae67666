"""ADE enrollments by program: every field, Apple's limits, and what became of the profile there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.ade import Ade, lay_ade, settings_for
from tests.api.world import Program, audit_trail, program, statements
from tests.people import lay_realm
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS
from zmdm_simulator.apple.dep import PlayedDep

PATH = "dep_enrollments/"


@pytest.fixture
def ade(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Ade]:
    played = PlayedDep().start()
    with lay_ade(make_app(sqlite_url, **settings_for(played)), played) as laid:
        yield laid
    played.stop()


@pytest.fixture
def api(ade: Ade) -> Program:
    return program(ade.road.app)


def asked(ade: Ade, **more: Any) -> dict[str, Any]:
    """A body that is good."""
    ids = {"virtual_server": ade.server_id, "push_certificate": 1, "scep_issuer": 1}
    return {"name": "Staff", **ids, **more}


def everything(ade: Ade) -> dict[str, Any]:
    """Every field at once, none contradicting another."""
    return {
        "display_name": "Example Ltd",
        "realm": lay_realm(ade.road),
        "realm_required": True,
        "quota": 100,
        "serial_numbers": ["C02A"],
        "udids": None,
        "profile_name": "Staff devices",
        "department": "IT",
        "org_magic": "MAGIC",
        "support_email_address": "help@example.com",
        "support_phone_number": "+49 30 1234",
        "language": "de",
        "region": "DE",
        "allow_pairing": False,
        "await_device_configured": True,
        "is_mandatory": True,
        "is_mdm_removable": False,
        "is_multi_user": False,
        "is_supervised": True,
        "is_return_to_service": True,
        "do_not_use_profile_from_backup": True,
        "skip_setup_items": ["AppleID", "Siri"],
        "ios_min_version": "latest",
        "macos_min_version": "26.1",
        "visionos_min_version": "26",
        "use_realm_user": True,
        "username_pattern": "$REALM_USER.DEVICE_USERNAME",
        "realm_user_is_admin": False,
        "lock_primary_account_info": True,
        "admin_full_name": "Local Administrator",
        "admin_short_name": "ladmin",
        "hidden_admin": True,
        "admin_password_complexity": 2,
        "admin_password_rotation_delay": 30,
    }


def test_what_is_asked_for_is_kept_and_shown_and_defined_at_apple(ade: Ade, api: Program) -> None:
    given = everything(ade)
    made = api.post(PATH, asked(ade, **given))
    assert made.status_code == 201, made.json
    assert {name: made.json[name] for name in given} == given
    assert made.json["profile"]["state"] == "wanted"
    ade.define()
    shown = api.get(f"{PATH}{made.json['id']}/").json
    assert (shown["profile"]["state"], shown["profile"]["error"]) == ("defined", None)
    assert shown["profile"]["uuid"] in ade.played.organization.server().books.profiles
    assert api.get(PATH, name="Staff").json == [shown]


def test_a_new_one_says_what_apple_recommends(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade)).json
    assert (made["is_supervised"], made["is_mdm_removable"], made["is_mandatory"]) == (
        True,
        False,
        True,
    )
    assert (made["profile_name"], bool(made["org_magic"])) == ("Staff", True)


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"virtual_server": 99}, "virtual_server"),
    ({"department": "x" * 126}, "department"),
    ({"skip_setup_items": ["Sirri"]}, "skip_setup_items"),
    ({"is_supervised": False}, "is_mdm_removable"),
    ({"include_tls_certificates": True}, "include_tls_certificates"),
    ({"realm": 99}, "realm"),
    ({"realm_required": True}, "realm_required"),
    ({"admin_full_name": "A"}, "admin_short_name"),
    ({"ios_min_version": "new"}, "ios_min_version"),
    ({"surprise": 1}, "surprise"),
)


def test_what_will_not_do_is_a_422_that_names_the_field(ade: Ade, api: Program) -> None:
    for change, field in WRONG:
        answer = api.post(PATH, asked(ade, **change))
        assert (answer.status_code, list(answer.json["errors"]["json"])) == (422, [field])
    assert ade.played.organization.server().books.profiles == {}


def test_a_change_is_another_profile_and_devices_are_told_of_it(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade)).json
    ade.define()
    first = api.get(f"{PATH}{made['id']}/").json["profile"]["uuid"]
    changed = api.client.patch(
        f"/api/mdm/{PATH}{made['id']}/", headers=api.headers, json={"department": "Sales"}
    )
    assert (changed.status_code, changed.json["department"]) == (200, "Sales")
    ade.define()
    second = api.get(f"{PATH}{made['id']}/").json["profile"]
    assert (second["state"], second["uuid"] != first) == ("defined", True)


def test_the_test_shows_apples_profile_beside_ours(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade, department="IT")).json
    assert api.get(f"{PATH}{made['id']}/profile/").status_code == 409
    ade.define()
    assert api.get(f"{PATH}{made['id']}/profile/").json["same"] is True
    ade.at_apple(made["id"])["department"] = "Somebody else's"
    found = api.get(f"{PATH}{made['id']}/profile/").json
    assert found["same"] is False
    line = {"name": "department", "ours": "IT", "apples": "Somebody else's", "same": False}
    assert found["lines"][0] == line
    assert "{secret}" in str(found) and ade.at_apple(made["id"])["url"] not in str(found)


def test_when_apple_gives_no_answer_the_test_says_so(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade)).json
    ade.define()
    ade.played.fail(terms_signed=False)
    answer = api.get(f"{PATH}{made['id']}/profile/")
    assert (answer.status_code, "terms" in answer.json["message"]) == (409, True)


def test_one_that_devices_have_cannot_be_deleted_others_can(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade)).json
    ade.define()
    mac = ade.boxed(enrollment_id=made["id"])
    mac.set_up(ade.assigned(mac))
    url = f"/api/mdm/{PATH}{made['id']}/"
    assert api.client.delete(url, headers=api.headers).status_code == 409
    other = api.post(PATH, asked(ade, name="Other")).json
    ade.define()
    url = f"/api/mdm/{PATH}{other['id']}/"
    assert api.client.delete(url, headers=api.headers).status_code == 204
    assert api.get(f"{PATH}{other['id']}/").status_code == 404


def test_every_action_is_in_the_audit_without_the_secret(ade: Ade, api: Program) -> None:
    made = api.post(PATH, asked(ade, department="IT")).json
    assert api.post(f"{PATH}{made['id']}/define/").status_code == 201
    trail = audit_trail(ade.road.app)
    entries = [entry for entry in trail if entry.action.startswith("enrollment.")]
    assert [entry.action for entry in entries] == ["enrollment.create", "enrollment.define"]
    assert entries[0].after["department"] == "IT"
    assert not {"secret", "secret_hash"} & set(entries[0].after)


def test_a_list_costs_as_many_statements_as_one_row(ade: Ade, api: Program) -> None:
    numbers: list[int] = []
    api.get(PATH)  # notes that the token was used
    for name in ("One", "Two", "Three"):
        ade.enrollment(name)
        with statements(ade.road.app) as seen:
            assert api.get(PATH).status_code == 200
        numbers.append(len(seen))
    assert numbers[0] == numbers[2]


def test_screens_that_can_be_skipped_are_listed_with_their_systems(api: Program) -> None:
    found = api.get(f"{PATH}skip_setup_items/").json
    assert len(found) == len(SKIP_ITEMS)
    assert {"key": "Siri", "label": "Siri"}.items() <= found[36].items()
    assert "macOS 10.12" in found[36]["availability"]


def test_other_enrollments_are_not_found_here(ade: Ade, api: Program) -> None:
    by_hand = api.get("enrollments/").json[0]["id"]
    assert api.get(f"{PATH}{by_hand}/").status_code == 404
