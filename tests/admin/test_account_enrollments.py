"""User enrollments on screens: made, tried, shown, closed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import accounts
from zmdm_plugin import db
from zmdm_plugin.models import AccountSettings, AuditEntry, Device, Realm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import health, realms

THERE = "/mdm/account_enrollments/"


@pytest.fixture
def realm_id(screens: Flask) -> int:
    with screens.app_context(), db.transaction():
        return realms.create("Staff", "local").id


def add(client: FlaskClient, post: Callable[..., Any], realm_id: int, **fields: str) -> Any:
    given = {"name": "Own devices", "mode": "mdm-byod", "realm": str(realm_id)}
    given |= {"push_certificate": "1", "scep_issuer": "1", "domains": "example.com"}
    given |= {"managed_account": "$REALM_USER.EMAIL", **fields}
    return post(client, f"{THERE}new/", **given)


def made(app: Flask) -> AccountSettings | None:
    with app.app_context():
        return db.session().scalar(sa.select(AccountSettings))


def test_one_is_made_from_its_form_and_its_page_says_what_to_publish(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any], realm_id: int
) -> None:
    answer = add(browser, post, realm_id, model_families="iPhone\r\niPad", quota="3")
    found = made(screens)
    assert found is not None and answer.location == f"{THERE}{found.enrollment_id}/"
    assert found.model_families == ["iPhone", "iPad"]
    page = browser.get(answer.location).text
    assert "https://mdm.example.com/.well-known/com.apple.remotemanagement" in page
    assert "Nobody has come this way yet." in page
    with screens.app_context():
        actions = db.session().scalars(sa.select(AuditEntry.action)).all()
    assert "account_enrollment.create" in actions


def test_faults_are_shown_at_their_fields(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any], realm_id: int
) -> None:
    answer = add(browser, post, realm_id, domains="no domain", model_families="iPhone")
    assert answer.status_code == 422
    assert "is no domain, like example.com" in answer.text
    assert made(screens) is None


def test_a_trial_says_what_a_device_would_be_told(screens: Flask, browser: FlaskClient) -> None:
    accounts.lay(screens)
    page = browser.get(f"{THERE}?account=ada@example.com&family=Mac").text
    assert "Sent to “Own devices”" in page
    page = browser.get(f"{THERE}?account=ada@elsewhere.org&family=Mac").text
    assert "Your organization does not manage this kind of device" in page


def test_it_is_changed_revoked_and_reached_from_the_list_of_all_enrollments(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    one = accounts.lay(screens)
    fields = {"name": "Phones", "mode": "mdm-byod", "domains": "example.com"}
    fields |= {"managed_account": "$REALM_USER.USERNAME", "reauthenticate_days": "30"}
    answer = post(browser, f"{THERE}{one}/edit/", **fields)
    assert answer.status_code == 303, re.findall(r'class="error"[^>]*>([^<]*)', answer.text)
    found = made(screens)
    assert found is not None and found.reauthenticate_days == 30
    post(browser, f"{THERE}{one}/revoke/", at=f"{THERE}{one}/")
    assert "Revoked" in browser.get(f"{THERE}{one}/").text
    assert browser.get(f"/mdm/enrollments/{one}/").location.endswith(f"{THERE}{one}/")
    assert "By account" in browser.get("/mdm/enrollments/").text


def test_a_realm_that_fails_is_said_on_the_page(screens: Flask, browser: FlaskClient) -> None:
    one = accounts.lay(screens)
    assert "People cannot sign in now" not in browser.get(f"{THERE}{one}/").text
    with screens.app_context(), db.transaction() as session:
        realm = session.scalars(sa.select(Realm)).one()
        health.failed(realm, "the directory does not answer", now=utcnow())
    page = browser.get(f"{THERE}{one}/").text
    assert "People cannot sign in now: The directory does not answer." in page


def test_a_devices_page_names_the_managed_account(screens: Flask, browser: FlaskClient) -> None:
    with screens.app_context(), db.transaction() as session:
        payload = {"assigned_managed_apple_id": "ada@appleid.example.com"}
        session.get_one(Device, 1).payload = payload
    assert "ada@appleid.example.com" in browser.get("/mdm/devices/1/").text
