"""What devices report of their updates, and how an enforcement stands."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.updates import Updates
from zmdm_plugin import db
from zmdm_plugin.models import Device, DeviceUpdate, Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.software_updates import enforcements, progress, standing

FAILED = {
    "softwareupdate": {
        "install-state": "failed",
        "pending-version": {"os-version": "26.2", "build-version": "25C56"},
        "failure-reason": {
            "count": 2,
            "reason": "There is not enough free space.",
            "timestamp": "2026-11-20T10:00:00Z",
        },
        "install-reason": {"reason": ["declaration"], "declaration-id": "zmdm.softwareupdate.x"},
        "device-id": "J314sAP",
    }
}


def take(updates: Updates, device: int, items: dict[str, Any]) -> bool:
    with updates.app.app_context(), db.transaction() as session:
        return progress.take(session.get_one(Device, device), items)


def stand(updates: Updates, device: int) -> standing.Standing:
    with updates.app.app_context():
        return standing.of_device(db.session().get_one(Device, device), now=utcnow())


def test_a_report_is_kept_and_put_into_words(updates: Updates) -> None:
    mac = updates.device(software_update_device_id=None)
    assert take(updates, mac, FAILED)
    found = stand(updates, mac)
    assert found.doing == "it failed: 26.2 (25C56), for it is enforced"
    assert found.failure == (
        "It failed 2 times, last on 2026-11-20 10:00 UTC: There is not enough free space."
    )
    with updates.app.app_context():
        device = db.session().get_one(Device, mac)
        assert device.software_update_device_id == "J314sAP"


def test_the_same_report_again_says_nothing_new(updates: Updates) -> None:
    mac = updates.device()
    assert take(updates, mac, FAILED)
    assert not take(updates, mac, FAILED)
    with updates.app.app_context():
        failures = sa.select(sa.func.count(Event.id)).where(Event.kind == "software_update.failed")
        assert db.session().scalar(failures) == 1


def test_full_names_are_read_like_sections(updates: Updates) -> None:
    mac = updates.device()
    take(updates, mac, {"softwareupdate.install-state": "downloading"})
    assert stand(updates, mac).doing == "it downloads"


def test_a_failure_that_is_over_is_no_failure(updates: Updates) -> None:
    mac = updates.device()
    take(updates, mac, FAILED)
    done = {"install-state": "none", "failure-reason": {"count": 0}, "pending-version": {}}
    take(updates, mac, {"softwareupdate": done})
    assert (stand(updates, mac).failure, stand(updates, mac).doing) == (
        "",
        "nothing is pending, for it is enforced",
    )


@pytest.mark.parametrize(
    "items",
    [
        {},
        {"softwareupdate": None},
        {"softwareupdate": {"install-state": 7, "failure-reason": "no", "pending-version": []}},
        {"softwareupdate": {"failure-reason": {"count": -1, "timestamp": "yesterday"}}},
        {"softwareupdate": {"failure-reason": {"count": 2**80, "reason": "\ud800\0"}}},
        {"softwareupdate": {"install-reason": {"reason": [{"a": 1}, None]}}},
        {"softwareupdate": {"install-state": "x" * 5000, "device-id": 5}},
    ],
)
def test_nonsense_is_passed_over(lab: Updates, items: dict[str, Any]) -> None:
    mac = lab.device()
    take(lab, mac, items)
    with lab.app.app_context():
        row = db.session().get(DeviceUpdate, mac)
        assert row is None or row.failure_count == 0


def test_what_apple_offers_a_device_by_kind(updates: Updates) -> None:
    updates.sync()
    mac = updates.device("MacBookPro16,1", os_version="15.7.1", build_version="24G300")
    found = {kind: one.version for kind, one in stand(updates, mac).offered.items()}
    assert found == {"patch": "15.7.3", "major": "26.2"}


def test_a_preview_says_who_gets_what_and_who_does_not(updates: Updates) -> None:
    updates.sync()
    good, old = updates.device(), updates.device("MacBookPro14,1")
    updates.device("iPhone15,2")
    updates.device(checkout_at=utcnow())
    number = updates.enforce(platforms=["macOS"])
    with updates.app.app_context():
        row = enforcements.find(number)
        page = standing.preview(row, ADMINISTRATOR, now=utcnow())
        found = {one.device.id: one for one in page.items}
        assert set(found) == {good, old}
        assert [target.os_version for target in found[good].decision.targets] == ["26.2"]
        assert found[good].counts
        assert "need macOS 14.0" in found[old].decision.why
    assert updates.told(good) == []


def test_a_preview_comes_in_pages(updates: Updates) -> None:
    updates.sync()
    devices = [updates.device() for _ in range(5)]
    number = updates.enforce()
    with updates.app.app_context():
        row, seen, cursor = enforcements.find(number), [], None
        for _ in range(3):
            page = standing.preview(row, ADMINISTRATOR, now=utcnow(), cursor=cursor, limit=2)
            seen += [one.device.id for one in page.items]
            cursor = page.next_cursor
    assert (seen, cursor) == (devices, None)


def test_how_many_are_told_fail_and_have_installed(updates: Updates) -> None:
    updates.sync()
    devices = [updates.device() for _ in range(3)]
    number = updates.enforce()
    updates.refresh(*devices)
    take(updates, devices[0], FAILED)
    updates.set(devices[1], os_version="26.2", build_version="25C56")
    updates.refresh(*devices)
    with updates.app.app_context():
        found = standing.counts([number])[number]
    assert (found.told, found.failing, found.installed) == (2, 1, 1)
