"""Whose conversation it is, how enrollments end it, and what lies sealed meanwhile."""

from __future__ import annotations

import plistlib
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.orders import Line, later, look, order, quiet
from tests.road import Road
from zmdm_plugin.models import ChannelCommand, DeviceSecret, Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import vault
from zmdm_simulator import checkins
from zmdm_simulator.conversation import dumps
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.wire import CONNECT_TYPE


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def queue_of(road: Road, device: SimulatedDevice) -> list[tuple[str, str]]:
    with road.rows() as session:
        found = sa.select(ChannelCommand.name, ChannelCommand.state).where(
            ChannelCommand.device_id == road.row(device).id
        )
        return [(name, state) for name, state in session.execute(found)]


# Who speaks


def test_a_user_channel_has_a_queue_of_its_own(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    quiet(road, mac)
    user = mac.facts.user
    order(road, mac, "ProfileList", key=user.guid.upper())
    assert mac.connect().request_types == []
    assert mac.connect(user.short_name).request_types == ["ProfileList"]


def test_a_user_of_a_shared_ipad_has_one_too(road: Road) -> None:
    ipad = road.enrolled("iPad13,18", shared=True)
    ipad.log_in("ada@example.com")
    ipad.log_in("grace@example.com")
    quiet(road, ipad)
    order(road, ipad, "ProfileList", key="grace@example.com")
    assert ipad.connect("ada@example.com").request_types == []
    assert ipad.connect("grace@example.com").request_types == ["ProfileList"]


def test_put_off_on_one_channel_is_not_put_off_on_another(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    quiet(road, mac)
    key = mac.facts.user.guid.upper()
    order(road, mac, "ProfileList")
    order(road, mac, "ProfileList", key=key)
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    assert Line(mac, mac.facts.user.short_name).idle() == "ProfileList"


def test_a_user_logging_in_gets_everything_now(road: Road, mac: SimulatedDevice) -> None:
    later(road, mac, 80_000)
    with road.rows():
        road.channel(mac).plan_due_at = utcnow() + timedelta(days=1)
        road.row(mac).device_information_at = None
        road.row(mac).security_info_at = None
    assert Line(mac).idle() is None
    assert Line(mac).idle(NeedSyncResponse=True) in {"DeviceInformation", "SecurityInfo"}


def test_a_new_enrollment_ends_the_queue(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "RemoveProfile", {"identifier": "com.example"})
    mac.check_out()
    mac.enroll(road.profile)
    assert look(road, uuid).state == "cancelled"
    assert "RemoveProfile" not in mac.connect().request_types


def test_an_erased_mac_has_left_and_its_answer_is_taken(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "EraseDevice")
    order(road, mac, "ProfileList")
    with road.rows():
        road.channel(mac).plan_due_at = utcnow()
    line = Line(mac)
    assert line.idle() == "EraseDevice"
    assert line.say() is None
    assert ("ProfileList", "cancelled") in queue_of(road, mac)
    with road.rows():
        assert road.row(mac).checkout_at is not None


def test_an_erase_that_was_ordered_twice_is_believed(road: Road, mac: SimulatedDevice) -> None:
    first = order(road, mac, "EraseDevice")
    line = Line(mac)
    line.idle()
    order(road, mac, "EraseDevice")
    line.say(about=first)
    with road.rows():
        assert road.row(mac).checkout_at is not None


# Secrets


def test_a_pin_lies_sealed_and_can_be_read_before_delivery(
    road: Road, mac: SimulatedDevice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    uuid = order(road, mac, "DeviceLock", {"pin": "918273", "message": "Bring me back"})
    line = Line(mac)
    line.idle()
    row = look(road, uuid)
    assert row.args == {"message": "Bring me back"}
    assert "918273" not in (row.secret_args or "")
    assert line.command["PIN"] == "918273"
    assert "918273" not in caplog.text
    assert secrets(road, mac, "pending") == {b"918273"}


def test_a_pin_is_confirmed_by_the_answer_and_the_former_one_kept(
    road: Road, mac: SimulatedDevice
) -> None:
    for pin in ("111111", "222222"):
        order(road, mac, "DeviceLock", {"pin": pin})
        Line(mac).idle()
        with road.rows() as session:
            found = sa.select(ChannelCommand.uid).order_by(ChannelCommand.id.desc()).limit(1)
            uuid = session.scalars(found).one()
        Line(mac).say(about=uuid)
    assert secrets(road, mac, "confirmed") == {b"222222"}
    assert secrets(road, mac, "superseded") == {b"111111"}


def secrets(road: Road, device: SimulatedDevice, state: str) -> set[bytes | None]:
    with road.rows() as session:
        found = sa.select(DeviceSecret).where(
            DeviceSecret.device_id == road.row(device).id, DeviceSecret.state == state
        )
        return {vault.unseal(row, "value") for row in session.scalars(found)}


def test_a_profile_lies_sealed(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "InstallProfile", {"profile": WIFI})
    assert look(road, uuid).args == {}
    assert mac.connect().answer_to("InstallProfile")["Status"] == "Acknowledged"
    assert "profile.installed" in road.events(mac)


PAYLOAD: dict[str, Any] = {
    "PayloadType": "com.apple.wifi.managed",
    "PayloadVersion": 1,
    "PayloadIdentifier": "com.example.wifi.1",
    "PayloadUUID": "4E0F1B6E-7F11-4F6B-9B55-3C5C5C7D7E01",
    "SSID_STR": "Example",
    "Password": "correct horse",
}
WIFI = plistlib.dumps(
    {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.wifi",
        "PayloadUUID": "4E0F1B6E-7F11-4F6B-9B55-3C5C5C7D7E00",
        "PayloadDisplayName": "Wi-Fi",
        "PayloadContent": [PAYLOAD],
    }
)


def test_events_of_answers_name_no_secret(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "DeviceLock", {"pin": "918273"})
    order(road, mac, "InstallProfile", {"profile": WIFI})
    Line(mac).idle()
    with road.rows() as session:
        told = str([event.payload for event in session.scalars(sa.select(Event))])
    assert "918273" not in told and "correct horse" not in told


def test_the_type_of_content_does_not_matter(road: Road, mac: SimulatedDevice) -> None:
    body = dumps({"Status": "Idle", **checkins.who(mac, mac.channel())})
    for content_type in (CONNECT_TYPE, "text/plain", "application/x-www-form-urlencoded"):
        response = mac.wire.put(mac.installed.server_url, body, content_type)
        assert response.status_code == 200
