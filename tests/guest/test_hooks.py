"""What a host does to every request may neither stop a device for good nor un-enroll it.

A device that is answered 401, 403 or 410 leaves; one that is answered 2xx or 3xx by a stranger
loses what it said. 503 alone makes it keep its answer and come again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, abort, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from tests.guest.host import make_host
from tests.hosts import close
from zmdm_plugin.blueprints.device import BLUEPRINTS

Answer = Callable[[], ResponseReturnValue | None]
Call = tuple[str, str]

_DISCOVERY = "com.apple.remotemanagement"
OURS = tuple(f"{blueprint.name}." for blueprint in BLUEPRINTS)


def device_calls(app: Flask) -> Iterator[Call]:
    """(method, path) of every device route, with something in place of each variable part."""
    urls = app.url_map.bind("mdm.example.com", url_scheme="https")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(OURS):
            path = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"))
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, path


HOOKS: dict[str, Answer] = {
    "a login page": lambda: redirect("/sign-in"),
    "a login for programs": lambda: ("Sign in first", 401),
    "a login that aborts": lambda: abort(401),
    "a role check": lambda: abort(403),
    "a limiter": lambda: ("Slow down", 429),
    "a limiter that aborts": lambda: abort(429),
    "a limiter with an answer of its own": lambda: abort(Response("Slow down", 429)),
    "a page that is gone": lambda: abort(410),
    "a tenant that is not found": lambda: abort(404),
    "a check that calls the request bad": lambda: abort(400),
    "a friendly page for everything": lambda: "Welcome",
}


@pytest.fixture
def host(sqlite_url: str, redis_url: str) -> Iterator[Callable[..., Flask]]:
    """`host(before=…, after=…)` on a migrated database."""
    made: list[Flask] = []

    def make(**parts: Callable[[Flask], object]) -> Flask:
        made.append(make_host(sqlite_url, ZMDM_REDIS_URL=redis_url, **parts))
        return made[-1]

    yield make
    for app in made:
        close(app)


def unsigned_answers(app: Flask) -> dict[Call, tuple[int, bytes]]:
    """What every device route says to a stranger; at least check-in and connect are there."""
    client = app.test_client()
    answers = {}
    for method, path in device_calls(app):
        answer = client.open(path, method=method, data=b"nobody")
        answers[method, path] = (answer.status_code, answer.data)
    assert len(answers) >= 2
    return answers


def for_strangers(answer: Answer) -> Callable[[Flask], object]:
    """A hook on every request of the application, as login extensions install it."""

    def install(app: Flask) -> None:
        app.before_request(lambda: None if session.get("user") else answer())

    return install


def test_a_stranger_is_never_answered_what_makes_a_device_leave(
    host: Callable[..., Flask],
) -> None:
    answers = unsigned_answers(host())
    # A device that asks where to enroll has not: Apple wants a 403 with a code where it cannot.
    leaving = {at: status for at, (status, _) in answers.items() if _DISCOVERY not in at[1]}
    statuses = set(leaving.values())
    assert statuses & {401, 403, 410} == set()
    assert max(statuses) < 500


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", HOOKS)
def test_a_hosts_answer_becomes_503_on_every_device_route(
    host: Callable[..., Flask], name: str, order: str
) -> None:
    app = host(**{order: for_strangers(HOOKS[name])})
    assert {status for status, _ in unsigned_answers(app).values()} == {503}


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 503])
def test_a_hosts_error_page_never_reaches_a_device(host: Callable[..., Flask], code: int) -> None:
    plain = unsigned_answers(host())
    app = host(before=lambda app: app.register_error_handler(code, lambda error: ("Oops", 401)))
    assert unsigned_answers(app) == plain


def test_a_hosts_page_for_any_error_never_reaches_a_device(host: Callable[..., Flask]) -> None:
    plain = unsigned_answers(host())
    app = host(
        before=lambda app: app.register_error_handler(HTTPException, lambda error: redirect("/"))
    )
    assert unsigned_answers(app) == plain


def test_the_log_names_the_endpoint_to_exempt(
    host: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = host(before=for_strangers(HOOKS["a login that aborts"]))
    with caplog.at_level(logging.ERROR):
        app.test_client().put("/public/mdm/connect/", data=b"nobody")
    assert "exempt the endpoint zmdm_mdm.connect" in caplog.text


def test_a_hook_that_lets_our_endpoints_pass_is_not_in_the_way(host: Callable[..., Flask]) -> None:
    def polite(app: Flask) -> None:
        login = HOOKS["a login for programs"]
        app.before_request(
            lambda: None if (request.endpoint or "").startswith("zmdm_") else login()
        )

    assert unsigned_answers(host(before=polite)) == unsigned_answers(host())


@pytest.mark.parametrize("order", ["before", "after"])
def test_csrf_protection_of_the_host_does_not_answer_devices(
    host: Callable[..., Flask], order: str
) -> None:
    assert unsigned_answers(host(**{order: CSRFProtect})) == unsigned_answers(host())


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_hosts_own_forms_stay_protected(host: Callable[..., Flask], order: str) -> None:
    unprotected = host().test_client().post("/sign-in")
    protected = host(**{order: CSRFProtect}).test_client().post("/sign-in")
    assert (unprotected.status_code, protected.status_code) == (200, 400)


@pytest.mark.parametrize("order", ["before", "after"])
def test_programs_need_a_token_and_no_csrf(host: Callable[..., Flask], order: str) -> None:
    client = host(**{order: CSRFProtect}).test_client()
    answer = client.post("/api/mdm/devices/1/commands/DeviceLock/", json={})
    assert answer.status_code == 401


@pytest.mark.parametrize("name", HOOKS)
def test_nobody_is_shown_a_hosts_answer_where_they_sign_in(
    host: Callable[..., Flask], name: str
) -> None:
    app = host(before=for_strangers(HOOKS[name]))
    for path in ("nobody/", "nobody/provider/", "callback/", "assets/zmdm.css"):
        answer = app.test_client().get(f"/public/mdm/sign_in/{path}")
        assert (answer.status_code, "try again later" in answer.text.lower()) == (503, True)
