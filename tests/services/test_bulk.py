"""Bulk actions: what was confirmed is what is done, device by device."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import fleet
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import Actor, db
from zmdm_plugin.errors import Conflict, Denied, Refused
from zmdm_plugin.jobs import bulk as job
from zmdm_plugin.models import (
    AuditEntry,
    Channel,
    ChannelCommand,
    Device,
    DeviceSecret,
    DeviceTag,
    JobRun,
)
from zmdm_plugin.services import bulk, job_runs, tags
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.device_filter import DeviceFilter

ERASE = "<plist><dict><key>RequestType</key><string>EraseDevice</string></dict></plist>"


@pytest.fixture
def many(app: Flask) -> Flask:
    """A host with 130 devices: more than two steps."""
    fleet.fill(app, 130)
    return app


def order(app: Flask, action: str, which: Which | None = None, **args: Any) -> str:
    """Start a bulk action on these (all devices unless told) and return its run."""
    with app.app_context(), db.transaction():
        counted = bulk.count(ADMINISTRATOR, which or DeviceFilter())
        chosen = which or Which(filter=DeviceFilter(), up_to=counted.up_to)
        run = bulk.start(ADMINISTRATOR, action, chosen, args=args, confirmed=counted.number)
        return run.uid


def work(app: Flask, uid: str) -> JobRun:
    with app.app_context():
        job.run(uid)
        run = job_runs.find(uid)
        assert run.secret_arguments is None
        db.session().expunge(run)
        return run


def count(app: Flask, *conditions: Any, of: Any = Device.id) -> int:
    with app.app_context():
        return db.session().scalar(sa.select(sa.func.count(of)).where(*conditions)) or 0


def matching(**asked: Any) -> Which:
    return Which(filter=DeviceFilter(**asked), up_to=2**62)


def test_all_matching_are_done_and_the_others_left_alone(many: Flask) -> None:
    run = work(many, order(many, "block", matching(platform="tvOS", state="enrolled")))
    assert run.state == "done"
    assert run.result == {"done": run.total, "skipped": []}
    blocked = count(many, Device.blocked_at.is_not(None), Device.platform == "tvOS")
    assert blocked == run.done + 1  # one of them was blocked before


def test_more_than_one_step_reaches_every_device(many: Flask) -> None:
    with many.app_context(), db.transaction():
        tags.create("Lab")
    run = work(many, order(many, "tag", tag="lab"))
    assert (run.done, run.total) == (130, 130)
    assert count(many, of=DeviceTag.device_id) == 130


def test_a_device_that_cannot_is_counted_with_its_reason_and_hurts_no_other(many: Flask) -> None:
    run = work(many, order(many, "command:RestartDevice"))
    assert run.result is not None
    skipped = {item["why"]: item["count"] for item in run.result["skipped"]}
    assert run.result["done"] + sum(skipped.values()) == 130
    assert skipped["the device is not enrolled, so nothing can be sent to it"] > 0
    assert count(many, of=ChannelCommand.id) == run.result["done"] > 50


def test_each_device_has_its_audit_entry_in_the_name_of_who_ordered(many: Flask) -> None:
    uid = order(many, "command:RestartDevice")
    run = work(many, uid)
    assert run.result is not None
    entries = [AuditEntry.action == "command.queue", AuditEntry.reason.contains(uid)]
    entries.append(AuditEntry.actor_id == ADMINISTRATOR.id)
    assert count(many, *entries, of=AuditEntry.id) == run.result["done"]
    assert count(many, AuditEntry.action == "bulk.start", of=AuditEntry.id) == 1


def test_devices_that_came_later_are_not_touched(many: Flask) -> None:
    which = Which(filter=DeviceFilter(), up_to=100)
    run = work(many, order(many, "poke", which))
    assert run.total == 100
    assert count(many, Channel.device_id > 100, Channel.push_bulk.is_(True), of=Channel.id) == 0


def test_pushes_of_a_bulk_keep_to_the_rate(many: Flask) -> None:
    work(many, order(many, "poke", Which(ids=(1, 2, 3))))
    assert count(many, Channel.push_bulk.is_(True), Channel.id <= 3, of=Channel.id) == 3


def test_more_devices_than_were_confirmed_stop_the_order(many: Flask) -> None:
    with many.app_context(), pytest.raises(Conflict, match="130 devices match by now"):
        with db.transaction():
            bulk.start(ADMINISTRATOR, "poke", matching(), confirmed=129)


def test_each_mac_is_locked_with_a_pin_of_its_own_which_is_kept(many: Flask) -> None:
    run = work(many, order(many, "command:DeviceLock", matching(platform="macOS")))
    assert run.result is not None
    kept = [DeviceSecret.kind == "device_lock_pin"]
    assert count(many, *kept, of=DeviceSecret.id) == run.result["done"] > 10


def test_a_secret_argument_is_sealed_and_gone_in_the_end(many: Flask) -> None:
    uid = order(many, "command:DeviceLock", matching(platform="macOS"), pin="271828")
    with many.app_context():
        run = job_runs.find(uid)
        assert "271828" not in str(run.arguments) + str(run.title) + str(run.secret_arguments)
    work(many, uid)


@pytest.mark.parametrize(
    ("action", "args", "field"),
    [
        ("explode", {}, "action"),
        ("tag", {"tag": "no such"}, "tags"),
        ("tag", {}, "tag"),
        ("poke", {"hard": True}, "hard"),
        ("command:DeviceLock", {"pin": "12"}, "pin"),
        (
            "command:Custom",
            {"command": ERASE},
            "action",
        ),
    ],
)
def test_a_wrong_order_is_refused_before_it_begins(
    many: Flask, action: str, args: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        order(many, action, **args)
    assert caught.value.field == field
    assert count(many, of=JobRun.id) == 0


def test_nobody_orders_what_they_may_not(many: Flask) -> None:
    stranger = Actor(id="user:2", label="stranger@example.com")
    with many.app_context(), pytest.raises(Denied), db.transaction():
        bulk.start(stranger, "block", Which(ids=(1,)), confirmed=1)


def test_a_filter_survives_being_stored() -> None:
    asked = DeviceFilter(platform="iOS", state="never", tag="lab", search="50%_é")
    assert DeviceFilter.from_json(asked.as_json()) == asked


@pytest.mark.parametrize("kept", [{"x": 1}, {"platform": 1}, {"state": "?"}, {"blocked": "yes"}])
def test_what_is_no_filter_is_refused(kept: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        DeviceFilter.from_json(kept)
