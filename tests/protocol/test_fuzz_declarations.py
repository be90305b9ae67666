"""Whatever an enrolled device says about declarations is taken; whatever a link has been bent to
leads nowhere. No 5xx, nothing that makes a device leave, and junk changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declaring import Desk
from tests.orders import quiet
from tests.protocol.test_ddm_checkin import link
from tests.protocol.test_fuzz_device_routes import damage, everything
from tests.road import Road
from zmdm_plugin.models import ChannelArtifact, RawAnswer
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.wire import dumps

ENDPOINTS = ("tokens", "declaration-items", "status", "declaration", "declaration/")
ENDPOINTS += ("declaration/activation/zmdm.activation", "declaration/asset/", "Status", "status/")
NAMES = ("StatusItems", "Errors", "FullReport", "management", "declarations", "configurations")
NAMES += ("client-capabilities", "supported-payloads", "status-items", "identifier", "valid")
NAMES += ("server-token", "reasons", "code", "active", "softwareupdate", "failure-reason", "count")
NAMES += ("device", "operating-system", "version", "timestamp", "_removed", "Reasons", "StatusItem")
ANY = st.characters(codec=None, exclude_categories=())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(ANY, max_size=20),
    st.sampled_from(["valid", "invalid", "\0", "\ud800", "15.1", "2026-01-01T00:00:00Z"]),
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(ANY, max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


def about(identifier: str, token: str) -> st.SearchStrategy[dict[str, Any]]:
    """Reports about a declaration that is there, with junk wherever something is said of it."""
    told = st.fixed_dictionaries(
        {},
        optional={
            "identifier": st.just(identifier) | scalars,
            "server-token": st.just(token) | scalars,
            "valid": st.sampled_from(["valid", "invalid", "unknown"]) | trees,
            "active": st.booleans() | trees,
            "reasons": st.lists(st.fixed_dictionaries({"code": trees}), max_size=2) | trees,
        },
    )
    return st.lists(told | trees, max_size=3).map(
        lambda listed: {"StatusItems": {"management": {"declarations": {"configurations": listed}}}}
    )


@pytest.fixture(params=["road", "pg_road"])
def road_of(request: pytest.FixtureRequest) -> Iterator[Road]:
    """On both databases: what one takes the other refuses."""
    road: Road = request.getfixturevalue(request.param)
    yield road


def a_mac(road: Road, desk: Desk, seed: int = 1) -> SimulatedDevice:
    mac = desk.assign(quiet(road, road.enrolled(seed=seed)))
    mac.connect()
    return mac


def say(mac: SimulatedDevice, **message: Any) -> int:
    who = checkins.who(mac, mac.channel())
    body = dumps({"MessageType": "DeclarativeManagement", **who, **message})
    return mac.wire.check_in(body).status_code


def test_any_status_report_is_taken(road_of: Road) -> None:
    desk = Desk(road_of)
    passcode = desk.configuration("Passcode")
    mac = a_mac(road_of, desk)
    name = desk.identifier(passcode)
    reports = about(name, desk.items(mac)[name])

    @settings(max_examples=120)
    @given(report=trees | reports | st.binary(max_size=60))
    def tell(report: Any) -> None:
        data = report if isinstance(report, bytes) else json.dumps(report).encode()
        assert say(mac, Endpoint="status", Data=data) == 200
        assert desk.ask(mac, "declaration-items").status_code == 200

    tell()
    with road_of.rows() as session:
        stumbled = sa.select(RawAnswer.reason).where(RawAnswer.reason.contains("could not be"))
        assert session.scalars(stumbled).all() == []


def test_any_other_question_changes_nothing(road: Road) -> None:
    desk = Desk(road)
    desk.configuration("Passcode")
    mac = a_mac(road, desk)
    desk.items(mac)
    before = everything(road.app)
    odd = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=600)
    paths = odd | odd.map(lambda text: f"declaration/configuration/{text}")

    @settings(max_examples=120)
    @given(endpoint=paths.filter(lambda text: text not in ENDPOINTS[:3]))
    def ask(endpoint: str) -> None:
        assert say(mac, Endpoint=endpoint) in (400, 404)

    ask()
    assert everything(road.app) == before


@pytest.mark.parametrize("data", ["text", 5, True, {"StatusItems": {}}, [b"{}"]])
def test_a_report_that_is_no_data_is_kept_and_taken(road: Road, data: Any) -> None:
    mac = a_mac(road, Desk(road))
    assert say(mac, Endpoint="status", Data=data) == 200
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count(RawAnswer.id))) == 1


@pytest.mark.parametrize("code", [["Error.Unknown"], {"a": 1}, 5, None])
def test_a_reason_without_a_readable_code_is_a_failure_all_the_same(road: Road, code: Any) -> None:
    desk = Desk(road)
    passcode = desk.configuration("Passcode")
    mac = a_mac(road, desk)
    name = desk.identifier(passcode)
    told = {"identifier": name, "server-token": desk.items(mac)[name], "valid": "invalid"}
    told |= {"active": False, "reasons": [{"code": code}]}
    report = {"StatusItems": {"management": {"declarations": {"configurations": [told]}}}}
    assert desk.ask(mac, "status", report).status_code == 200
    assert desk.state(mac, passcode).status == "failed"


def test_a_report_of_two_thousand_declarations_is_taken_over(road: Road) -> None:
    desk = Desk(road)
    passcode = desk.configuration("Passcode")
    mac = a_mac(road, desk)
    name = desk.identifier(passcode)
    fine = {"valid": "valid", "active": True, "server-token": "t", "reasons": []}
    listed = [{**fine, "identifier": f"org.example.{number}"} for number in range(2000)]
    listed += [{**fine, "identifier": name, "server-token": desk.items(mac)[name]}]
    report = {"StatusItems": {"management": {"declarations": {"configurations": listed}}}}
    assert desk.ask(mac, "status", report).status_code == 200
    assert desk.state(mac, passcode).status == "installed"


@pytest.mark.parametrize(("megabytes", "kept_raw"), [(5, 0), (12, 1)])
def test_a_large_report_is_taken_or_kept_and_never_refused(
    road: Road, megabytes: int, kept_raw: int
) -> None:
    desk = Desk(road)
    mac = a_mac(road, desk)
    words = "x" * (megabytes * 1024 * 1024)
    assert desk.ask(mac, "status", {"StatusItems": {"device": {"words": words}}}).status_code == 200
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count(RawAnswer.id))) == kept_raw
    assert desk.ask(mac, "tokens").status_code == 200


def test_a_bent_link_leads_nowhere(road_of: Road) -> None:
    desk = Desk(road_of)
    wifi = desk.profile("Wi-Fi")
    url = link(desk, a_mac(road_of, desk), wifi)
    path = url[url.index("/public/") :]

    @settings(max_examples=150)
    @given(data=st.data())
    def follow(data: st.DataObject) -> None:
        bent = data.draw(damage(path.removeprefix("/public/mdm/ddm/").encode()))
        quoted = "".join(f"%{byte:02X}" for byte in bent)
        with road_of.app.test_client() as client:
            answer = client.get(f"/public/mdm/ddm/{quoted}")
        same = bent == path.removeprefix("/public/mdm/ddm/").encode()
        assert (answer.status_code == 200) is same, bent
        assert answer.status_code in (200, 308, 400, 404)

    follow()
    assert road_of.http.get(url).status_code == 200


def test_the_parts_of_two_links_make_no_third(road: Road) -> None:
    desk = Desk(road)
    one, two = desk.profile("One"), desk.profile("Two")
    first, second = a_mac(road, desk), a_mac(road, desk, 2)
    links = [link(desk, mac, artifact) for mac in (first, second) for artifact in (one, two)]
    parts = [url.rsplit("/", 3)[1:] for url in links]
    prefix = links[0].rsplit("/", 3)[0]
    made = {(c[0], v[1], n[2]) for c in parts for v in parts for n in parts}
    good = [each for each in made if road.http.get("/".join((prefix, *each))).status_code == 200]
    assert sorted(good) == sorted(map(tuple, parts))


@pytest.mark.parametrize(
    ("asked", "status", "length"),
    [
        ("bytes=0-0", 206, 1),
        ("bytes=-5", 206, 5),
        ("bytes=3-", 206, -3),
        ("bytes=0-99999999999", 206, 0),
        ("bytes=-99999999", 200, 0),
        ("bytes=5-1", 200, 0),
        ("bytes=0-1,4-5", 200, 0),
        ("bytes=abc", 200, 0),
        ("lines=1-2", 200, 0),
        ("bytes=-", 200, 0),
        ("", 200, 0),
        ("bytes=-0", 416, None),
        ("bytes=99999999-", 416, None),
    ],
)
def test_a_range_is_answered_or_ignored_as_http_says(
    road: Road, asked: str, status: int, length: int | None
) -> None:
    """`length`: of the answer; up to 0, that much less than the whole."""
    desk = Desk(road)
    url = link(desk, a_mac(road, desk), desk.profile("Wi-Fi"))
    size = len(road.http.get(url).content)
    answer = road.http.get(url, headers={"Range": asked})
    assert answer.status_code == status
    if length is not None:
        assert len(answer.content) == (length if length > 0 else size + length)
    assert re.match(r"bytes ", answer.headers.get("content-range", "")) or status == 200


def test_a_link_holds_no_longer_once_its_channel_has_ended(road: Road) -> None:
    desk = Desk(road)
    mac = a_mac(road, desk)
    url = link(desk, mac, desk.profile("Wi-Fi"))
    with road.rows() as session:
        channel = road.channel(mac)
        channel.ended_at = channel.created_at
        assert session.scalar(sa.select(sa.func.count(ChannelArtifact.id))) == 1
    for headers in ({}, {"Range": "bytes=0-"}, {"If-None-Match": "*"}):
        assert road.http.get(url, headers=headers).status_code == 404
    assert road.http.head(url).status_code == 404
