"""The example host's own pages: signing in, and what protects that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from host_app.app import create_app
from host_app.models import MOST_FAILURES, User, db
from zmdm_plugin import Actor

EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(
        SECRET_KEY="tests only",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'host.sqlite3'}",
        ZMDM_BASE_URL="https://mdm.example.com",
        ZMDM_SEALING_KEYS="A" * 43 + "=",
    )
    runner = app.test_cli_runner(env={"HOST_APP_PASSWORD": PASSWORD})
    assert runner.invoke(args=["create-tables"]).exit_code == 0
    made = runner.invoke(args=["users", "set", EMAIL, "--role", "operator"])
    assert made.exit_code == 0, made.output
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def browser(host: Flask) -> FlaskClient:
    return host.test_client()


def sign_in(browser: FlaskClient, password: str = PASSWORD, path: str = "/login") -> TestResponse:
    """Fill the form in as a browser does, its hidden token included."""
    https = {"base_url": "https://mdm.example.com"}
    page = browser.get(path, **https).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    form = {"email": EMAIL.upper(), "password": password, "csrf_token": token[1]}
    headers = {"Referer": "https://mdm.example.com/login"}
    return browser.post(path, data=form, headers=headers, **https)


def test_a_user_signs_in_and_sees_where_to_go(browser: FlaskClient) -> None:
    assert sign_in(browser).status_code == 302
    page = browser.get("/", base_url="https://mdm.example.com").text
    assert EMAIL in page
    assert 'href="/mdm/"' in page


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(browser: FlaskClient) -> None:
    answer = sign_in(browser, "guess")
    assert answer.status_code == 401
    assert "do not go together" in answer.text


def test_guessing_is_stopped_even_for_the_right_password(browser: FlaskClient) -> None:
    for _ in range(MOST_FAILURES):
        sign_in(browser, "guess")
    assert sign_in(browser).status_code == 429


def test_a_form_without_its_token_is_refused(browser: FlaskClient) -> None:
    answer = browser.post("/login", data={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/mdm/", "/mdm/"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("mdm", "/"),
    ],
)
def test_signing_in_leads_to_a_page_of_ours_only(
    browser: FlaskClient, target: str, lands: str
) -> None:
    assert sign_in(browser, path=f"/login?next={target}").location == lands


def test_signing_out_takes_a_post_and_forgets_the_user(browser: FlaskClient) -> None:
    sign_in(browser)
    assert browser.get("/logout").status_code == 405
    https = "https://mdm.example.com"
    token = re.search(r'csrf_token" value="([^"]+)"', browser.get("/", base_url=https).text)
    assert token is not None
    headers = {"Referer": f"{https}/"}
    browser.post("/logout", base_url=https, data={"csrf_token": token[1]}, headers=headers)
    assert EMAIL not in browser.get("/", base_url=https).text


def test_pages_forbid_scripts_and_frames(browser: FlaskClient) -> None:
    policy = browser.get("/login").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_session_cookie_is_for_tls_and_no_script(browser: FlaskClient) -> None:
    cookie = sign_in(browser).headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax"))


def test_an_unknown_page_is_an_html_page(browser: FlaskClient) -> None:
    answer = browser.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_the_password_is_kept_as_an_argon2_hash(host: Flask) -> None:
    with host.app_context():
        assert db.session.scalars(db.select(User)).one().password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("permission", "granted"),
    [
        ("mdm.view_enrolleddevice", True),
        ("mdm.add_devicecommand.DeviceLock", True),
        ("mdm.add_customcommand", False),
        ("mdm.view_auditentry", False),
    ],
)
def test_the_role_decides_what_a_user_may_do(host: Flask, permission: str, granted: bool) -> None:
    actor = Actor(id="user:1", label=EMAIL)
    with host.app_context():
        assert host.extensions["zmdm"].authorize(actor, permission, None) is granted


def test_nobody_unknown_may_do_anything(host: Flask) -> None:
    with host.app_context():
        for who in ("user:99", "token:1", "nonsense", ""):
            actor = Actor(id=who, label="?")
            assert not host.extensions["zmdm"].authorize(actor, "mdm.view_enrolleddevice", None)


def test_without_a_secret_key_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="set HOST_APP_SECRET_KEY"):
        create_app(ZMDM_BASE_URL="https://mdm.example.com")
