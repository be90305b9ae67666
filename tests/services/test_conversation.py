"""A conversation on the command channel: NotNow, doubles, and answers of every kind."""

from __future__ import annotations

import plistlib
import zlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.orders import Line, later, look, order, quiet
from tests.road import Road
from zmdm_plugin.models import ChannelCommand, RawAnswer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import answers, vault
from zmdm_simulator import checkins
from zmdm_simulator.conversation import dumps
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def raw_answers(road: Road) -> list[tuple[str, bytes | None]]:
    with road.rows() as session:
        rows = session.scalars(sa.select(RawAnswer).order_by(RawAnswer.id)).all()
        return [(row.reason, vault.unseal(row, "body")) for row in rows]


def wait_of(road: Road, device: SimulatedDevice) -> timedelta:
    with road.rows():
        due = road.channel(device).plan_due_at
        assert due is not None
        return due - utcnow()


# NotNow


def test_what_was_put_off_is_skipped_and_the_rest_delivered(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "ProfileList")
    order(road, mac, "CertificateList")
    line = Line(mac)
    assert line.idle() == "ProfileList"
    assert line.say("NotNow") == "CertificateList"
    assert line.say(CertificateList=[]) is None


def test_what_was_put_off_is_offered_in_the_next_conversation(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    assert line.idle() == "ProfileList"
    assert line.uuid == uuid


def test_not_now_is_counted_and_its_first_time_kept(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    for _ in range(3):
        line.idle()
        line.say("NotNow")
        later(road, mac, 60)
    row = look(road, uuid)
    assert (row.state, row.not_now_count, row.status) == ("not_now", 3, "NotNow")
    assert row.not_now_at and row.last_not_now_at and row.not_now_at < row.last_not_now_at


def test_the_same_not_now_twice_counts_once(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    line.say("NotNow", about=uuid)
    assert look(road, uuid).not_now_count == 1


def test_the_waits_for_another_try_grow_from_minutes_to_a_day(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "ProfileList")
    line, waits = Line(mac), []
    for _ in range(4):
        line.idle()
        line.say("NotNow")
        waits.append(wait_of(road, mac).total_seconds() / 60)
        later(road, mac, waits[-1] * 60 + 1)
    assert waits == pytest.approx([15, 30, 60, 120], rel=0.06)


def test_a_command_put_off_plans_no_poll_for_ever(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList", expires_at=utcnow() + timedelta(days=3))
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    later(road, mac, 3600)
    order(road, mac, "DeviceLock", {"pin": "123456"})
    assert line.idle() == "DeviceLock"
    assert wait_of(road, mac) > timedelta(minutes=10)


# Doubles, strangers, errors


def test_an_answer_that_comes_twice_is_taken_once(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.say(ProfileList=[])
    before = look(road, uuid).answered_at
    line.say("Error", about=uuid)
    row = look(road, uuid)
    assert (row.state, row.answered_at) == ("acknowledged", before)
    assert raw_answers(road) == []


def test_a_repeated_answer_is_given_the_next_command(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "ProfileList")
    mac.connect()
    order(road, mac, "CertificateList")
    assert b"CertificateList" in mac.repeat_last_answer().content


def test_a_repeated_answer_is_given_again_what_its_lost_reply_carried(
    road: Road, mac: SimulatedDevice
) -> None:
    first = order(road, mac, "ProfileList")
    second = order(road, mac, "CertificateList")
    line = Line(mac)
    line.idle()
    assert line.say(ProfileList=[]) == "CertificateList"
    assert line.say(about=first, ProfileList=[]) == "CertificateList"
    assert line.uuid == second


def test_a_restart_whose_reply_was_lost_is_not_given_out_twice(
    road: Road, mac: SimulatedDevice
) -> None:
    first = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    order(road, mac, "RestartDevice")
    assert line.say(ProfileList=[]) == "RestartDevice"
    assert line.say(about=first, ProfileList=[]) is None


def test_a_device_that_idles_over_a_command_is_woken_once_it_counts_as_lost(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    later(road, mac, 20)
    line.idle()
    assert timedelta(seconds=5) < wait_of(road, mac) < timedelta(seconds=11)


def test_an_answer_to_nothing_is_kept(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    assert Line(mac).say(about="not one of ours", Odd=1) == "ProfileList"
    [(reason, body)] = raw_answers(road)
    assert reason == "no such command"
    assert plistlib.loads(body or b"")["Odd"] == 1
    assert look(road, uuid).state == "delivered"


def test_an_answer_to_what_was_never_given_out_settles_nothing(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid = order(road, mac, "ProfileList", not_before=utcnow() + timedelta(hours=1))
    Line(mac).say(about=uuid)
    assert look(road, uuid).state == "queued"


def test_of_what_cannot_be_placed_the_newest_hundred_are_kept(
    road: Road, mac: SimulatedDevice
) -> None:
    line = Line(mac)
    for number in range(103):
        line.say(about=f"none {number}", Number=number)
    kept = [plistlib.loads(body or b"")["Number"] for _, body in raw_answers(road)]
    assert kept == list(range(3, 103))


def test_another_devices_command_is_not_settled(road: Road, mac: SimulatedDevice) -> None:
    other = quiet(road, road.enrolled("iPhone15,2", seed=2))
    uuid = order(road, mac, "ProfileList")
    Line(mac).idle()
    Line(other).say(about=uuid)
    assert look(road, uuid).state == "delivered"


def test_an_error_chain_is_kept(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    chain = [{"ErrorCode": 12021, "ErrorDomain": "MC", "LocalizedDescription": "Unknown."}]
    line = Line(mac)
    line.idle()
    line.say("Error", ErrorChain=chain)
    row = look(road, uuid)
    assert row.state == "error"
    assert row.error_chain and chain[0].items() <= row.error_chain[0].items()


def test_a_malformed_command_is_an_error_too(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.say("CommandFormatError")
    row = look(road, uuid)
    assert (row.state, row.status) == ("error", "CommandFormatError")


def test_an_answer_is_kept_as_it_came(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    who = checkins.who(mac, mac.channel())
    body = dumps({"Status": "Acknowledged", "CommandUUID": uuid, **who, "ProfileList": []})
    line.send(body + b"\n<!-- as it came -->\n")
    row = look(road, uuid)
    with road.rows():
        kept = answers.result_of(row)
    assert kept == body + b"\n<!-- as it came -->\n"


def test_an_answer_of_sixteen_megabytes_is_taken(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "InstalledApplicationList")
    line = Line(mac)
    line.idle()
    line.say(InstalledApplicationList=[], Ballast=b"\x5a" * (12 * 1024 * 1024))
    row = look(road, uuid)
    assert row.state == "acknowledged"
    assert b"zz" not in zlib.compress((row.result or "").encode())[:100]


# What cannot be read


@pytest.mark.parametrize("junk", [b"\x00\x01", b"<plist>", b"bplist00junk"])
def test_what_cannot_be_read_is_kept_and_answered_200(
    road: Road, mac: SimulatedDevice, junk: bytes
) -> None:
    response = mac.wire.connect(junk)
    assert (response.status_code, response.content) == (200, b"")
    assert [body for _, body in raw_answers(road)] == [junk]


def test_broken_xml_still_settles_its_command(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    order(road, mac, "CertificateList")
    line = Line(mac)
    line.idle()
    who = checkins.who(mac, mac.channel())
    body = dumps({"Status": "Acknowledged", "CommandUUID": uuid, **who})
    assert line.send(body.replace(b"</dict>", b"<string>&broken</dict>")) == "CertificateList"
    row = look(road, uuid)
    assert (row.state, row.unreadable) == ("acknowledged", True)


def test_an_answer_without_a_status_is_marked(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "ProfileList")
    line = Line(mac)
    line.idle()
    line.send(dumps({"CommandUUID": uuid, **checkins.who(mac, mac.channel())}))
    row = look(road, uuid)
    assert (row.status, row.unreadable) == ("Unreadable", True)


def test_an_odd_list_is_stored_and_loses_nothing_else(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "InstalledApplicationList")
    line = Line(mac)
    line.idle()
    line.say(InstalledApplicationList=[{"Name": 7}, "x", {"Identifier": "com.example.a"}])
    assert look(road, uuid).state == "acknowledged"


def test_a_very_long_uuid_is_kept(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    Line(mac).say(about="x" * 250)
    assert len(raw_answers(pg_road)) == 1


# Rendering


def test_what_cannot_be_rendered_ends_alone(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "RemoveProfile", {"identifier": "com.example"})
    order(road, mac, "ProfileList")
    with road.rows() as session:
        change = sa.update(ChannelCommand).where(ChannelCommand.uid == uuid)
        session.execute(change.values(name="FromAFormerRelease"))
    assert mac.connect().request_types == ["ProfileList"]
    row = look(road, uuid)
    assert (row.state, row.delivery_count, row.delivered_at) == ("error", 0, None)
    assert "FromAFormerRelease" in (row.failure or "")


def test_a_damaged_secret_ends_its_own_command_alone(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "DeviceLock", {"pin": "123456"})
    order(road, mac, "ProfileList")
    with road.rows() as session:
        change = sa.update(ChannelCommand).where(ChannelCommand.uid == uuid)
        damaged = sa.func.substr(ChannelCommand.secret_args, 1, 40) + "AAAA"
        session.execute(change.values(secret_args=damaged))
    assert mac.connect().request_types == ["ProfileList"]
    assert look(road, uuid).state == "error"
