"""Updates end to end: a simulated device is told, installs, fails, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.orders import quiet
from tests.road import Road, lay_road
from tests.updates import Updates
from zmdm_plugin import db
from zmdm_plugin.models import DeviceUpdate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.software_updates import enforcements, progress, standing
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

DECLARATION = "com.apple.configuration.softwareupdate.enforcement.specific"


@pytest.fixture
def road(lab: Updates) -> Iterator[Road]:
    with lay_road(lab.app) as laid:
        yield laid


@pytest.fixture
def mac(lab: Updates, road: Road) -> SimulatedDevice:
    """A Mac in the blueprint of the lab, which has read Apple's list."""
    lab.sync()
    return in_lab(lab, road, quiet(road, road.enrolled()))


def in_lab(lab: Updates, road: Road, device: SimulatedDevice) -> SimulatedDevice:
    with road.rows():
        road.row(device).blueprint_id = lab.blueprint
        road.row(device).time_zone = "Etc/UTC"
        road.channel(device).plan_due_at = utcnow()
    return device


def told(device: SimulatedDevice) -> list[str]:
    """The versions that its declarations ask for."""
    return sorted(
        held.payload["TargetOSVersion"]
        for held in device.declarations.values()
        if held.type == DECLARATION
    )


def settle(device: SimulatedDevice) -> None:
    for _ in range(10):
        if not device.connect().request_types:
            return
    raise AssertionError("it never comes to rest")


def test_a_mac_is_told_installs_and_is_told_no_more(
    lab: Updates, road: Road, mac: SimulatedDevice
) -> None:
    lab.enforce()
    settle(mac)
    assert told(mac) == ["26.2"]
    [(_, moment)] = lab.told(road.row_id(mac))
    due = datetime.fromisoformat(f"{moment}+00:00")
    for hours in range(1, 12):
        mac.progress(due + timedelta(hours=hours))
    settle(mac)
    assert mac.facts.model.os_version == "26.2"
    assert lab.ended(road.row_id(mac)) == [("26.2", "installed")]
    assert told(mac) == []


def test_without_its_blueprint_nothing_is_asked_for(
    lab: Updates, road: Road, mac: SimulatedDevice
) -> None:
    lab.enforce()
    settle(mac)
    with road.rows():
        road.row(mac).blueprint_id = None
        road.channel(mac).plan_due_at = utcnow()
    settle(mac)
    assert told(mac) == []
    assert lab.told(road.row_id(mac)) == []


def test_a_changed_enforcement_reaches_the_mac(
    lab: Updates, road: Road, mac: SimulatedDevice
) -> None:
    number = lab.enforce(os_version="26.2", local_datetime="2099-01-01T09:30:00")
    settle(mac)
    lab.change(
        number,
        name="Newest",
        platforms=["macOS"],
        os_version="26.2",
        local_datetime="2098-01-01T09:30:00",
    )
    settle(mac)
    [held] = [held for held in mac.declarations.values() if held.type == DECLARATION]
    assert held.payload["TargetLocalDateTime"] == "2098-01-01T09:30:00"


def test_nothing_to_enforce_is_no_error_for_the_mac(
    lab: Updates, road: Road, mac: SimulatedDevice
) -> None:
    lab.enforce(max_os_version="26.0")
    settle(mac)
    assert told(mac) == []
    assert not [kind for kind in road.events(mac) if "error" in kind]


def test_a_failure_is_heard_of_and_the_update_comes_all_the_same(lab: Updates, road: Road) -> None:
    lab.sync()
    rule = {"do": "update_fails", "times": 1}
    mac = in_lab(lab, road, quiet(road, road.enrolled(script=Script.load({"rules": [rule]}))))
    lab.enforce(delay_days=0)
    settle(mac)
    number = road.row_id(mac)
    later = utcnow() + timedelta(days=30)
    for hours in range(3):
        mac.progress(later + timedelta(hours=hours))
    with lab.app.app_context():
        report = db.session().get(DeviceUpdate, number)
        assert progress.failure(report).startswith("It failed once")
        [one] = enforcements.page().items
        assert standing.counts([one.id])[one.id].failing == 1
    for hours in range(3, 12):
        mac.progress(later + timedelta(hours=hours))
    settle(mac)
    assert lab.ended(number) == [("26.2", "installed")]
    assert "software_update.failed" in road.events(mac)


def test_a_mac_that_is_too_old_is_told_nothing_and_we_know_why(lab: Updates, road: Road) -> None:
    lab.sync()
    old = in_lab(lab, road, quiet(road, road.enrolled("MacBookPro14,1")))
    lab.enforce()
    settle(old)
    with lab.app.app_context():
        found = standing.of_device(road.row(old), now=utcnow())
    assert "enforced updates need macOS 14.0" in found.decision.why
    assert told(old) == []


def test_a_mac_that_says_late_what_it_is_called_is_told_then(
    lab: Updates, road: Road, mac: SimulatedDevice
) -> None:
    with road.rows():
        road.row(mac).software_update_device_id = None
    lab.enforce()
    with road.rows():
        progress.take(road.row(mac), {"softwareupdate": {"device-id": "J314sAP"}})
    settle(mac)
    assert told(mac) == ["26.2"]
