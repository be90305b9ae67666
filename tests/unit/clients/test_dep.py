"""The client of Apple's device assignment service, against the played one, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.dep import PROFILE, connect, faults, fill
from zmdm_plugin.clients import dep_errors, dep_session, dep_values
from zmdm_plugin.clients.dep import ASSIGN, FETCH, DepClient
from zmdm_plugin.clients.dep_errors import (
    AccessDenied,
    BadRequest,
    BetaTurnedOff,
    DepError,
    ExhaustedCursor,
    ExpiredCursor,
    Forbidden,
    InvalidCursor,
    ProfileRejected,
    ServiceDown,
    TermsNotSigned,
    Throttled,
    TokenRefused,
    UnknownProfile,
    Unreachable,
    Unreadable,
    VersionRefused,
)
from zmdm_plugin.clients.dep_session import Manners
from zmdm_plugin.protocol.server_token import ServerToken
from zmdm_simulator.apple.dep import PlayedDep


@pytest.fixture
def played() -> Iterator[PlayedDep]:
    service = PlayedDep().start()
    yield service
    service.stop()


@dataclass
class Desk:
    """Clients of one service, what they waited, and what they sent."""

    played: PlayedDep
    http: httpx.Client
    token: ServerToken
    waits: list[float] = field(default_factory=list)
    sent: list[httpx.Request] = field(default_factory=list)

    def client(self, token: ServerToken | None = None, **manners: Any) -> DepClient:
        given = {"user_agent": "test/1", "pause": self.waits.append, "dice": lambda: 0.5}
        polite = Manners(**{**given, **manners})
        return DepClient(self.http, token or self.token, base_url=self.played.url, manners=polite)

    def paths(self) -> list[str]:
        return [one.url.path for one in self.sent]


@pytest.fixture
def desk(played: PlayedDep) -> Iterator[Desk]:
    sent: list[httpx.Request] = []
    with httpx.Client(event_hooks={"request": [sent.append]}, timeout=5) as http:
        yield Desk(played, http, connect(played), sent=sent)


def everything(client: DepClient, limit: int = 0) -> tuple[list[str], str]:
    found: list[str] = []
    page = client.fetch_devices(limit=limit)
    while True:
        found += [one.serial_number for one in page.devices]
        if not page.more_to_follow:
            return found, page.cursor
        page = client.fetch_devices(page.cursor, limit)


def test_the_account_names_organization_service_and_limits(desk: Desk) -> None:
    account = desk.client().account()
    assert account.org_name == "Example organization"
    assert account.server_uuid == desk.played.organization.server().uuid
    assert account.limits[FETCH] == dep_values.Limit(100, 1000)


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


@pytest.mark.parametrize("date", [False, True])
def test_a_longer_wait_is_left_to_the_caller(desk: Desk, date: bool) -> None:
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    when = (now + timedelta(seconds=120)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    client = desk.client()
    client.account()
    desk.played.rule(path="/account", status=429, retry_after=when if date else 120, times=0)
    with pytest.raises(Throttled) as caught:
        desk.client(now=datetime_now(desk, now, date)).account()
    assert caught.value.retry_after == 120
    assert desk.waits == []


def datetime_now(desk: Desk, now: datetime, date: bool) -> Callable[[], datetime]:
    """The real clock for the session; for a date, then the moment it was computed from."""
    moments = iter([desk.played.organization.clock()])
    return lambda: next(moments, now)


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


def test_another_token_is_refused(desk: Desk, played: PlayedDep) -> None:
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


def test_all_devices_come_page_by_page(desk: Desk) -> None:
    serials = fill(desk.played, 1203)
    found, cursor = everything(desk.client())
    assert found == serials
    assert desk.paths().count(FETCH) == 2
    assert cursor


def test_a_limit_is_never_more_than_apples(desk: Desk) -> None:
    fill(desk.played, 30)
    client = desk.client()
    assert len(client.fetch_devices(limit=7).devices) == 7
    assert len(client.fetch_devices(limit=5000).devices) == 30


def test_a_sync_brings_what_changed(desk: Desk) -> None:
    one, two = fill(desk.played, 2)
    client = desk.client()
    _, cursor = everything(client)
    desk.played.organization.remove([one], released_by_replacement=True)
    [three] = fill(desk.played, 1, first=9)
    page = client.sync_devices(cursor)
    found = [(d.serial_number, d.op_type, d.released_by_replacement) for d in page.devices]
    assert found == [(one, "deleted", True), (three, "added", None)]
    assert all(d.op_date is not None and d.op_date.tzinfo for d in page.devices)
    assert client.sync_devices(page.cursor).devices == ()
    assert two not in [d.serial_number for d in page.devices]


def test_the_cursors_errors_come_from_the_service(desk: Desk) -> None:
    fill(desk.played, 1)
    client = desk.client(now=desk.played.organization.clock)
    _, cursor = everything(client)
    with pytest.raises(ExhaustedCursor):
        client.fetch_devices(cursor)
    with pytest.raises(InvalidCursor):
        client.sync_devices("invented")
    desk.played.fail(exhausted=True)
    with pytest.raises(ExhaustedCursor):
        client.sync_devices(cursor)
    desk.played.organization.clock.ahead = 8 * 86400
    with pytest.raises(ExpiredCursor):
        client.sync_devices(cursor)


def test_details_of_each_device_and_of_those_that_are_not_ours(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    found = desk.client().device_details([serial, "UNKNOWN"])
    assert (found[serial].response_status, found[serial].profile_status) == ("SUCCESS", "empty")
    assert found["UNKNOWN"].response_status == dep_values.NOT_ACCESSIBLE


def test_a_profile_is_defined_read_assigned_and_removed(desk: Desk) -> None:
    one, two = fill(desk.played, 2)
    client = desk.client()
    profile = client.define_profile(PROFILE).profile_uuid
    assert client.get_profile(profile) == {**PROFILE, "profile_uuid": profile}
    made = client.assign_profile(profile, [one, two, "UNKNOWN"])
    assert made.of(dep_values.SUCCESS) == (one, two)
    assert made.of(dep_values.NOT_ACCESSIBLE) == ("UNKNOWN",)
    assert client.device_details([one])[one].profile_uuid == profile
    assert client.remove_profile([one]).devices == {one: "SUCCESS"}
    assert client.remove_profile([two], profile_uuid="OTHER").devices == {two: "FAILED"}


def test_throttled_devices_come_with_the_time_to_wait(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    profile = client.define_profile(PROFILE).profile_uuid
    desk.played.fail(devices={serial: ["THROTTLED"]}, retry_after_seconds=17)
    made = client.assign_profile(profile, [serial])
    assert (made.of(dep_values.THROTTLED), made.retry_after) == ((serial,), 17)


def test_an_unknown_profile_and_a_wrong_one(desk: Desk) -> None:
    client = desk.client()
    for question in (
        lambda: client.get_profile("0" * 32),
        lambda: client.assign_profile("0" * 32, ["C02"]),
    ):
        with pytest.raises(UnknownProfile):
            question()
    with pytest.raises(ProfileRejected) as caught:
        client.define_profile({**PROFILE, "department": "x" * 200})
    assert (caught.value.code, caught.value.field) == ("DEPARTMENT_INVALID", "department")


def test_no_request_names_more_devices_than_apple_takes(desk: Desk) -> None:
    client = desk.client()
    many = [f"S{number}" for number in range(1001)]
    for wrong in (many, []):
        with pytest.raises(BadRequest):
            client.assign_profile("P", wrong)
    assert [len(one) for one in client.batches(ASSIGN, many)] == [1000, 1]
    assert desk.sent == []


def test_disowned_devices_are_gone(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    assert client.disown([serial]).devices == {serial: "SUCCESS"}
    assert client.disown([serial]).devices == {serial: "NOT_ACCESSIBLE"}


def test_activation_lock_says_what_became_of_it(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    assert client.activation_lock(serial, escrow_key="0a" * 32, message="Lost") == "SUCCESS"
    assert client.activation_lock(serial) == "DEVICE_ALREADY_LOCKED"


def test_beta_tokens_are_asked_in_the_first_version(desk: Desk) -> None:
    tokens = desk.client().beta_tokens()
    assert {one.os for one in tokens} >= {"iOS", "OSX"}
    assert desk.sent[-1].headers["X-Server-Protocol-Version"] == "1"
    assert tokens[0].token not in repr(tokens[0])
    desk.played.fail(beta=False)
    with pytest.raises(BetaTurnedOff):
        desk.client().beta_tokens()


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


def test_unknown_fields_are_kept_and_wrong_ones_do_no_harm() -> None:
    page = dep_values.page(
        {
            "devices": [
                {"serial_number": "A", "is_new": 1, "op_date": "soon", "imei": "35", "color": 7},
                {"model": "no serial number"},
                "no device",
            ],
            "cursor": "c",
            "more_to_follow": False,
        }
    )
    [device] = page.devices
    assert device.imei == ("35",)
    assert device.more == {"is_new": 1, "op_date": "soon", "color": 7}
    assert page.unreadable == 2


def test_an_agent_is_needed(desk: Desk) -> None:
    with pytest.raises(ValueError, match="User-Agent"):
        desk.client(user_agent=" ")


def test_our_http_client_follows_nothing() -> None:
    with dep_session.http_client() as http:
        assert not http.follow_redirects


@pytest.mark.needs("services_schema")
def test_every_request_is_as_apples_schemas_have_it(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    _, cursor = everything(client)
    client.sync_devices(cursor)
    profile = client.define_profile(PROFILE).profile_uuid
    client.assign_profile(profile, [serial])
    client.device_details([serial])
    client.remove_profile([serial])
    client.activation_lock(serial, escrow_key="0a" * 32)
    client.disown([serial])
    schemas = {
        ("POST", "/server/devices"): "FetchDeviceRequest",
        ("POST", "/devices/sync"): "SyncDeviceRequest",
        ("POST", "/profile"): "Profile",
        ("POST", "/profile/devices"): "ProfileServiceRequest",
        ("POST", "/devices"): "DeviceListRequest",
        ("DELETE", "/profile/devices"): "ClearProfileRequest",
        ("POST", "/device/activationlock"): "ActivationLockRequest",
        ("POST", "/devices/disown"): "DeviceListRequest",
    }
    spoken = {(one.method, one.url.path): one for one in desk.sent}
    for question, name in schemas.items():
        body = httpx.Response(200, content=spoken[question].content).json()
        assert faults(name, body) == [], question
