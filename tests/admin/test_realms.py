"""Screens of realms and their people: made, tested, switched, and never a secret in sight."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.conftest import token
from zmdm_plugin import db
from zmdm_plugin.models import Device, Enrollment, Realm, RealmUser
from zmdm_plugin.services.realms import accounts, passwords, realms

OIDC = {
    "name": "Staff",
    "issuer": "https://id.example.com",
    "client_id": "zmdm",
    "secret": "hush-hush",
    "scopes": "openid email",
    "claim_username": "email",
}
PASSWORD = "correct horse battery"


@pytest.fixture
def lab(screens: Flask) -> int:
    """A realm of local accounts, with one."""
    with screens.app_context(), db.transaction():
        realm = realms.create("Lab", "local")
        accounts.create(realm, {"username": "ada", "full_name": "Ada"}, password=PASSWORD)
        return realm.id


def send(client: FlaskClient, path: str, **fields: Any) -> Any:
    """A form with a valid token."""
    return client.post(path, data={"csrf_token": token(client), **fields})


def only(app: Flask, model: type[Any]) -> Any:
    with app.app_context():
        return db.session().scalars(sa.select(model)).one()


def test_a_realm_is_made_with_its_form(screens: Flask, browser: FlaskClient) -> None:
    answer = send(browser, "/mdm/realms/new/?backend=oidc", **OIDC)
    assert answer.status_code == 303
    made = only(screens, Realm)
    assert made.config == {
        "issuer": "https://id.example.com",
        "client_id": "zmdm",
        "scopes": ["openid", "email"],
    }
    assert made.claim_mapping == {"username": "email"}


def test_a_fault_stands_at_its_field(browser: FlaskClient) -> None:
    answer = send(browser, "/mdm/realms/new/?backend=oidc", **{**OIDC, "issuer": "http://x.test"})
    assert answer.status_code == 422
    assert 'id="f-issuer-error"' in answer.text
    assert "hush-hush" not in answer.text


def test_the_secret_is_kept_unless_another_is_typed(screens: Flask, browser: FlaskClient) -> None:
    send(browser, "/mdm/realms/new/?backend=oidc", **OIDC)
    with screens.app_context():
        before = db.session().scalar(sa.select(Realm.secret))
    send(browser, "/mdm/realms/1/edit/", **{**OIDC, "name": "People", "secret": ""})
    with screens.app_context():
        assert db.session().scalar(sa.select(Realm.secret)) == before
        assert db.session().scalar(sa.select(Realm.name)) == "People"
    pages = browser.get("/mdm/realms/1/").text + browser.get("/mdm/realms/1/edit/").text
    assert "hush-hush" not in pages
    assert "/public/mdm/sign_in/callback/" in pages


def test_a_test_that_fails_says_why_on_the_page(screens: Flask, browser: FlaskClient) -> None:
    send(browser, "/mdm/realms/new/?backend=oidc", **{**OIDC, "issuer": "http://localhost:9"})
    answer = send(browser, "/mdm/realms/1/test/")
    page = browser.get(answer.headers["Location"]).text
    assert "It does not work." in page and "ZMDM_PRIVATE_NETWORKS" in page
    assert "Does not work" in browser.get("/mdm/realms/").text


def test_a_realm_is_switched_off_and_on(screens: Flask, browser: FlaskClient, lab: int) -> None:
    send(browser, f"/mdm/realms/{lab}/switch/")
    assert not only(screens, Realm).enabled
    send(browser, f"/mdm/realms/{lab}/switch/")
    assert only(screens, Realm).enabled


def test_a_realm_with_people_is_not_deleted(screens: Flask, browser: FlaskClient, lab: int) -> None:
    assert send(browser, f"/mdm/realms/{lab}/delete/").status_code == 409
    assert "Delete" not in browser.get(f"/mdm/realms/{lab}/").text


def test_an_account_is_made_changed_and_switched_off(
    screens: Flask, browser: FlaskClient, lab: int
) -> None:
    person = {"username": "bob", "password": PASSWORD, "email": "bob@example.com"}
    assert send(browser, f"/mdm/people/new/?realm={lab}", **person).status_code == 303
    change = {"username": "bob", "password": "another password"}
    assert send(browser, "/mdm/people/2/edit/", **change).status_code == 303
    send(browser, "/mdm/people/2/switch/")
    with screens.app_context():
        row = db.session().get_one(RealmUser, 2)
        assert (row.email, row.disabled_at is None) == (None, False)
        assert passwords.matches("another password", row.password_hash)


def test_people_are_searched(browser: FlaskClient, lab: int) -> None:
    assert "ada" in browser.get("/mdm/people/?q=AD").text
    assert "Nobody matches" in browser.get("/mdm/people/?q=zoe").text
    assert "ada" in browser.get(f"/mdm/people/?realm={lab}&cursor=stale").text


def test_a_person_has_devices_and_a_device_its_person(
    screens: Flask, browser: FlaskClient, lab: int
) -> None:
    with screens.app_context(), db.transaction() as session:
        session.get_one(Device, 1).realm_user_id = 1
    assert "/mdm/devices/1/" in browser.get("/mdm/people/1/").text
    assert "/mdm/people/1/" in browser.get("/mdm/devices/1/").text
    assert send(browser, "/mdm/people/1/delete/").status_code == 409


def test_an_enrollment_is_given_a_realm(screens: Flask, browser: FlaskClient, lab: int) -> None:
    with screens.app_context():
        given = db.session().scalars(sa.select(Enrollment)).first()
        assert given is not None
        ids = {"push_certificate": given.push_certificate_id, "scep_issuer": given.scep_issuer_id}
    asked = {"name": "People", "kind": "ota", "realm_id": lab, "realm_required": "1", **ids}
    answer = send(browser, "/mdm/enrollments/new/", **asked)
    assert answer.status_code == 303
    assert "People sign in to" in browser.get(answer.headers["Location"]).text
    with screens.app_context():
        made = db.session().scalars(sa.select(Enrollment).filter_by(name="People")).one()
        assert (made.realm_id, made.realm_required) == (lab, True)
