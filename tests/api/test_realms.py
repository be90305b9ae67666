"""Realms and their people by program, and who signed in for a device."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.test_enrollments import send
from tests.api.world import Program, add_device, reading
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device, Event, Realm

OIDC = {
    "name": "Staff",
    "backend": "oidc",
    "config": {"issuer": "https://id.example.com", "client_id": "zmdm"},
    "secret": "hush-hush",
}
PASSWORD = "correct horse battery"


@pytest.fixture
def lab(api: Program) -> int:
    """A realm of local accounts."""
    return int(api.post("realms/", {"name": "Lab", "backend": "local"}).json["id"])


def account(api: Program, lab: int, **more: Any) -> dict[str, Any]:
    body = {"realm": lab, "username": "ada", "password": PASSWORD, **more}
    made = api.post("realm_users/", body)
    assert made.status_code == 201, made.json
    return dict(made.json)


def test_a_realm_is_made_changed_and_deleted(app: Flask, api: Program) -> None:
    made = api.post("realms/", OIDC)
    assert (made.status_code, made.json["claim_mapping"]["email"]) == (201, "email")
    path = f"realms/{made.json['id']}/"
    changed = send(api, "PATCH", path, {"enabled": False, "claim_mapping": {"username": "email"}})
    assert (changed.json["enabled"], changed.json["claim_mapping"]) == (
        False,
        {"username": "email"},
    )
    assert api.get(path).json == changed.json
    assert send(api, "DELETE", path).status_code == 204
    with reading(app) as session:
        actions = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [one for one in actions if one.startswith("realm.")] == [
        "realm.create",
        "realm.change",
        "realm.delete",
    ]


def test_its_secret_is_kept_sealed_and_shown_nowhere(app: Flask, api: Program) -> None:
    made = api.post("realms/", OIDC)
    send(api, "PATCH", f"realms/{made.json['id']}/", {"name": "People"})
    with reading(app) as session:
        row = session.query(Realm).one()
        sealed = str(session.scalar(sa.select(Realm.secret)))
        written = str([one.after for one in session.query(AuditEntry)])
        written += str([one.payload for one in session.query(Event)])
    assert row.name == "People" and sealed.startswith("z1.")
    assert "hush-hush" not in f"{made.text}{api.get('realms/').text}{sealed}{written}"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"backend": "saml"}, "backend"),
        ({"config": {"issuer": "http://id.example.com", "client_id": "x"}}, "config"),
        ({"config": {"issuer": "\ud800", "client_id": "x"}}, "config"),
        ({"config": {"issuer": ["x"], "client_id": 7}}, "config"),
        ({"claim_mapping": {"email": "email"}}, "claim_mapping"),
        ({"claim_mapping": {"nick": "x", "username": "sub"}}, "claim_mapping"),
        ({"claim_mapping": {"username": {"a": 1}}}, "claim_mapping"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_work_is_refused(api: Program, changes: dict[str, Any], field: str) -> None:
    answer = api.post("realms/", {**OIDC, **changes})
    assert (answer.status_code, list(answer.json["errors"]["json"])) == (422, [field])


def test_a_realm_that_is_used_stays(api: Program, lab: int) -> None:
    account(api, lab)
    assert send(api, "DELETE", f"realms/{lab}/").status_code == 409


def test_the_backend_of_a_realm_stays(api: Program, lab: int) -> None:
    assert send(api, "PATCH", f"realms/{lab}/", {"backend": "ldap"}).status_code == 422


def test_a_test_says_what_is_wrong_and_keeps_it(app: Flask, api: Program) -> None:
    config = {"issuer": "http://localhost:9", "client_id": "zmdm"}
    path = f"realms/{api.post('realms/', {**OIDC, 'config': config}).json['id']}/"
    answer = api.post(f"{path}test/")
    assert (answer.status_code, answer.json["ok"]) == (200, False)
    assert "ZMDM_PRIVATE_NETWORKS" in answer.json["message"]
    assert api.get(path).json["failure"] == answer.json["message"]


def test_local_accounts_are_made_and_changed(api: Program, lab: int) -> None:
    made = account(api, lab, email="ada@example.com")
    assert "password" not in str(made).replace("disabled", "")
    path = f"realm_users/{made['id']}/"
    changed = send(api, "PATCH", path, {"full_name": "Ada Lovelace", "disabled": True})
    assert (changed.json["full_name"], changed.json["disabled_at"] is None) == (
        "Ada Lovelace",
        False,
    )
    assert send(api, "PATCH", path, {"disabled": False}).json["disabled_at"] is None
    assert send(api, "DELETE", path).status_code == 204


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"password": "short"}, 422),
        ({"realm": 99}, 422),
        ({"username": "two\nlines"}, 422),
        ({"email": " spaces "}, 422),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    api: Program, lab: int, changes: dict[str, Any], status: int
) -> None:
    body = {"realm": lab, "username": "ada", "password": PASSWORD, **changes}
    assert api.post("realm_users/", body).status_code == status


def test_a_username_is_one_persons_in_a_realm(api: Program, lab: int) -> None:
    account(api, lab)
    body = {"realm": lab, "username": "ada", "password": PASSWORD}
    assert api.post("realm_users/", body).status_code == 422


def test_accounts_of_a_provider_are_not_made_here(api: Program) -> None:
    realm = api.post("realms/", OIDC).json["id"]
    body = {"realm": realm, "username": "ada", "password": PASSWORD}
    assert api.post("realm_users/", body).status_code == 409


def test_people_are_found_by_realm_and_text(api: Program, lab: int) -> None:
    for name in ("ada", "bob", "eve"):
        account(api, lab, username=name, full_name=f"{name.upper()} of 100%")
    found = api.get("realm_users/", realm=lab, search="BOB").json
    assert [one["username"] for one in found] == ["bob"]
    assert len(api.get("realm_users/", search="100%").json) == 3
    assert api.get("realm_users/", search="100_").json == []
    first = api.get("realm_users/", ordering="-username", limit=2)
    assert [one["username"] for one in first.json] == ["eve", "bob"]


def test_a_device_says_whose_it_is_and_is_found_by_it(app: Flask, api: Program, lab: int) -> None:
    person = account(api, lab, email="ada@example.com")
    hers, other = add_device(app, 1), add_device(app, 2)
    with app.app_context(), db.transaction() as session:
        session.get_one(Device, hers).realm_user_id = person["id"]
    told = api.get(f"devices/{hers}/").json["realm_user"]
    assert told == {
        "id": person["id"],
        "realm": lab,
        "username": "ada",
        "email": "ada@example.com",
    }
    assert api.get(f"devices/{other}/").json["realm_user"] is None
    for query in ({"realm_user": person["id"]}, {"email": "ada@example.com"}, {"person": "ada"}):
        assert [one["id"] for one in api.get("devices/", **query).json] == [hers]
    assert send(api, "DELETE", f"realm_users/{person['id']}/").status_code == 409


def test_the_name_of_a_realm_is_its_own(api: Program, lab: int) -> None:
    answer = api.post("realms/", {"name": "Lab", "backend": "local"})
    assert (answer.status_code, answer.json["errors"]["json"]["name"]) == (
        422,
        ["there is a realm with this name"],
    )
