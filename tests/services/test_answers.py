"""Facts that answers bring: typed, searchable, replaced as a whole; and outages of our own."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests import hosts
from tests.orders import Line, look, order, quiet
from tests.road import Road, lay_road
from tests.servers import Postgres
from zmdm_plugin import db, signals
from zmdm_plugin.models import (
    ChannelCommand,
    Device,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
)
from zmdm_plugin.secretbox import SecretBox, generate_key, parse_key
from zmdm_plugin.state import state_of
from zmdm_simulator.device import SimulatedDevice

INSTALLED = {
    "InstalledApplicationList": InstalledApplication,
    "CertificateList": InstalledCertificate,
    "ProfileList": InstalledProfile,
}


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def count(road: Road, model: Any) -> int:
    with road.rows() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_facts_are_columns_that_a_search_finds(road: Road, mac: SimulatedDevice) -> None:
    with road.rows() as session:
        found = sa.select(Device.udid).where(
            Device.platform == "macOS", Device.apple_silicon.is_(True), Device.name == mac.name
        )
        assert session.scalars(found).all() == [mac.facts.udid]


def test_the_whole_answer_is_kept_beside_them(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        row = road.row(mac)
        assert row.device_information and row.device_information["UDID"] == mac.facts.udid
        assert row.device_information_at and row.security_info and row.security_info_at


def test_an_answer_cannot_change_who_the_device_is(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "DeviceInformation")
    line = Line(mac)
    line.idle()
    line.say(QueryResponses={"UDID": "SOMEBODY-ELSE", "DeviceName": "New name"})
    with road.rows():
        assert road.row(mac).name == "New name"


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_a_list_takes_the_place_of_the_former_one(
    road: Road, mac: SimulatedDevice, name: str
) -> None:
    counts = []
    for _ in range(2):
        order(road, mac, name)
        assert mac.connect().request_types == [name]
        counts.append(count(road, INSTALLED[name]))
    assert counts[0] == counts[1] > 0


def test_a_users_facts_do_not_overwrite_the_devices(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    quiet(road, mac)
    user = mac.facts.user
    order(road, mac, "DeviceInformation", key=user.guid.upper())
    line = Line(mac, user.short_name)
    line.idle()
    line.say(QueryResponses={"DeviceName": "the user's word"})
    with road.rows():
        assert road.row(mac).name == mac.name


def test_what_we_stumble_over_is_kept_and_marked(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    uuid = order(pg_road, mac, "CertificateList")
    order(pg_road, mac, "ProfileList")
    with pg_road.rows() as session:  # a table that cannot take what the answer says
        table = InstalledCertificate.__tablename__
        session.execute(sa.text(f"ALTER TABLE {table} ADD CHECK (common_name <> 'odd')"))
    line = Line(mac)
    line.idle()
    given = line.say(CertificateList=[{"CommonName": "odd", "Data": b"?", "IsIdentity": False}])
    row = look(pg_road, uuid)
    assert (given, row.state, row.unreadable) == ("ProfileList", "acknowledged", True)


def test_the_host_is_told_of_an_answer(road: Road, mac: SimulatedDevice) -> None:
    heard: list[dict[str, Any]] = []

    def listen(_sender: object, **facts: Any) -> None:
        heard.append(facts)

    uuid = order(road, mac, "ProfileList")
    with signals.command_answered.connected_to(listen):
        mac.connect()
    assert [(facts["command_uuid"], facts["status"]) for facts in heard] == [(uuid, "Acknowledged")]


def test_a_missing_sealing_key_is_an_outage_and_loses_nothing(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid = order(road, mac, "DeviceLock", {"pin": "123456"})
    plugin = state_of(road.app)
    keys = plugin.box
    plugin.box = SecretBox.from_keys((parse_key(generate_key()),))
    assert mac.connect().statuses == [503]
    assert look(road, uuid).state == "queued"
    plugin.box = keys
    assert mac.connect().request_types == ["DeviceLock"]


def test_a_database_that_is_away_is_503_for_everything(
    make_app: Any, own_postgres: Postgres
) -> None:
    url = own_postgres.create().render_as_string(hide_password=False)
    hosts.migrate(url)
    with lay_road(make_app(url)) as laid:
        mac = quiet(laid, laid.enrolled())
        order(laid, mac, "ProfileList")
        own_postgres.kill()
        answers = [mac.connect().statuses, [mac.update_token().status_code]]
        answers.append([mac.get_bootstrap_token().status_code])
        assert answers == [[503], [503], [503]]
        own_postgres.start()
        assert mac.connect().request_types == ["ProfileList"]


def test_a_custom_command_carries_its_own_refusals_and_secrets(
    road: Road, mac: SimulatedDevice
) -> None:
    text = (
        "<plist><dict><key>RequestType</key><string>DeviceLock</string>"
        "<key>PIN</key><string>918273</string></dict></plist>"
    )
    uuid = order(road, mac, "Custom", {"command": text})
    row = look(road, uuid)
    assert (row.request_type, row.lane, row.repeatable, row.args) == ("DeviceLock", 0, False, {})
    assert mac.connect().answer_to("DeviceLock")["Status"] == "Acknowledged"


def test_a_finished_order_stays_on_record(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    mac.connect()
    with road.app.app_context():
        states = set(db.session().scalars(sa.select(ChannelCommand.state)))
    assert states == {"acknowledged"}
