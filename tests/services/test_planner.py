"""What is asked without anybody's order: inventory, and when it is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.orders import Line, later, order, quiet
from tests.road import Road
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import wake
from zmdm_plugin.services.artifacts.wanted import PACKAGE, Held
from zmdm_plugin.services.planner import apps, inventory
from zmdm_plugin.services.planner.not_now import next_wake, wake_at
from zmdm_plugin.services.planner.values import Situation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASE = {"DeviceInformation", "SecurityInfo"}
HOUR = timedelta(hours=1)


def due_in(road: Road, device: object) -> timedelta:
    with road.rows():
        due = road.channel(device).plan_due_at  # type: ignore[arg-type]
        assert due is not None
        return due - utcnow()


def test_a_new_device_is_asked_what_it_is(road: Road) -> None:
    assert set(road.enrolled().connect().request_types) == BASE


def test_it_is_asked_again_after_the_interval(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    assert timedelta(hours=23) < due_in(road, mac) < timedelta(hours=26)
    later(road, mac, 26 * 3600)
    assert set(mac.connect().request_types) == BASE


def test_it_is_not_asked_before(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    later(road, mac, 20 * 3600)
    assert mac.connect().request_types == []


@pytest.mark.settings(ZMDM_INVENTORY_INTERVAL=7200)
def test_the_interval_is_a_setting(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    later(road, mac, 2.2 * 3600)
    assert set(mac.connect().request_types) == BASE


def test_what_failed_is_tried_again_after_hours(road: Road) -> None:
    mac = road.enrolled()
    line = Line(mac)
    line.idle()
    line.say("Error")
    line.say("Error")
    assert timedelta(hours=3.9) < due_in(road, mac) < timedelta(hours=4.3)
    assert [line.idle() for _ in range(3)] == [None, None, None]
    later(road, mac, 4.3 * 3600)
    assert line.idle() in BASE


def test_an_answer_without_facts_is_not_asked_for_at_once(road: Road) -> None:
    mac = road.enrolled()
    line = Line(mac)
    line.idle()
    line.say()
    line.say()
    assert line.idle() is None


def test_a_change_for_the_whole_fleet_orders_nothing_twice(road: Road) -> None:
    mac = road.enrolled()
    Line(mac).idle()
    with road.rows():
        wake.fleet()
    Line(mac).idle()
    with road.rows() as session:
        found = sa.select(sa.func.count()).select_from(ChannelCommand)
        assert session.scalar(found) == 2


def test_a_change_is_looked_at_once(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    with road.rows():
        revision = wake.fleet()
    mac.connect()
    with road.rows():
        assert road.channel(mac).planned_revision == revision


def test_users_are_asked_nothing_by_themselves(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    assert mac.connect(mac.facts.user.short_name).request_types == []


def test_an_operators_question_stands_for_the_planners(road: Road) -> None:
    mac = road.enrolled()
    order(road, mac, "SecurityInfo")
    assert sorted(mac.connect().request_types) == sorted(BASE)


def test_deadlines_of_a_fleet_do_not_fall_together(road: Road) -> None:
    macs = [quiet(road, road.enrolled(seed=seed)) for seed in range(3)]
    assert len({round(due_in(road, mac).total_seconds() / 10) for mac in macs}) == 3


# The rules themselves


def situation(**more: object) -> Situation:
    return Situation(now=NOW, device_channel=True, **more)  # type: ignore[arg-type]


def test_a_failure_waits_longer_than_the_interval_says() -> None:
    tried = dict.fromkeys(BASE, NOW - HOUR)
    plan = inventory.plan(situation(attempted=tried))
    assert plan.orders == ()
    assert plan.next_at == NOW + 3 * HOUR


def test_what_waits_is_not_ordered_again() -> None:
    assert inventory.plan(situation(outstanding=frozenset(BASE))).orders == ()


def test_waits_end_at_a_day() -> None:
    assert wake_at(NOW, 1) == NOW + timedelta(minutes=15)
    assert wake_at(NOW, 500) == NOW + timedelta(days=1)


def test_a_wait_that_is_over_begins_anew_and_longer() -> None:
    assert next_wake(NOW - HOUR, 1, now=NOW) == NOW + timedelta(minutes=30)


def test_of_very_many_bundles_the_whole_list_is_asked_for() -> None:
    """A part of it would be the same part each time, and the last packages never found."""
    held = {
        number: Held(
            artifact=number,
            kind=PACKAGE,
            identifier=f"org.example.{number}",
            status="installing",
            by_command=True,
            check_at=NOW,
            bundles=tuple(f"org.example.{number}.{one}" for one in range(200)),
        )
        for number in range(3)
    }
    [order] = apps.plan(situation(held=held)).orders
    assert (order.name, order.args) == ("InstalledApplicationList", {})
