"""Simulated people and their devices: what they send is Apple's, and wrong answers end it."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from tests.accounts import ACCOUNT, ADA, SITE, came_in, lay_account
from tests.apple_schema import validate_checkin, validate_profile, validate_response
from tests.road import Road
from zmdm_simulator import account_driven, checkins, cms
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed

BASE = f"{SITE}/enroll/"
CHALLENGE = f'Bearer method="apple-as-web", url="{SITE}/authenticate"'
BACK = "apple-remotemanagement-user-login://authentication-results?access-token=abc"
Answer = Callable[[httpx.Request], httpx.Response]


def server(**answers: Answer) -> httpx.Client:
    """A server that does all as Apple wants it, but for what a test answers otherwise."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        name = {"/authenticate": "window", "/enroll/": "first"}.get(path, "discovery")
        if name == "first" and "authorization" in request.headers:
            name = "second"
        return answers.get(name, USUAL[name])(request)

    return httpx.Client(transport=httpx.MockTransport(answer))


def found(version: str = "mdm-byod", url: str = BASE) -> httpx.Response:
    return httpx.Response(200, json={"Servers": [{"Version": version, "BaseURL": url}]})


USUAL: dict[str, Answer] = {
    "discovery": lambda _request: found(),
    "first": lambda _request: httpx.Response(401, headers={"WWW-Authenticate": CHALLENGE}),
    "window": lambda _request: httpx.Response(308, headers={"Location": BACK}),
    "second": lambda _request: httpx.Response(404),
}


def status(code: int, **headers: str) -> Answer:
    return lambda _request: httpx.Response(code, headers=headers)


def without_comma() -> str:
    return CHALLENGE.replace(", url", " url")


@pytest.mark.parametrize(
    ("step", "answer", "why"),
    [
        ("discovery", status(404), "answered 404"),
        ("discovery", lambda _: httpx.Response(200, json={"Servers": []}), "not Apple's document"),
        ("discovery", lambda _: found("mdm-other"), "nothing that this device knows"),
        ("discovery", lambda _: httpx.Response(200, text="{}"), "not application/json"),
        ("first", status(401), "without a sign-in"),
        ("first", status(403), "answered 403"),
        ("first", status(401, **{"WWW-Authenticate": without_comma()}), "without a sign-in"),
        ("window", status(302, Location=BACK), "did not lead back"),
        ("window", status(308, Location=BACK.replace("user-login", "other")), "did not lead back"),
        ("window", status(308, Location=BACK.replace("=abc", "=")), "no access token"),
        ("second", status(500), "answered 500"),
    ],
)
def test_a_wrong_answer_ends_the_enrollment(
    road: Road, step: str, answer: Answer, why: str
) -> None:
    phone = road.device("iPhone15,2", http=server(**{step: answer}))
    with pytest.raises(EnrollmentFailed, match=why):
        phone.enroll_with_account(ACCOUNT, ADA, site=SITE)
    assert phone.mdm is None and phone.account is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"EnrollmentMode": "ADDE"}, "EnrollmentMode"), ({"AssignedManagedAppleID": None}, "missing")],
)
def test_a_profile_that_is_not_what_was_announced_is_not_installed(
    road: Road, changed: dict[str, Any], why: str
) -> None:
    lay_account(road)
    profile = plistlib.loads(profile_of(came_in(road)))
    mdm = profile["PayloadContent"][-1]
    mdm.update(changed)
    mdm |= {"AccessRights": 8191} if "EnrollmentMode" in changed else {}
    content = plistlib.dumps({**profile, "PayloadContent": [*without_none(profile)]})
    headers = {"Content-Type": "application/x-apple-aspen-config"}
    second = lambda _request: httpx.Response(200, content=content, headers=headers)  # noqa: E731
    phone = road.device("iPhone15,2", http=server(second=second))
    with pytest.raises(EnrollmentFailed, match=why):
        phone.enroll_with_account(ACCOUNT, ADA, site=SITE)


def without_none(profile: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for payload in profile["PayloadContent"]:
        yield {key: value for key, value in payload.items() if value is not None}


def profile_of(device: SimulatedDevice) -> bytes:
    return device.channel().profiles[device.enrollment_identifier or ""].raw


def test_a_system_that_is_too_old_does_not_try(road: Road) -> None:
    phone = road.device("iPhone15,2", http=server(), system=("14.8", "18H17"))
    with pytest.raises(EnrollmentFailed, match="does not know mdm-byod"):
        phone.enroll_with_account(ACCOUNT, ADA, site=SITE)


def test_where_the_domain_does_not_answer_apple_is_asked_by_newer_systems(road: Road) -> None:
    def discovery(request: httpx.Request) -> httpx.Response:
        return found() if request.url.path == "/told-apple" else httpx.Response(404)

    new = road.device("iPhone15,2", http=server(discovery=discovery))
    told = f"{SITE}/told-apple"
    assert account_driven.discover(new, ACCOUNT, site=SITE, apple=told).base_url == BASE
    old = road.device("iPhone15,2", http=new.http, system=("17.6", "21G80"))
    with pytest.raises(EnrollmentFailed, match="answered 404"):
        account_driven.discover(old, ACCOUNT, site=SITE, apple=told)


def test_what_a_device_says_first_names_no_device(road: Road) -> None:
    sent: list[httpx.Request] = []

    def first(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(400)

    phone = road.device("iPhone15,2", http=server(first=first))
    with pytest.raises(EnrollmentFailed):
        phone.enroll_with_account(ACCOUNT, ADA, site=SITE)
    body = plistlib.loads(cms.verify_attached(sent[0].content).content)
    assert set(body) == {"LANGUAGE", "PRODUCT", "VERSION"}


def test_a_401_without_its_header_makes_an_enrolled_device_leave(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    phone.http = httpx.Client(transport=httpx.MockTransport(status(401)))
    assert phone.connect().left and phone.account is None


def test_every_request_carries_the_token(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200)

    phone.http = httpx.Client(transport=httpx.MockTransport(answer))
    token = phone.account.token if phone.account else ""
    phone.connect()
    phone.update_token()
    phone.check_out()
    assert seen == [f"Bearer {token}"] * 3


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize(
    ("model", "mode", "platform"),
    [
        ("iPhone15,2", "mdm-byod", "iOS"),
        ("MacBookPro18,3", "mdm-byod", "macOS"),
        ("MacBookPro18,3", "mdm-adde", "macOS"),
    ],
)
def test_both_sides_speak_as_apple_writes(road: Road, model: str, mode: str, platform: str) -> None:
    lay_account(road, mode=mode)
    device = came_in(road, model)
    assert validate_profile(profile_of(device), platform=platform) == []
    channel, user = device.channel(), mode == "mdm-byod"
    for body in (
        checkins.authenticate(device, channel),
        checkins.token_update(device, channel),
        checkins.get_token(device, channel, "com.apple.maid"),
    ):
        kind = body["MessageType"]
        assert validate_checkin(kind, body, platform=platform, user_enrollment=user) == []
    talk = device.connect()
    for handled in talk:
        assert (
            validate_response(
                handled.request_type, handled.answer, platform=platform, user_enrollment=user
            )
            == []
        )
    assert json.dumps(device.facts.serial) not in str(talk) or not user
