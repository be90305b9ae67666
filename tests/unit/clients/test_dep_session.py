"""Sessions with the device assignment service, its errors, and when the client tries again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.dep import PROFILE, Desk, connect, fill
from zmdm_plugin.clients import dep_errors, dep_session
from zmdm_plugin.clients.dep_errors import (
    AccessDenied,
    BadRequest,
    BetaTurnedOff,
    DepError,
    ExhaustedCursor,
    ExpiredCursor,
    Forbidden,
    InvalidCursor,
    ServiceDown,
    TermsNotSigned,
    Throttled,
    TokenRefused,
    Unreachable,
    Unreadable,
    VersionRefused,
)
from zmdm_simulator.apple.dep import PlayedDep


def test_every_request_carries_agent_version_and_session(desk: Desk) -> None:
    desk.client().account()
    session, account = desk.sent
    assert session.headers["User-Agent"] == account.headers["User-Agent"] == "test/1"
    assert account.headers["X-Server-Protocol-Version"] == "10"
    assert "Authorization" in session.headers
    assert "Authorization" not in account.headers


def test_each_answers_session_is_used_for_the_next_request(desk: Desk) -> None:
    client = desk.client()
    for _ in range(4):
        client.account()
    used = [one.headers["X-ADM-Auth-Session"] for one in desk.sent[1:]]
    assert len(set(used)) == 4
    assert desk.paths().count("/session") == 1


def test_an_expired_session_is_renewed(desk: Desk) -> None:
    client = desk.client(now=desk.played.organization.clock)
    client.account()
    desk.played.organization.clock.ahead = 300
    client.account()
    assert desk.paths() == ["/session", "/account", "/account", "/session", "/account"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(401, "UNAUTHORIZED", TokenRefused), (403, "FORBIDDEN", Forbidden), (401, "", TokenRefused)],
)
def test_a_session_that_is_always_refused_is_renewed_one_time(
    desk: Desk, status: int, code: str, error: type[DepError]
) -> None:
    client = desk.client()
    client.account()
    desk.played.rule(path="/account", status=status, code=code, times=0)
    with pytest.raises(error):
        client.account()
    assert desk.paths().count("/session") == 2
    assert desk.waits == []


def test_terms_that_are_not_signed_are_said_and_no_session_is_renewed(desk: Desk) -> None:
    client = desk.client()
    client.account()
    desk.played.fail(terms_signed=False)
    with pytest.raises(TermsNotSigned, match="sign in to the portal"):
        client.account()
    assert desk.paths() == ["/session", "/account", "/account"]
    desk.played.fail()
    assert client.account().org_name == "Example organization"


def test_an_older_version_is_spoken_where_the_newest_is_refused(desk: Desk) -> None:
    desk.played.fail(newest_version=8)
    client = desk.client()
    client.account()
    client.account()
    versions = [one.headers.get("X-Server-Protocol-Version") for one in desk.sent]
    assert versions == [None, "10", "9", "8", "8"]


def test_a_service_that_speaks_no_version_of_ours_is_an_error(desk: Desk) -> None:
    desk.played.fail(newest_version=1)
    with pytest.raises(VersionRefused):
        desk.client().account()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "T_C_NOT_SIGNED", TermsNotSigned),
        (403, "ACCESS_DENIED", AccessDenied),
        (403, '"APPLE_SEED_FOR_IT_TURNED_OFF"', BetaTurnedOff),
        (400, "INVALID_CURSOR", InvalidCursor),
        (400, '{"code": "EXPIRED_CURSOR"}', ExpiredCursor),
        (400, "EXHAUSTED_CURSOR\n", ExhaustedCursor),
        (400, "CURSOR_REQUIRED", dep_errors.CursorRequired),
        (400, "USER_AGENT_MISSING", dep_errors.UserAgentRefused),
        (400, "MALFORMED_REQUEST_BODY", BadRequest),
        (404, "DEVICE_NOT_FOUND", dep_errors.UnknownDevice),
        (404, "NOT_ACCESSIBLE", dep_errors.NotAccessible),
        (405, "", BadRequest),
        (429, "", Throttled),
        (503, "<html>Service Unavailable</html>", ServiceDown),
        (400, "SOMETHING_NEW", BadRequest),
    ],
)
def test_each_code_has_its_error(desk: Desk, status: int, code: str, error: type[DepError]) -> None:
    desk.played.rule(path="/devices/sync", status=status, code=code, times=0)
    with pytest.raises(error) as caught:
        desk.client(patience=0).sync_devices("x")
    assert caught.value.http_status == status
    assert type(caught.value) is error


def test_an_unknown_code_is_shown(desk: Desk) -> None:
    desk.played.rule(path="/account", status=400, code="SOMETHING_NEW")
    with pytest.raises(BadRequest, match="SOMETHING_NEW"):
        desk.client().account()


def test_throttling_is_waited_for_as_long_as_apple_says(desk: Desk) -> None:
    desk.played.rule(path="/account", status=429, retry_after=3, times=2)
    desk.client().account()
    assert desk.waits == [3 + 0.5 + 1, 3 + 0.5 + 2]


@pytest.mark.parametrize("as_date", [False, True])
def test_a_longer_wait_is_left_to_the_caller(desk: Desk, as_date: bool) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    when = (now + timedelta(seconds=120)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    desk.played.rule(path="/account", status=429, retry_after=when if as_date else 120, times=0)
    with pytest.raises(Throttled) as caught:
        desk.client(now=lambda: now).account()
    assert caught.value.retry_after == 120
    assert desk.waits == []


def test_a_fault_of_the_service_is_tried_three_times(desk: Desk) -> None:
    desk.played.rule(path="/account", status=500, times=0)
    with pytest.raises(ServiceDown):
        desk.client().account()
    assert desk.paths().count("/account") == 3
    assert len(desk.waits) == 2


def test_a_lost_answer_is_asked_for_again(desk: Desk) -> None:
    desk.played.rule(path="/account", drop=True)
    assert desk.client().account().org_name == "Example organization"


def test_a_profile_whose_answer_is_lost_is_not_defined_twice(desk: Desk) -> None:
    desk.played.rule(path="/profile", drop=True, after=True)
    with pytest.raises(Unreachable):
        desk.client().define_profile(PROFILE)
    assert len(desk.played.organization.server().books.profiles) == 1


def test_a_throttled_profile_is_defined_later(desk: Desk) -> None:
    desk.played.rule(path="/profile", status=429, retry_after=1)
    assert desk.client().define_profile(PROFILE).profile_uuid
    assert len(desk.waits) == 1


def test_a_service_that_is_not_there_is_unreachable(desk: Desk) -> None:
    client = desk.client()
    desk.played.stop()
    with pytest.raises(Unreachable) as caught:
        client.account()
    assert caught.value.unsent
    desk.played.start()


def test_an_answer_that_takes_too_long_is_unreachable(desk: Desk) -> None:
    desk.played.rule(path="/account", latency=1.0, times=0)
    with httpx.Client(timeout=0.2) as http:
        impatient = Desk(desk.played, http, desk.token)
        with pytest.raises(Unreachable, match="in time"):
            impatient.client(patience=0).account()


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "[]", "{", '{"org_name": "x"}', ""])
def test_an_answer_that_is_not_apples_is_unreadable(desk: Desk, body: str) -> None:
    desk.played.rule(path="/account", body=body, times=0)
    with pytest.raises(Unreadable):
        desk.client(patience=0).account()


def test_a_redirect_is_not_followed(desk: Desk) -> None:
    desk.played.rule(path="/account", status=302, body="", times=0)
    with pytest.raises(Unreadable):
        desk.client(patience=0).account()


def test_a_session_that_never_rotates_is_kept(desk: Desk) -> None:
    desk.played.fail(rotate=0)
    client = desk.client()
    for _ in range(3):
        client.account()
    assert desk.paths().count("/session") == 1


def test_a_session_outlives_a_refused_request(desk: Desk) -> None:
    desk.played.rule(path="/account", status=400, code="MALFORMED_REQUEST_BODY")
    client = desk.client()
    with pytest.raises(BadRequest):
        client.account()
    client.account()
    assert desk.paths() == ["/session", "/account", "/account"]


def test_another_token_is_refused(desk: Desk) -> None:
    other = connect(PlayedDep())
    with pytest.raises(TokenRefused, match="renew it"):
        desk.client(other).account()


def test_an_expired_token_is_named(desk: Desk) -> None:
    clock = desk.played.organization.clock
    clock.ahead = 400 * 86400
    with pytest.raises(TokenRefused, match="the server token expired on"):
        desk.client(now=clock).account()


def test_a_clock_that_is_wrong_is_named(desk: Desk) -> None:
    wrong = datetime.now(UTC) - timedelta(minutes=90)
    with pytest.raises(TokenRefused, match="this clock is -90 minutes off"):
        desk.client(now=lambda: wrong).account()


def test_threads_share_one_client_while_sessions_end(desk: Desk) -> None:
    fill(desk.played, 20)
    desk.played.fail(session_overlap=0.0)
    client, wrong = desk.client(), []

    def work() -> None:
        for _ in range(15):
            try:
                assert len(client.fetch_devices().devices) == 20
            except (DepError, AssertionError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert wrong == []


def test_an_agent_is_needed(desk: Desk) -> None:
    with pytest.raises(ValueError, match="User-Agent"):
        desk.client(user_agent=" ")


def test_our_http_client_follows_nothing() -> None:
    with dep_session.http_client() as http:
        assert not http.follow_redirects
