"""The artifacts and declarations of a device, and why something is not there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from tests.declaring import PASSCODE, Desk
from tests.orders import Line, quiet
from tests.road import Road
from tests.shelf import mobileconfig, payload
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, ChannelArtifact
from zmdm_plugin.services.artifacts import artifacts, blueprints
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Do, Rule, Script

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road, legacy_profiles_via_ddm=False)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    return desk.assign(quiet(road, road.enrolled()))


@pytest.fixture
def client(road: Road) -> FlaskClient:
    """An administrator."""
    return road.app.test_client()


def refused(desk: Desk, mac: SimulatedDevice, name: str = "Wi-Fi") -> int:
    """An artifact that the device answered with an error."""
    artifact_id = desk.profile(name)
    mac.script = Script((Rule(Do.ERROR, command="InstallProfile", description="It is invalid"),))
    mac.connect()
    mac.script = Script()
    return artifact_id


def row_of(page: str, name: str) -> str:
    """The row of a table that is about this artifact."""
    return next(
        row for row in page.split("<tr>") if f">{name}</a></th>" in row or name in row[:300]
    )


def statements(road: Road, client: FlaskClient, path: str) -> int:
    counted = []
    with road.app.app_context():
        engine = db.session().get_bind()

    def count(*_: Any) -> None:
        counted.append(1)

    client.get(path)
    sa.event.listen(engine, "before_cursor_execute", count)
    assert client.get(path).status_code == 200
    sa.event.remove(engine, "before_cursor_execute", count)
    return len(counted)


def test_what_is_there_and_what_failed_is_listed_with_the_reason(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    desk.configuration("Passcode")
    refused(desk, mac)
    mac.connect()
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/artifacts/").text
    assert "1 installed, 1 failed" in page
    assert "It is invalid" in row_of(page, "Wi-Fi")
    assert "by declaration" in row_of(page, "Passcode")


def test_what_a_rule_keeps_out_is_listed_apart(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    later = desk.profile("Later", linked=False)
    with road.rows():
        scope = {"platforms": {"macOS": {"min": "99"}}}
        blueprint = blueprints.find(desk.blueprint_id)
        blueprints.link(blueprint, artifacts.find(later), scope=scope)
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/artifacts/").text
    _, _, apart = page.partition("<h2>Not for this device</h2>")
    assert "It needs 99 or newer" in apart


def test_a_user_is_named_whose_artifact_it_is(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    desk.profile("Mail", mobileconfig(payload(), PayloadScope="User"), channel="user")
    path = f"/mdm/devices/{road.row_id(mac)}/artifacts/"
    assert "It is for user channels." in client.get(path).text
    assert mac.log_in()
    row = row_of(client.get(path).text, "Mail")
    assert f"For {mac.facts.user.short_name}: configuration profile" in row


def test_trying_again_is_audited_and_wakes_the_device(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    wifi = refused(desk, mac)
    path = f"/mdm/devices/{road.row_id(mac)}/artifacts/"
    found = _TOKEN.search(client.get(path).text)
    assert found is not None
    answer = client.post(f"{path}{wifi}/retry/", data={"csrf_token": found[1]})
    assert (answer.status_code, answer.location) == (303, path)
    with road.rows() as session:
        actions = session.scalars(sa.select(AuditEntry.action)).all()
        assert "device.retry_artifact" in actions
        assert road.channel(mac).push_due_at is not None
    assert "InstallProfile" in mac.connect().request_types


def test_what_is_there_is_not_tried_again(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    wifi = desk.profile("Wi-Fi")
    mac.connect()
    path = f"/mdm/devices/{road.row_id(mac)}/artifacts/"
    assert "Try again" not in client.get(path).text
    found = _TOKEN.search(client.get(path).text)
    assert found is not None
    answer = client.post(f"{path}{wifi}/retry/", data={"csrf_token": found[1]})
    assert answer.status_code == 409


def test_the_explanation_names_the_first_obstacle_and_what_was_not_reached(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    wifi = desk.profile("Wi-Fi", linked=False)
    answer = client.get(f"/mdm/devices/{road.row_id(mac)}/artifacts/{wifi}/")
    assert answer.status_code == 200
    assert "<b>In the blueprint:</b>" in answer.text
    assert answer.text.count("In the way") == 1
    assert "Not reached" in answer.text


def test_the_explanation_of_what_is_there_says_so(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    wifi = desk.profile("Wi-Fi")
    mac.connect()
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/artifacts/{wifi}/").text
    assert "Nothing stands in the way." in page


@pytest.mark.parametrize("address", ["999/", "1/?channel=999", "1/?channel=x"])
def test_what_does_not_exist_is_not_explained(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient, address: str
) -> None:
    desk.profile("Wi-Fi")
    assert client.get(f"/mdm/devices/{road.row_id(mac)}/artifacts/{address}").status_code == 404


def test_declarations_are_shown_as_offered_and_as_reported(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    passcode = desk.configuration("Passcode")
    while mac.connect().request_types:
        pass
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/declarations/").text
    assert "The device has the list" in page
    row = row_of(page, "Passcode")
    assert desk.identifier(passcode) in row and PASSCODE in row and ">Active<" in row
    assert "management.declarations" in page
    assert "All that it reported" in page


def test_a_list_that_was_not_fetched_says_so(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    desk.configuration("Passcode")
    Line(mac).idle()
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/declarations/").text
    assert "A new list waits to be fetched" in page
    assert "Not fetched yet" in row_of(page, "Passcode")


def test_a_device_that_never_declared_says_so(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    old = road.enrolled(seed=9, system=("12.7.6", "21H1320"))
    page = client.get(f"/mdm/devices/{road.row_id(old)}/declarations/").text
    assert "has not had to do with declarations" in page


def test_the_overview_counts_what_failed(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    refused(desk, mac)
    assert "1 artifact failed" in client.get(f"/mdm/devices/{road.row_id(mac)}/").text


def test_the_timeline_calls_artifacts_by_name(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    refused(desk, mac)
    page = client.get(f"/mdm/devices/{road.row_id(mac)}/timeline/").text
    assert "<b>Artifact failed</b>" in page
    assert ">Wi-Fi</a>" in page
    assert ">Wi-Fi</a>" in client.get("/mdm/events/?kind=artifact.failed").text


def test_failures_of_the_whole_fleet_are_listed_by_artifact(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    wifi = refused(desk, mac)
    desk.configuration("Passcode")
    page = client.get("/mdm/artifact_failures/").text
    assert "It is invalid" in page
    assert "Passcode" not in page
    assert "It is invalid" in client.get(f"/mdm/artifact_failures/?artifact={wifi}").text
    for address in ("?cursor=nonsense", "?artifact=0", "?artifact=x"):
        assert client.get(f"/mdm/artifact_failures/{address}").status_code == 200


def test_the_list_costs_the_same_with_one_artifact_and_with_thirty(
    road: Road, desk: Desk, mac: SimulatedDevice, client: FlaskClient
) -> None:
    paths = [f"/mdm/devices/{road.row_id(mac)}/{part}/" for part in ("artifacts", "declarations")]
    paths.append("/mdm/artifact_failures/")
    refused(desk, mac)
    desk.configuration("Passcode")
    mac.connect()
    mac.connect()
    before = [statements(road, client, path) for path in paths]
    for number in range(15):
        desk.configuration(f"Passcode {number}")
        desk.profile(f"Profile {number}")
    mac.connect()
    mac.connect()
    with road.rows() as session:
        by_command = ChannelArtifact.via == "command"
        session.execute(sa.update(ChannelArtifact).where(by_command).values(status="failed"))
    assert [statements(road, client, path) for path in paths] == before
