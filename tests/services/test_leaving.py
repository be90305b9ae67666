"""Unenrolled, released, archived, deleted: what each word does to a device and to its row."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests import accounts
from tests.books import lay_rows
from tests.hosts import ADMINISTRATOR
from tests.identities import poll
from tests.orders import Line, order, quiet
from tests.road import Road
from tests.services.test_identity_blocked import DOORS
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.jobs import bulk as job
from zmdm_plugin.models import AuditEntry, Event, JobRun, Licence, metadata
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import (
    bulk,
    dashboard,
    deletion,
    device_changes,
    devices,
    job_runs,
    tags,
    vault,
)
from zmdm_plugin.services.apps_books import licences
from zmdm_plugin.services.artifacts import assignment, blueprints
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_simulator.device import SimulatedDevice


def say(road: Road, device: SimulatedDevice, word: str) -> None:
    """Do to a device what a button of this name does."""
    with road.rows():
        device_changes.change(road.row(device).id, word, ADMINISTRATOR)


def state(road: Road, device: SimulatedDevice) -> str:
    with road.app.app_context():
        return devices.get(road.row_id(device)).state


def listed(road: Road, **asked: Any) -> list[int]:
    with road.app.app_context():
        page = devices.page(ADMINISTRATOR, DeviceFilter(**asked))
        return [shown.device.id for shown in page.items]


def delete(road: Road, device_id: int, **args: Any) -> JobRun:
    """Order it and work it off."""
    with road.rows():
        which = Which(ids=(device_id,))
        uid = bulk.start(ADMINISTRATOR, "delete", which, args=args, confirmed=1).uid
    with road.app.app_context():
        job.run(uid)
        run = job_runs.find(uid)
        db.session().expunge(run)
        return run


@pytest.mark.parametrize("model", ["iPhone15,2", "MacBookPro18,3"])
def test_an_unenrolled_device_leaves_keeps_its_row_and_may_come_again(
    road: Road, model: str
) -> None:
    device = quiet(road, road.enrolled(model))
    say(road, device, "unenroll")
    assert state(road, device) == "leaving"
    assert device.connect().request_types == ["RemoveProfile"]
    assert (device.mdm, state(road, device)) == (None, "checked_out")
    assert road.events(device)[-2:] == ["device.unenroll_ordered", "device.unenrolled"]
    device.enroll(road.profile)
    assert state(road, device) == "enrolled"


def test_a_persons_own_device_is_unenrolled_too(road: Road) -> None:
    accounts.lay_account(road)
    phone = quiet(road, accounts.came_in(road))
    device_id = road.row_id(phone)
    say(road, phone, "unenroll")
    phone.connect()
    with road.app.app_context():
        assert devices.get(device_id).state == "checked_out"


def test_a_device_that_refuses_to_leave_says_why_and_can_be_released(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    say(road, mac, "unenroll")
    line = Line(mac)
    assert line.idle() == "RemoveProfile"
    line.say(
        "Error", ErrorChain=[{"ErrorCode": 1, "ErrorDomain": "X", "LocalizedDescription": "No"}]
    )
    with road.rows():
        row = road.row(mac)
        assert (row.leaving_at, row.leave_failure) == (None, "X 1: No")
    say(road, mac, "release")
    assert poll(mac).status_code == 403


def test_a_device_may_stay_until_it_has_been_told(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    say(road, mac, "unenroll")
    say(road, mac, "stay")
    assert (state(road, mac), mac.connect().request_types) == ("enrolled", [])
    say(road, mac, "unenroll")
    Line(mac).idle()
    with pytest.raises(Conflict, match="cannot be taken back"):
        say(road, mac, "stay")


def test_a_released_device_is_told_so_at_every_door(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    say(road, mac, "release")
    assert {door(mac).status_code for door in DOORS.values()} == {403}
    with road.rows():
        channel = road.channel(mac)
        assert channel.push_due_at is not None and channel.plan_due_at is not None
    with pytest.raises(Conflict, match="told to leave"):
        order(road, mac, "DeviceInformation")


def test_a_released_device_enrolls_anew_and_its_former_identity_is_refused(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    say(road, mac, "release")
    former = mac.identity
    mac.forget("wiped by hand")
    mac.enroll(road.over_the_air())
    assert (state(road, mac), mac.connect().statuses[0]) == ("enrolled", 200)
    mac.identity = former
    assert poll(mac).status_code == 400


def test_a_release_that_was_a_mistake_is_taken_back(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    say(road, mac, "release")
    say(road, mac, "stay")
    assert (state(road, mac), poll(mac).status_code) == ("enrolled", 200)


@pytest.mark.parametrize("word", ["release", "unenroll"])
def test_who_leaves_gives_back_the_licences_that_we_assigned(road: Road, word: str) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2"))
    with road.rows() as session:
        row = lay_rows(session)
        licences.need(row.id, [phone.facts.serial])
        session.execute(sa.update(Licence).values(held=True, todo=None, ours=True))
    say(road, phone, word)
    phone.connect()
    with road.app.app_context():
        assert db.session().scalars(sa.select(Licence)).one().wanted is False


def test_only_a_device_that_has_left_is_archived(road: Road) -> None:
    mac = road.enrolled()
    with pytest.raises(Conflict, match="unenroll it first"):
        say(road, mac, "archive")
    mac.check_out()
    say(road, mac, "archive")
    assert (state(road, mac), road.events(mac)[-1]) == ("archived", "device.archived")


def test_the_archive_is_in_no_list_and_no_count_but_for_who_is_named(road: Road) -> None:
    mac = road.enrolled()
    mac.check_out()
    say(road, mac, "archive")
    device_id, serial = road.row_id(mac), mac.facts.serial
    assert listed(road) == listed(road, state="checked_out") == listed(road, enrolled=False) == []
    for asked in ({"archived": True}, {"state": "archived"}, {"serial_number": serial}):
        assert listed(road, **asked) == [device_id]
    assert listed(road, search=serial) == [device_id]
    with road.app.app_context():
        fleet = dashboard.fleet(ADMINISTRATOR, now=utcnow())
        assert (fleet.total, fleet.checked_out) == (0, 0)
        assert bulk.count(ADMINISTRATOR, DeviceFilter()).number == 0


def test_an_archived_device_that_enrolls_again_comes_out_by_itself(road: Road) -> None:
    mac = road.enrolled()
    mac.check_out()
    say(road, mac, "archive")
    mac.enroll(road.profile)
    assert state(road, mac) == "enrolled"
    assert "device.unarchived" in road.events(mac)


def test_a_blocked_device_in_the_archive_is_still_refused(road: Road) -> None:
    mac = road.enrolled()
    say(road, mac, "block")
    say(road, mac, "archive")
    assert poll(mac).status_code == 403
    with road.rows():
        assert road.channel(mac).ended_at is not None


def test_a_deleted_device_is_gone_with_all_that_hung_on_it(road: Road) -> None:
    mac = quiet(road, road.enrolled(profile=road.over_the_air()))
    mac.settle()
    with road.rows() as session:
        tags.put(road.row(mac), tags.create("Lab"))
        vault.keep_version(road.row(mac), vault.ADMIN_PASSWORD, b"secret")
        device_id = road.row_id(mac)
        for _ in range(deletion.CHUNK + 50):
            session.add(
                Event(kind="test.noise", device_id=device_id, created_at=utcnow(), payload={})
            )
    identity = mac.identity
    mac.check_out()
    run = delete(road, device_id, despite_secrets=True)
    assert (run.state, run.done, run.result) == ("done", 1, {"done": 1, "skipped": []})
    assert left_of(road, device_id) == {}
    with road.app.app_context():
        entry = db.session().scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.action, entry.serial_number) == ("device.delete", mac.facts.serial)
    mac.enroll(road.over_the_air("Again"))
    mac.identity = identity
    assert poll(mac).status_code == 400


def test_what_an_archived_device_has_counts_no_more(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    with road.rows():
        lab, tag = blueprints.create("Lab"), tags.create("Old")
        assignment.choose(road.row(mac), lab, actor=ADMINISTRATOR)
        tags.put(road.row(mac), tag)
        number = lab.id
    mac.check_out()
    with road.rows(), pytest.raises(Conflict, match="1 device"):
        blueprints.delete(blueprints.find(number))
    say(road, mac, "archive")
    with road.rows():
        assert blueprints.device_counts(ADMINISTRATOR) == tags.counts(ADMINISTRATOR) == {}
        blueprints.delete(blueprints.find(number))
    assert road.events(mac)[-1] == "device.blueprint_changed"


def left_of(road: Road, device_id: int) -> dict[str, int]:
    """Rows that still point to a device (or to what is gone), by table."""
    found = {}
    with road.app.app_context():
        for table in metadata.sorted_tables:
            for name in ("device_id", "channel_id", "session_id"):
                if name not in table.c or not table.c[name].foreign_keys:
                    continue
                number = db.session().scalar(
                    sa.select(sa.func.count()).where(table.c[name].is_not(None))
                )
                if number:
                    found[f"{table.name}.{name}"] = number
    return found


def test_a_device_whose_secrets_we_hold_is_deleted_only_when_told_so(road: Road) -> None:
    mac = road.enrolled()
    with road.rows():
        vault.keep_version(road.row(mac), vault.FILEVAULT_PRK, b"AAAA-BBBB")
    mac.check_out()
    device_id = road.row_id(mac)
    run = delete(road, device_id)
    assert run.result is not None
    assert "filevault prk" in run.result["skipped"][0]["why"]
    with road.rows(), pytest.raises(Refused):
        deletion.check(road.row(mac), despite_secrets=False)


@pytest.mark.parametrize(("word", "why"), [("", "is enrolled"), ("block", "unblock it first")])
def test_a_device_that_could_come_back_wrongly_is_not_deleted(
    road: Road, word: str, why: str
) -> None:
    mac = road.enrolled()
    if word:
        say(road, mac, word)
    with road.rows(), pytest.raises(Conflict, match=why):
        deletion.check(road.row(mac), despite_secrets=True)


def test_every_table_that_points_to_a_device_is_thought_of() -> None:
    models = (*deletion._CHANNEL, *deletion._DEVICE, *deletion._LAST, *deletion._SESSION)
    thought_of = {model.__tablename__ for model in models}
    thought_of |= {model.__tablename__ for model in deletion._KEEPS_WITHOUT_SESSION}
    held = {"zmdm_device", "zmdm_channel", "zmdm_enrollment_session"}
    pointing = {
        table.name
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in held
    }
    assert pointing <= thought_of


def test_a_leaving_device_that_checks_out_has_left(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2"))
    say(road, phone, "unenroll")
    phone.check_out()
    assert state(road, phone) == "checked_out"
    with road.rows():
        assert road.row(phone).leaving_at is None


def test_a_released_device_is_let_in_by_hand_without_being_silent(road: Road) -> None:
    mac = road.enrolled()
    say(road, mac, "release")
    mac.connect()
    mac.enroll(road.profile)
    assert state(road, mac) == "enrolled"
