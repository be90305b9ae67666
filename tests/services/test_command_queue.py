"""The queue of a channel: what is given out, when, and how often."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.orders import Line, later, look, order, quiet
from tests.road import Road
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Channel, ChannelCommand
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import command_queue
from zmdm_simulator.device import SimulatedDevice

LISTS = ("CertificateList", "ProfileList", "InstalledApplicationList")


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def test_commands_are_given_out_in_the_order_of_their_orders(
    road: Road, mac: SimulatedDevice
) -> None:
    for name in LISTS:
        order(road, mac, name)
    assert mac.connect().request_types == list(LISTS)


def test_a_lock_passes_everything_that_waits(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    order(road, mac, "DeviceLock", {"pin": "123456"})
    assert Line(mac).idle() == "DeviceLock"


def test_a_command_waits_for_its_time(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList", not_before=utcnow() + timedelta(hours=1))
    assert mac.connect().request_types == []
    later(road, mac, 3601)
    assert "ProfileList" in mac.connect().request_types


def test_an_expired_command_is_not_given_out(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList", expires_at=utcnow() + timedelta(hours=1))
    later(road, mac, 3601)
    assert "ProfileList" not in mac.connect().request_types
    assert look(road, uuid).state == "expired"


def test_a_command_that_expires_unanswered_stops_no_other(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList", expires_at=utcnow() + timedelta(hours=1))
    order(road, mac, "CertificateList")
    line = Line(mac)
    assert line.idle() == "ProfileList"
    later(road, mac, 3601)
    assert line.idle() == "CertificateList"
    assert look(road, uuid).state == "expired"


def test_a_late_answer_to_an_expired_command_counts(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "SecurityInfo", expires_at=utcnow() + timedelta(hours=1))
    line = Line(mac)
    line.idle()
    later(road, mac, 3601)
    line.idle()
    line.say(about=uuid, SecurityInfo={"FDE_Enabled": True})
    assert look(road, uuid).state == "acknowledged"


def test_one_command_is_out_at_a_time(road: Road, mac: SimulatedDevice) -> None:
    for name in LISTS:
        order(road, mac, name)
    line = Line(mac)
    assert [line.idle(), line.idle(), line.idle()] == ["CertificateList", None, None]


def test_an_unanswered_command_is_sent_again_with_its_own_uuid(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 31)
    assert line.idle() == "ProfileList"
    assert line.uuid == uuid
    assert look(road, uuid).delivery_count == 2


def test_it_is_not_sent_again_within_the_window(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 25)
    assert line.idle() is None


@pytest.mark.settings(ZMDM_REDELIVER_AFTER=120)
def test_the_window_is_a_setting(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 100)
    assert line.idle() is None
    later(road, mac, 21)
    assert line.idle() == "ProfileList"


def test_an_answer_to_something_else_brings_no_repetition(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 31)
    assert line.say(about="an unknown command") is None


def test_a_token_update_lets_it_be_sent_again_at_once(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    mac.update_token()
    assert line.idle() == "ProfileList"
    assert line.uuid == uuid


@pytest.mark.parametrize("name", ["DeviceLock", "EraseDevice", "RestartDevice", "ShutDownDevice"])
def test_what_may_have_been_done_is_never_repeated(
    road: Road, mac: SimulatedDevice, name: str
) -> None:
    args = {"pin": "123456"} if name == "DeviceLock" else {}
    uuid = order(road, mac, name, args)
    line = Line(mac)
    assert line.idle() == name
    mac.update_token()
    later(road, mac, 31)
    assert line.idle() != name
    assert look(road, uuid).state == "unknown"


def test_a_late_answer_to_a_lock_is_taken(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "DeviceLock", {"pin": "123456"})
    line = Line(mac)
    line.idle()
    later(road, mac, 31)
    line.idle()
    line.say(about=uuid)
    row = look(road, uuid)
    assert (row.state, row.status, row.failure) == ("acknowledged", "Acknowledged", None)


def test_a_lock_passes_a_lost_command_which_then_comes_again(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 31)
    order(road, mac, "DeviceLock", {"pin": "123456"})
    assert line.idle() == "DeviceLock"
    assert line.say() == "ProfileList"


def test_an_order_is_cancelled_while_the_device_does_not_have_it(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid = order(road, mac, "ProfileList")
    cancel(road, uuid)
    assert mac.connect().request_types == []
    assert look(road, uuid).state == "cancelled"


def test_what_was_put_off_can_be_cancelled(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    cancel(road, uuid)
    assert line.idle() is None


@pytest.mark.parametrize("then", ["nothing", "a token update", "an answer"])
def test_what_the_device_has_cannot_be_cancelled(
    road: Road, mac: SimulatedDevice, then: str
) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    if then == "a token update":
        mac.update_token()
    if then == "an answer":
        line.say(ProfileList=[])
    with pytest.raises(Conflict):
        cancel(road, uuid)


def cancel(road: Road, uuid: str) -> None:
    with road.rows() as session:
        found = sa.select(ChannelCommand).where(ChannelCommand.uid == uuid)
        command_queue.cancel(session.scalars(found).one())


def test_a_newer_order_for_the_same_thing_replaces_the_older(
    road: Road, mac: SimulatedDevice
) -> None:
    older = order(road, mac, "RemoveProfile", {"identifier": "com.example.wifi"})
    other = order(road, mac, "RemoveProfile", {"identifier": "com.example.vpn"})
    newer = order(road, mac, "RemoveProfile", {"identifier": "com.example.wifi"})
    states = [look(road, uuid).state for uuid in (older, other, newer)]
    assert states == ["superseded", "queued", "queued"]


def test_a_newer_order_replaces_an_unanswered_one(road: Road, mac: SimulatedDevice) -> None:
    older = order(road, mac, "RemoveProfile", {"identifier": "com.example.wifi"})
    line = Line(mac)
    line.idle()
    newer = order(road, mac, "RemoveProfile", {"identifier": "com.example.wifi"})
    line.say("Error", about=older)
    assert line.uuid == newer
    row = look(road, older)
    assert (row.state, row.status) == ("superseded", "Error")
    assert "profile.removed" not in road.events(mac)


def test_identifiers_of_any_length_are_told_apart(road: Road, mac: SimulatedDevice) -> None:
    first = order(road, mac, "RemoveProfile", {"identifier": "x" * 250 + "1"})
    order(road, mac, "RemoveProfile", {"identifier": "x" * 250 + "2"})
    assert look(road, first).state == "queued"


def test_what_the_platform_does_not_know_is_refused(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    quiet(road, phone)
    with pytest.raises(Refused, match="pin"):
        order(road, phone, "DeviceLock", {"pin": "123456"})


def test_arguments_at_fault_are_named(road: Road, mac: SimulatedDevice) -> None:
    with pytest.raises(Refused) as refused:
        order(road, mac, "DeviceLock", {"pin": "12"})
    assert refused.value.field == "pin"


def test_an_unknown_command_is_not_found(road: Road, mac: SimulatedDevice) -> None:
    with pytest.raises(NotFound):
        order(road, mac, "MakeCoffee")


def test_nothing_is_ordered_of_a_device_that_has_left(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        device_id = road.row(mac).id
    mac.check_out()
    with road.rows() as session, pytest.raises(Conflict):
        channel = session.scalars(sa.select(Channel).where(Channel.device_id == device_id)).one()
        command_queue.enqueue(channel, "ProfileList", {}, actor=ADMINISTRATOR)


def test_an_order_wakes_the_device(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    with road.rows():
        assert road.channel(mac).push_due_at is not None


def test_an_order_for_later_does_not(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        road.channel(mac).push_due_at = None
    order(road, mac, "ProfileList", not_before=utcnow() + timedelta(hours=1))
    with road.rows():
        assert road.channel(mac).push_due_at is None
