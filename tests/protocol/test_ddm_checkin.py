"""What devices ask about declarations, by hand: tokens, lists, fetches, links and odd reports."""

from __future__ import annotations

import json
import plistlib
from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from zmdm_plugin.models import RawAnswer
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    """It has the blueprint, and has not been told of it yet."""
    return desk.assign(quiet(road, road.enrolled()))


def token(answer: httpx.Response) -> str:
    """The DeclarationsToken of either answer."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    found: str = body.get("SyncTokens", body)["DeclarationsToken"]
    return found


def test_tokens_and_list_agree_and_do_not_change_by_themselves(
    desk: Desk, mac: SimulatedDevice
) -> None:
    desk.configuration("Passcode")
    answers = [
        desk.ask(mac, endpoint)
        for endpoint in ("tokens", "declaration-items", "tokens", "declaration-items", "tokens")
    ]
    assert len({token(answer) for answer in answers}) == 1
    assert answers[0].content == answers[2].content == answers[4].content
    stamp = answers[0].json()["SyncTokens"]["Timestamp"]
    at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - at).total_seconds()) < 120


def test_a_change_has_another_token_at_the_next_question(desk: Desk, mac: SimulatedDevice) -> None:
    before = token(desk.ask(mac, "tokens"))
    desk.configuration("Passcode")
    assert token(desk.ask(mac, "tokens")) != before
    assert "zmdm.activation" in desk.items(mac)


def test_a_fetch_answers_from_the_list_that_was_handed_out(
    desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode")
    listed = desk.items(mac)
    name = desk.identifier(passcode)
    desk.wording(passcode, {"MinimumLength": 12})
    desk.ask(mac, "tokens")
    old = desk.ask(mac, f"declaration/configuration/{name}").json()
    assert old["ServerToken"] == listed[name]
    assert old["Payload"] == {"MinimumLength": 8}
    assert desk.items(mac)[name] != listed[name]
    new = desk.ask(mac, f"declaration/configuration/{name}").json()
    assert new["Payload"] == {"MinimumLength": 12}


def test_what_was_withdrawn_is_fetched_as_long_as_it_is_in_the_list(
    desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode")
    desk.items(mac)
    fetch = f"declaration/configuration/{desk.identifier(passcode)}"
    desk.unlink(passcode)
    assert desk.ask(mac, fetch).status_code == 200
    desk.items(mac)
    assert desk.ask(mac, fetch).status_code == 404


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ("declaration/configuration/unknown", 404),
        ("declaration/asset/zmdm.activation", 404),
        ("declaration/activation/zmdm.activation", 200),
        ("declaration/other/zmdm.activation", 400),
        ("nonsense", 400),
        ("declaration/configuration/" + "x" * 600, 400),
    ],
)
def test_only_what_is_listed_is_there(
    desk: Desk, mac: SimulatedDevice, endpoint: str, status: int
) -> None:
    desk.items(mac)
    assert desk.ask(mac, endpoint).status_code == status


def test_a_device_that_never_had_declarations_is_told_that_there_are_none(
    road: Road, desk: Desk
) -> None:
    mac = road.enrolled()
    for endpoint in ("tokens", "declaration-items", "declaration/activation/zmdm.activation"):
        assert desk.ask(mac, endpoint).status_code == 404


def test_what_is_sent_is_what_apple_describes(desk: Desk, mac: SimulatedDevice) -> None:
    desk.configuration("Passcode")
    body = json.loads(desk.ask(mac, "declaration-items").content)
    assert set(body["Declarations"]) == {"Activations", "Configurations", "Assets", "Management"}
    for kind in ("Activations", "Configurations"):
        for one in body["Declarations"][kind]:
            where = kind.lower().removesuffix("s")
            found = desk.ask(mac, f"declaration/{where}/{one['Identifier']}").json()
            assert set(found) == {"Type", "Identifier", "ServerToken", "Payload"}
            assert found["ServerToken"] == one["ServerToken"]
            assert len(found["ServerToken"]) <= 64
            assert len(found["Identifier"]) <= 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"StatusItems": 5}',
        b'{"StatusItems":' + b'{"a":' * 200 + b"1" + b"}" * 201,
        b"\x00\xff\xfe",
    ],
)
def test_a_report_that_cannot_be_read_is_kept_and_taken(
    road: Road, desk: Desk, mac: SimulatedDevice, data: bytes
) -> None:
    assert desk.ask(mac, "status", data).status_code == 200
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count(RawAnswer.id))) == 1


@pytest.mark.parametrize(
    "items",
    [
        {"management": {"declarations": {"configurations": [{"identifier": 5}, 7, None]}}},
        {"management": {"declarations": []}},
        {"management": {"client-capabilities": "all"}},
        {"management": {"client-capabilities": {"supported-payloads": {"status-items": {}}}}},
        {"device": {"operating-system": {"version": "9" * 5000}}},
        {"device": "x", "softwareupdate": [1]},
        {"text": "\x00\ud800", "number": 10**400},
        {"passcode": {"is-present": "yes"}},
    ],
)
def test_a_report_with_strange_values_is_taken(
    road: Road, desk: Desk, mac: SimulatedDevice, items: dict[str, object]
) -> None:
    body = json.dumps({"StatusItems": items, "FullReport": True}).encode()
    assert desk.ask(mac, "status", body).status_code == 200
    with road.rows():
        assert road.row(mac).os_version == mac.facts.model.os_version
    assert desk.ask(mac, "tokens").status_code == 200


def test_a_report_of_a_device_that_has_left_is_taken(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    with road.rows():
        road.channel(mac).ended_at = road.row(mac).enrolled_at
    assert desk.ask(mac, "status", {"StatusItems": {}}).status_code == 200
    assert desk.ask(mac, "tokens").status_code == 404


def link(desk: Desk, mac: SimulatedDevice, artifact: int) -> str:
    """Where a profile is to be downloaded from."""
    desk.items(mac)
    fetch = f"declaration/configuration/{desk.identifier(artifact)}"
    url: str = desk.ask(mac, fetch).json()["Payload"]["ProfileURL"]
    return url


def test_a_profile_is_downloaded_whole_in_parts_and_not_twice(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    url = link(desk, mac, desk.profile("Wi-Fi"))
    whole = road.http.get(url)
    assert whole.headers["content-type"] == "application/x-apple-aspen-config"
    assert plistlib.loads(whole.content)["PayloadType"] == "Configuration"
    size = len(whole.content)
    part = road.http.get(url, headers={"Range": "bytes=10-"})
    assert (part.status_code, part.content) == (206, whole.content[10:])
    assert part.headers["content-range"] == f"bytes 10-{size - 1}/{size}"
    late = road.http.get(url, headers={"Range": f"bytes={size}-"})
    assert (late.status_code, late.headers["content-range"]) == (416, f"bytes */{size}")
    again = road.http.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    head = road.http.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


def test_a_link_is_for_one_channel_and_as_long_as_it_is_offered(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    wifi = desk.profile("Wi-Fi")
    url = link(desk, mac, wifi)
    other = desk.assign(quiet(road, road.enrolled(seed=2)))
    theirs = link(desk, other, wifi)
    prefix, mine = url.rsplit("/", 1)
    assert road.http.get(f"{prefix}/{theirs.rsplit('/', 1)[1]}").status_code == 404
    assert road.http.get(f"{prefix}/{mine[:-1]}x").status_code == 404
    assert road.http.get(f"{prefix}/\u00e9").status_code == 404
    desk.unlink(wifi)
    desk.items(mac)
    assert road.http.get(url).status_code == 404
    assert road.http.get(theirs).status_code == 200


def test_a_device_that_has_left_downloads_nothing(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    url = link(desk, mac, desk.profile("Wi-Fi"))
    mac.check_out()
    assert road.http.get(url).status_code == 404


def test_a_retired_certificate_gets_no_declarations(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    desk.items(mac)
    with road.rows():
        identity = road.identities(mac)[0]
        identity.state = "retired"
    assert desk.ask(mac, "tokens").status_code == 400
