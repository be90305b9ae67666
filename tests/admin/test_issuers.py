"""The built-in CA and the issuers, from their screens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import undefer

from tests.admin.test_device_list import statements
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, CertificateAuthority, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import vault

Post = Callable[..., Any]
LIST = "/mdm/scep_issuers/"
GIVEN = {
    "name": "Campus",
    "url": "https://scep.example.com/scep",
    "key_size": "3072",
    "key_usage": "5",
    "challenge": "hunter2hunter2",
    "ca_fingerprint": "AB:CD" * 8,
}


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session().scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def issuer(app: Flask, name: str) -> ScepIssuer | None:
    with app.app_context():
        query = sa.select(ScepIssuer).where(ScepIssuer.name == name)
        return db.session().scalar(query.options(undefer(ScepIssuer.challenge)))


@pytest.fixture
def campus(screens: Flask, browser: FlaskClient, post: Post) -> str:
    """The page of an external issuer that nothing uses."""
    assert post(browser, f"{LIST}new/", **GIVEN).status_code == 303
    row = issuer(screens, "Campus")
    assert row is not None
    return f"{LIST}{row.id}/"


def test_the_ca_is_made_by_its_name_and_renewed(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    assert post(browser, f"{LIST}ca/", name="Example CA").status_code == 303
    assert post(browser, f"{LIST}ca/renew/").status_code == 303
    page = browser.get(LIST).text
    assert page.count("Example CA <span") == 2
    assert page.count("Issues identities") == 1
    assert actions(screens) == ["ca.create", "ca.renew"]


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\x00b"])
def test_a_ca_without_a_fit_name_is_refused(
    screens: Flask, browser: FlaskClient, post: Post, name: str
) -> None:
    assert post(browser, f"{LIST}ca/", name=name).status_code == 422
    assert actions(screens) == []


def test_there_is_one_built_in_ca(browser: FlaskClient, post: Post) -> None:
    post(browser, f"{LIST}ca/", name="Example CA")
    assert post(browser, f"{LIST}ca/", name="Another").status_code == 409


def test_the_certificate_of_the_ca_is_downloaded(browser: FlaskClient, post: Post) -> None:
    post(browser, f"{LIST}ca/", name="Example CA")
    answer = browser.get(f"{LIST}ca/1/")
    certificate = x509.load_pem_x509_certificate(answer.data)
    assert certificate.subject.rfc4514_string() == "CN=Example CA"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_ca_near_its_end_says_so(screens: Flask, browser: FlaskClient, post: Post) -> None:
    post(browser, f"{LIST}ca/", name="Example CA")
    assert 'class="note' not in browser.get(LIST).text.split("The CA is ready")[-1]
    with screens.app_context(), db.transaction() as session:
        session.execute(
            sa.update(CertificateAuthority).values(not_after=utcnow() + timedelta(days=200))
        )
    assert "every identity that it issues from now on ends with it" in browser.get(LIST).text


def test_an_external_issuer_keeps_what_was_typed_and_its_challenge_sealed(
    screens: Flask, campus: str
) -> None:
    row = issuer(screens, "Campus")
    assert row is not None
    assert (row.key_size, row.ca_fingerprint) == (3072, "abcd" * 8)
    with screens.app_context():
        assert vault.unseal(row, "challenge") == b"hunter2hunter2"
    assert actions(screens) == ["issuer.create"]


def test_the_challenge_is_shown_nowhere(browser: FlaskClient, campus: str) -> None:
    assert "hunter2" not in browser.get(campus).text + browser.get("/mdm/audit/1/").text


def test_a_change_leaves_the_challenge_and_empties_what_was_emptied(
    screens: Flask, browser: FlaskClient, post: Post, campus: str
) -> None:
    given = {**GIVEN, "name": "Campus 2", "challenge": "", "ca_fingerprint": ""}
    assert post(browser, campus, **given).status_code == 303
    row = issuer(screens, "Campus 2")
    assert row is not None
    assert row.challenge is not None
    assert row.ca_fingerprint is None


def test_the_challenge_is_forgotten_when_asked(
    screens: Flask, browser: FlaskClient, post: Post, campus: str
) -> None:
    post(browser, campus, **{**GIVEN, "challenge": ""}, no_challenge="1")
    row = issuer(screens, "Campus")
    assert row is not None
    assert row.challenge is None


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", "Built-in", "There is an issuer with this name"),
        ("url", "ftp://scep.example.com", "Must be a URL like"),
        ("key_size", "1024", "Must be one of"),
        ("ca_fingerprint", "not hexadecimal", "Must be hexadecimal"),
    ],
)
def test_a_faulty_field_is_named_and_nothing_is_made(
    screens: Flask, browser: FlaskClient, post: Post, field: str, value: str, why: str
) -> None:
    answer = post(browser, f"{LIST}new/", **{**GIVEN, field: value})
    assert answer.status_code == 422
    assert why in answer.text
    assert actions(screens) == []


def test_of_the_built_in_issuer_the_name_alone_changes(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    assert 'name="url"' not in browser.get(f"{LIST}1/").text
    assert post(browser, f"{LIST}1/", name="House CA", url="https://x.example").status_code == 303
    row = issuer(screens, "House CA")
    assert row is not None
    assert row.url is None


def test_an_unused_issuer_is_deleted_and_a_used_one_is_not(
    screens: Flask, browser: FlaskClient, post: Post, campus: str
) -> None:
    assert post(browser, f"{LIST}1/delete/").status_code == 409
    assert post(browser, f"{campus}delete/").status_code == 303
    assert issuer(screens, "Campus") is None
    assert actions(screens)[-1] == "issuer.delete"


def test_who_may_only_look_sees_no_form(make_host: Callable[..., Flask], screens: Flask) -> None:
    page = make_host("mdm.view_*").test_client().get(f"{LIST}1/").text
    assert "<form" not in page.split("<main")[1]


def test_more_issuers_take_no_more_statements(
    screens: Flask, browser: FlaskClient, post: Post, campus: str
) -> None:
    before = statements(screens, LIST)
    for number in range(4):
        post(browser, f"{LIST}new/", **{**GIVEN, "name": f"Campus {number}"})
    assert statements(screens, LIST) == before <= 4
