"""Enrollments: made, shown, closed; what lets devices in is revealed on request and audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Enrollment

NEW = {"name": "Lab", "kind": "ota", "push_certificate": "1", "scep_issuer": "1"}


def add(client: FlaskClient, post: Callable[..., Any], **fields: str) -> Any:
    return post(client, "/mdm/enrollments/new/", **{**NEW, **fields})


def found(app: Flask, name: str = "Lab") -> Enrollment | None:
    with app.app_context():
        return db.session().scalar(sa.select(Enrollment).where(Enrollment.name == name))


def test_an_enrollment_is_made_from_its_form(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    fields = {"quota": "5", "expires_at": "2999-01-02T03:04", "serial_numbers": "C02A\r\n C02B \n"}
    answer = add(browser, post, **fields)
    made = found(screens)
    assert made is not None
    assert answer.location == f"/mdm/enrollments/{made.id}/"
    assert (made.quota, made.serial_numbers) == (5, ["C02A", "C02B"])
    assert made.expires_at is not None
    assert made.expires_at.isoformat() == "2999-01-02T03:04:00+00:00"


def test_every_fault_of_a_form_is_shown_at_once(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = add(browser, post, quota="none", expires_at="tomorrow")
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 2
    assert found(screens) is None


def test_a_name_is_taken_once(browser: FlaskClient, post: Callable[..., Any]) -> None:
    answer = add(browser, post, name="Staff")
    assert answer.status_code == 422
    assert "There is an enrollment with this name." in answer.text


def test_a_certificate_that_does_not_exist_is_no_error_of_ours(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    assert add(browser, post, push_certificate="999").status_code in (404, 422)


def test_the_link_is_shown_on_request_and_that_is_audited(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    address = add(browser, post).location
    assert "/public/mdm/ota/" not in browser.get(address).text
    assert "https://mdm.example.com/public/mdm/ota/" in post(browser, f"{address}link/").text
    with screens.app_context():
        actions = list(db.session().scalars(sa.select(AuditEntry.action)))
        assert actions == ["enrollment.create", "enrollment.reveal_link"]


def test_a_revoked_enrollment_is_closed_for_good(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    address = add(browser, post).location
    assert post(browser, f"{address}revoke/").status_code == 303
    assert post(browser, f"{address}revoke/").status_code == 409
    made = found(screens)
    assert made is not None
    assert made.revoked_at is not None


def test_only_an_enrollment_by_hand_has_a_profile_to_download(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    address = add(browser, post).location
    assert post(browser, f"{address}profile/").status_code == 409


def test_its_page_lists_who_came_that_way(browser: FlaskClient) -> None:
    page = browser.get("/mdm/enrollments/1/").text
    assert "Completed" in page
    assert "1 device shown" in page


def test_the_link_comes_as_a_qr_code_too_and_that_is_audited(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = add(browser, post).location
    assert f'src="{page}qr.svg"' in post(browser, f"{page}link/").text
    answer = browser.get(f"{page}qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"<path" in answer.data
    with screens.app_context():
        newest = sa.select(AuditEntry.action).order_by(AuditEntry.id.desc()).limit(1)
        assert db.session().scalar(newest) == "enrollment.reveal_qr_code"


def test_a_revoked_enrollment_gives_no_qr_code(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = add(browser, post).location
    post(browser, f"{page}revoke/")
    assert browser.get(f"{page}qr.svg").status_code == 409


def test_who_may_not_add_enrollments_gets_no_qr_code(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any], make_host: Callable[..., Flask]
) -> None:
    page = add(browser, post).location
    assert make_host("mdm.view_*").test_client().get(f"{page}qr.svg").status_code == 403


def test_a_push_certificate_that_waits_for_apple_is_not_offered(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    post(browser, "/mdm/push_certificates/new/", name="To be")
    page = browser.get("/mdm/enrollments/new/").text
    assert "Example Ltd</option>" in page
    assert "To be" not in page


def test_what_an_enrollment_says_is_changed_and_what_is_emptied_sets_no_limit(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    fields = {"quota": "5", "expires_at": "2999-01-02T03:04", "serial_numbers": "C02A\nC02B"}
    page = add(browser, post, **fields).location
    shown = browser.get(f"{page}edit/").text
    assert 'value="2999-01-02T03:04"' in shown
    assert ">C02A\nC02B</textarea>" in shown
    answer = post(browser, f"{page}edit/", name="Lab 2", serial_numbers="C02C")
    assert answer.location == page
    made = found(screens, "Lab 2")
    assert made is not None
    assert (made.quota, made.expires_at, made.serial_numbers) == (None, None, ["C02C"])


def test_a_change_to_a_name_that_is_taken_changes_nothing(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = add(browser, post).location
    answer = post(browser, f"{page}edit/", name="Staff", quota="9")
    assert answer.status_code == 422
    assert "There is an enrollment with this name." in answer.text
    made = found(screens)
    assert made is not None
    assert made.quota is None


def test_an_enrollment_that_nobody_used_is_deleted_and_another_is_not(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = add(browser, post).location
    assert post(browser, f"{page}delete/").status_code == 303
    assert found(screens) is None
    assert post(browser, "/mdm/enrollments/1/delete/").status_code == 409
