"""The played device assignment service, asked byte by byte as Apple's documentation has it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.dep import PROFILE, connect, faults, fill
from zmdm_plugin.protocol.server_token import ServerToken
from zmdm_simulator.apple import dep_cli
from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.models_of_devices import MODELS

AGENT = {"User-Agent": "test/1"}
JSON = {**AGENT, "Content-Type": "application/json;charset=UTF8", "X-Server-Protocol-Version": "10"}


@pytest.fixture
def played() -> Iterator[PlayedDep]:
    service = PlayedDep().start()
    yield service
    service.stop()


@pytest.fixture
def http(played: PlayedDep) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=played.url) as client:
        yield client


def signed(played: PlayedDep, token: ServerToken, **more: str) -> str:
    """The header, spelled out after RFC 5849."""
    given = {
        "oauth_consumer_key": token.consumer_key,
        "oauth_token": token.access_token,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": secrets.token_hex(8),
        "oauth_version": "1.0",
        **more,
    }
    parameters = "&".join(f"{name}={quote(given[name], safe='')}" for name in sorted(given))
    base = f"GET&{quote(played.url + '/session', safe='')}&{quote(parameters, safe='')}"
    key = f"{token.consumer_secret}&{token.access_secret}".encode()
    made = base64.b64encode(hmac.digest(key, base.encode(), hashlib.sha1)).decode()
    given["oauth_signature"] = quote(made, safe="")
    return 'OAuth realm="ADM", ' + ", ".join(f'{name}="{value}"' for name, value in given.items())


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(played: PlayedDep, http: httpx.Client) -> Ask:
    token = connect(played)
    answer = http.get("/session", headers={**AGENT, "Authorization": signed(played, token)})
    session = answer.json()["auth_session_token"]

    def send(method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {**JSON, "X-ADM-Auth-Session": session, **headers}
        return http.request(method, path, json=body, headers=given)

    return send


def test_a_right_signature_opens_a_session_one_time(played: PlayedDep, http: httpx.Client) -> None:
    header = {**AGENT, "Authorization": signed(played, connect(played))}
    assert http.get("/session", headers=header).status_code == 200
    assert http.get("/session", headers=header).status_code == 401  # the nonce is used


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"oauth_timestamp": "1000000000"}, 401),
        ({"oauth_consumer_key": "CK_other"}, 401),
        ({"oauth_token": "AT_other"}, 401),
        ({"oauth_signature_method": "PLAINTEXT"}, 400),
        ({"oauth_nonce": ""}, 400),
        ({"oauth_color": "red"}, 400),
    ],
)
def test_wrong_oauth_is_refused(
    played: PlayedDep, http: httpx.Client, more: dict[str, str], status: int
) -> None:
    header = signed(played, connect(played), **more)
    assert http.get("/session", headers={**AGENT, "Authorization": header}).status_code == status


def test_a_wrong_signature_and_an_expired_token_are_refused(
    played: PlayedDep, http: httpx.Client
) -> None:
    token = connect(played)
    header = signed(played, token)
    bad = header.replace('oauth_signature="', 'oauth_signature="A')
    assert http.get("/session", headers={**AGENT, "Authorization": bad}).status_code == 401
    played.organization.clock.ahead = 366 * 86400
    stamp = str(int(time.time()) + 366 * 86400)
    late = signed(played, token, oauth_timestamp=stamp)
    assert http.get("/session", headers={**AGENT, "Authorization": late}).status_code == 401


def test_without_user_agent_nothing_is_answered(http: httpx.Client) -> None:
    answer = http.get("/account", headers={"User-Agent": ""})
    assert (answer.status_code, answer.text) == (400, "USER_AGENT_MISSING")


def test_each_answer_brings_a_session_and_the_former_ends_later(
    played: PlayedDep, ask: Ask
) -> None:
    first = ask("GET", "/account")
    second = first.headers["X-ADM-Auth-Session"]
    assert ask("GET", "/account").status_code == 200
    played.organization.clock.ahead = 61
    assert ask("GET", "/account").status_code == 401
    assert ask("GET", "/account", **{"X-ADM-Auth-Session": second}).status_code == 200


def test_a_session_belongs_to_one_user_agent(ask: Ask) -> None:
    answer = ask("GET", "/account", **{"User-Agent": "other/1"})
    assert (answer.status_code, answer.text) == (403, "FORBIDDEN")


def test_an_unused_session_expires(played: PlayedDep, ask: Ask) -> None:
    played.organization.clock.ahead = 200
    assert ask("GET", "/account").text == "UNAUTHORIZED"


def test_a_fetch_lists_each_device_one_time_and_then_its_cursor_is_exhausted(
    played: PlayedDep, ask: Ask
) -> None:
    serials = fill(played, 250)
    found, cursor, more = [], None, True
    while more:
        page = ask("POST", "/server/devices", {"cursor": cursor} if cursor else {}).json()
        found += [one["serial_number"] for one in page["devices"]]
        cursor, more = page["cursor"], page["more_to_follow"]
    assert found == serials
    answer = ask("POST", "/server/devices", {"cursor": cursor})
    assert (answer.status_code, answer.text) == (400, "EXHAUSTED_CURSOR")


def test_what_happens_during_a_fetch_comes_with_the_sync(played: PlayedDep, ask: Ask) -> None:
    serials = fill(played, 4)
    first = ask("POST", "/server/devices", {"limit": 2}).json()
    played.organization.remove([serials[0], serials[3]])
    last = ask("POST", "/server/devices", {"limit": 2, "cursor": first["cursor"]}).json()
    assert [one["serial_number"] for one in last["devices"]] == [serials[2]]
    changes = ask("POST", "/devices/sync", {"cursor": last["cursor"]}).json()
    found = [(one["serial_number"], one["op_type"]) for one in changes["devices"]]
    assert found == [(serials[0], "deleted"), (serials[3], "deleted")]


def test_a_cursor_is_required_and_must_be_one_that_a_whole_fetch_gave(
    played: PlayedDep, ask: Ask
) -> None:
    fill(played, 2)
    whole = ask("POST", "/server/devices", {}).json()["cursor"]
    part = ask("POST", "/server/devices", {"limit": 1}).json()["cursor"]
    assert ask("POST", "/devices/sync", {}).text == "CURSOR_REQUIRED"
    for wrong in ("x", whole[:-3] + "AAA", part):
        assert ask("POST", "/devices/sync", {"cursor": wrong}).text == "INVALID_CURSOR"


def test_a_cursor_of_eight_days_is_expired(played: PlayedDep, ask: Ask) -> None:
    played.fail(session_lifetime=10**9, rotate=0)
    cursor = ask("POST", "/server/devices", {}).json()["cursor"]
    played.organization.clock.ahead = 8 * 86400
    assert ask("POST", "/devices/sync", {"cursor": cursor}).text == "EXPIRED_CURSOR"


def test_a_moved_device_is_deleted_here_and_modified_there(played: PlayedDep, ask: Ask) -> None:
    [serial] = fill(played, 1)
    played.organization.new_server("Other")
    played.organization.move([serial], source="MDM", target="Other")
    assert ask("POST", "/devices", {"devices": [serial]}).json()["devices"][serial] == {
        "response_status": "NOT_ACCESSIBLE"
    }
    other = played.organization.server("Other").books
    page = other.fetch(None, 10)
    assert [one["serial_number"] for one in page.devices] == [serial]


def test_a_profile_is_kept_as_it_was_defined(ask: Ask) -> None:
    first = ask("POST", "/profile", PROFILE).json()["profile_uuid"]
    second = ask("POST", "/profile", {**PROFILE, "profile_name": "New"}).json()["profile_uuid"]
    kept = ask("GET", f"/profile?profile_uuid={first}").json()
    assert first != second
    assert kept == {**PROFILE, "profile_uuid": first}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"profile_name": ""}, "CONFIG_NAME_REQUIRED"),
        ({"profile_name": "x" * 126}, "CONFIG_NAME_INVALID"),
        ({"url": "ftp://x"}, "CONFIG_URL_INVALID"),
        ({"is_supervised": False}, "FLAGS_INVALID"),
        ({"language": "english"}, "LOCALE_INVALID"),
        ({"org_magic": "x" * 257}, "MAGIC_INVALID"),
        ({"support_phone_number": "1" * 51}, "SUPPORT_PHONE_INVALID"),
    ],
)
def test_a_wrong_profile_is_refused(ask: Ask, change: dict[str, Any], code: str) -> None:
    answer = ask("POST", "/profile", {**PROFILE, **change})
    assert (answer.status_code, answer.text) == (400, code)


def test_each_serial_number_has_its_own_answer(played: PlayedDep, ask: Ask) -> None:
    one, two, three = fill(played, 3)
    profile = ask("POST", "/profile", PROFILE).json()["profile_uuid"]
    played.fail(devices={two: ["THROTTLED"], three: ["FAILED"]}, retry_after_seconds=7)
    body = {"profile_uuid": profile, "devices": [one, two, three, "UNKNOWN"]}
    assert ask("POST", "/profile/devices", body).json() == {
        "profile_uuid": profile,
        "devices": {one: "SUCCESS", two: "THROTTLED", three: "FAILED", "UNKNOWN": "NOT_ACCESSIBLE"},
        "retry_after_seconds": 7,
    }
    again = ask("POST", "/profile/devices", body).json()
    assert again["devices"][two] == again["devices"][three] == "SUCCESS"


def test_an_older_version_hides_what_it_does_not_know(played: PlayedDep, ask: Ask) -> None:
    ipad = next(name for name, model in MODELS.items() if model.platform == "iPadOS")
    [serial] = fill(played, 1, models=[ipad])
    version = "X-Server-Protocol-Version"
    shown = {
        number: ask("POST", "/devices", {"devices": [serial]}, **{version: number}).json()
        for number in ("1", "3", "10")
    }
    new, old, oldest = (shown[number]["devices"][serial] for number in ("10", "3", "1"))
    assert (new["os"], old["os"]) == ("iPadOS", "iOS")
    assert "wifi_mac_address" in new
    assert "wifi_mac_address" not in old
    assert "os" not in oldest


def test_rules_go_wrong_so_often_and_then_no_more(played: PlayedDep, ask: Ask) -> None:
    played.rule(path="/account", status=429, retry_after=3, times=2)
    answers = [ask("GET", "/account") for _ in range(3)]
    assert [one.status_code for one in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "3"


def test_what_was_asked_may_be_done_though_the_answer_is_lost(played: PlayedDep, ask: Ask) -> None:
    played.rule(path="/profile", drop=True, after=True)
    with pytest.raises(httpx.HTTPError):
        ask("POST", "/profile", PROFILE)
    assert len(played.organization.server().books.profiles) == 1


DISCOVERY = "/account-driven-enrollment/profile"


@pytest.mark.needs("services_schema")
def test_every_answer_is_as_apples_schemas_have_it(played: PlayedDep, ask: Ask) -> None:
    serials = fill(played, 8)
    profile = ask("POST", "/profile", {**PROFILE, "devices": serials[:1]}).json()
    assignment = {"profile_uuid": profile["profile_uuid"], "devices": [*serials, "UNKNOWN"]}
    cursor = ask("POST", "/server/devices", {}).json()["cursor"]
    ask("POST", DISCOVERY, {"mdm_service_discovery_url": "https://mdm.example.com/x"})
    get = f"/profile?profile_uuid={profile['profile_uuid']}"
    for name, method, path, body in (
        ("AccountDetail", "GET", "/account", None),
        ("FetchDeviceResponse", "POST", "/server/devices", {}),
        ("DefineProfileResponse", "POST", "/profile", PROFILE),
        ("AssignProfileResponse", "POST", "/profile/devices", assignment),
        ("DeviceListResponse", "POST", "/devices", {"devices": serials}),
        ("FetchDeviceResponse", "POST", "/devices/sync", {"cursor": cursor}),
        ("Profile", "GET", get, None),
        ("ClearProfileResponse", "DELETE", "/profile/devices", {"devices": serials}),
        ("ActivationLockStatusResponse", "POST", "/device/activationlock", {"device": serials[0]}),
        ("GetAccountDrivenEnrollmentProfileResponse", "GET", DISCOVERY, None),
        ("GetSeedBuildTokenResponse", "GET", "/os-beta-enrollment/tokens", None),
        ("DeviceStatusResponse", "POST", "/devices/disown", {"devices": [*serials, "UNKNOWN"]}),
    ):
        answer = ask(method, path, body)
        assert answer.status_code == 200, (path, answer.text)
        assert faults(name, answer.json()) == [], path


@pytest.mark.needs("services_schema")
def test_the_judge_finds_faults() -> None:
    assert faults("Device", {"serial_number": "C02", "model": "Mac", "os": "BeOS"})
    assert faults("FetchDeviceResponse", {"devices": [{}]})


def test_an_operator_adds_lists_and_removes_devices_by_hand(
    played: PlayedDep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(played)
    url = ["--url", played.url]
    assert dep_cli.main(["add", *url, "--count", "2", "--seed", "7", "--models", "Mac14,2"]) == 0
    serials = capsys.readouterr().out.split()
    assert dep_cli.main(["remove", *url, serials[0]]) == 0
    assert dep_cli.main(["list", *url]) == 0
    assert capsys.readouterr().out.split() == ["1", serials[1], "Mac", "empty"]
    assert dep_cli.main(["list", *url, "--server", "unknown"]) == 2
