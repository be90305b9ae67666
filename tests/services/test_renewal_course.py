"""A renewal on its way: put off, failed, taken without effect, overdue, ordered by a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.hosts import ADMINISTRATOR
from tests.identities import after, answer, command, fall_due, poll
from tests.orders import asked_for_its_code
from tests.road import Road
from zmdm_plugin import db, signals
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Identity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import bulk, job_runs, release, renewals, sweep, wake
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.renewals import IdentityFilter
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Do, Rule, Script

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    """A Mac in use whose identity ends in ten days."""
    mac = road.enrolled()
    mac.connect()
    asked_for_its_code(road, mac)
    fall_due(road, mac)
    return mac


def held(road: Road, mac: SimulatedDevice) -> Identity:
    """The identity that ends first, as its row is now."""
    with road.rows() as session:
        row = road.identities(mac)[0]
        session.expunge(row)
        return row


def why(road: Road, mac: SimulatedDevice) -> str:
    with road.rows():
        return renewals.why(renewals.of_device(road.row(mac))[-1])


def woken_at(road: Road, mac: SimulatedDevice) -> timedelta:
    """In how long the device is woken again."""
    with road.rows():
        due = road.channel(mac).plan_due_at
        assert due is not None
        return due - utcnow()


def always(do: Do) -> Script:
    return Script((Rule(do, command="InstallProfile", description="no network"),))


def test_not_now_keeps_the_order_and_waits_longer_each_time(
    road: Road, mac: SimulatedDevice
) -> None:
    mac.script = always(Do.NOTNOW)
    waits = []
    for hours in (0, 1, 3):
        with after(hours * HOUR, mac):
            mac.connect()
            waits.append(woken_at(road, mac))
    assert (held(road, mac).renewal_state, held(road, mac).renewal_attempts) == ("put_off", 1)
    assert waits[0] < timedelta(minutes=17) < waits[1] < timedelta(minutes=33) < waits[2]
    assert "NotNow 3 times" in why(road, mac)


def test_what_was_put_off_is_renewed_once_the_device_can(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.NOTNOW)
    mac.connect()
    mac.script = Script()
    with after(HOUR, mac):
        assert mac.connect().request_types == ["InstallProfile"]
        assert held(road, mac).renewal_state == "done"


def test_what_failed_is_tried_again_after_growing_waits(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.ERROR)
    waits, passed = [], timedelta(0)
    for _ in range(5):
        with after(passed, mac):
            assert "InstallProfile" in mac.connect().request_types
            failed = held(road, mac)
            assert failed.renewal_next_at is not None and failed.renewal_state == "failed"
            waits.append(round((failed.renewal_next_at - utcnow()) / HOUR, 2))
        passed += waits[-1] * HOUR * 1.1
    assert waits == [0.25, 1.0, 4.0, 16.0, 24.0]
    assert "no network (5 attempts)" in why(road, mac)


def test_a_failure_near_the_end_waits_four_hours_at_most(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.ERROR)
    with road.rows():
        road.identities(mac)[0].renewal_attempts = 7
    with after(8 * DAY, mac):
        mac.connect()
        assert timedelta(hours=3) < woken_at(road, mac) <= timedelta(hours=4, minutes=13)


def test_a_failed_renewal_is_not_ordered_before_its_time(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.ERROR)
    mac.connect()
    with after(timedelta(minutes=10), mac):
        assert mac.connect().request_types == []


def test_a_profile_that_was_taken_without_effect_is_sent_again(
    road: Road, mac: SimulatedDevice
) -> None:
    uuid, _ = command(poll(mac))
    assert answer(mac, uuid).status_code == 200
    assert held(road, mac).renewal_state == "taken"
    assert "does not use its new identity" in why(road, mac)
    with after(HOUR, mac):
        assert mac.connect().request_types == ["InstallProfile"]
    assert held(road, mac).renewal_state == "done"


def test_a_device_whose_enrollment_is_unknown_is_said_to_be_stuck(
    road: Road, mac: SimulatedDevice
) -> None:
    with road.rows():
        road.row(mac).payload = None
    mac.connect()
    with after(HOUR, mac):
        mac.connect()
    assert "enrollment is not known" in why(road, mac)
    assert road.events(mac).count("identity.renewal_failed") == 1


def test_who_is_late_is_said_once(road: Road, mac: SimulatedDevice) -> None:
    told: list[object] = []
    receive: Callable[..., None] = lambda _app, **about: told.append(about["device_id"])  # noqa: E731
    with signals.identity_overdue.connected_to(receive):
        for _ in range(2):
            with road.rows():
                assert sweep.STEPS["overdue"](now=utcnow()) == 1 - len(told)
    assert told == [road.row_id(mac)]
    assert road.events(mac)[-1] == "identity.renewal_overdue"
    with road.rows():
        assert renewals.number_overdue(ADMINISTRATOR, most=10) == 1


def test_nobody_is_called_late_before_half_of_the_time_has_passed(road: Road) -> None:
    mac = road.enrolled()
    with after(345 * DAY), road.rows():
        assert renewals.say_overdue(now=utcnow()) == 0
    with after(351 * DAY), road.rows():
        assert renewals.say_overdue(now=utcnow()) == 1
    assert road.events(mac)[-1] == "identity.renewal_overdue"


def test_a_block_ends_a_renewal(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.NOTNOW)
    mac.connect()
    with road.rows():
        release.block(road.row(mac))
    assert held(road, mac).renewal_state == "cancelled"
    assert "blocked" in why(road, mac)


def test_a_person_may_renew_before_it_is_due(road: Road) -> None:
    mac = road.enrolled()
    mac.connect()
    former = mac.own_identity.fingerprint
    with road.rows():
        renewals.renew(road.row(mac), ADMINISTRATOR)
    assert mac.connect().request_types == ["InstallProfile"]
    assert mac.own_identity.fingerprint != former


def test_what_a_person_ordered_is_tried_again_too(road: Road) -> None:
    mac = road.enrolled()
    mac.connect()
    with road.rows():
        renewals.renew(road.row(mac), ADMINISTRATOR)
    mac.script = Script((Rule(Do.ERROR, command="InstallProfile", times=1),))
    mac.connect()
    with after(HOUR, mac):
        assert "InstallProfile" in mac.connect().request_types
    assert held(road, mac).renewal_state == "done"


def test_a_device_that_has_left_cannot_be_renewed(road: Road, mac: SimulatedDevice) -> None:
    mac.check_out()
    with road.rows(), pytest.raises(Conflict, match="not enrolled"):
        renewals.renew(road.row(mac), ADMINISTRATOR)


def test_many_are_renewed_at_once(
    road: Road, mac: SimulatedDevice, run_jobs: Callable[[Flask], int]
) -> None:
    phone = road.enrolled("iPhone15,2", seed=2)
    mac.connect(), phone.connect()
    with road.rows():
        which = bulk.Which(ids=(road.row(mac).id, road.row(phone).id))
        uid = bulk.start(ADMINISTRATOR, "renew_identity", which, confirmed=2).uid
    run_jobs(road.app)
    with road.rows():
        assert job_runs.find(uid).result == {"done": 2, "skipped": []}
    assert "InstallProfile" in phone.connect().request_types


def test_identities_are_listed_by_their_end(road: Road, mac: SimulatedDevice) -> None:
    road.enrolled("iPhone15,2", seed=2)
    with road.rows():
        found = renewals.page(ADMINISTRATOR, IdentityFilter())
        assert [one.device.platform for one in found.items] == ["macOS", "iOS"]
        soon = IdentityFilter(ends_before=utcnow() + 30 * DAY)
        assert len(renewals.page(ADMINISTRATOR, soon).items) == 1


def test_a_passed_wait_wakes_the_device(road: Road, mac: SimulatedDevice) -> None:
    mac.script = always(Do.ERROR)
    mac.connect()
    with road.rows():
        road.channel(mac).push_due_at = None
    with after(HOUR, mac), road.app.app_context(), db.transaction():
        assert wake.passed_deadlines(now=utcnow()) == 1


@pytest.mark.parametrize("skew", [-9 * MINUTE, 2 * DAY])
def test_a_clock_that_is_a_little_wrong_does_not_matter(
    road: Road, mac: SimulatedDevice, skew: timedelta
) -> None:
    mac.clock_skew = skew
    assert mac.connect().request_types == ["InstallProfile"]
    assert held(road, mac).renewal_state == "done"


def test_a_clock_that_runs_behind_is_said_and_waited_for(road: Road, mac: SimulatedDevice) -> None:
    mac.clock_skew = -2 * DAY
    mac.connect()
    assert held(road, mac).renewal_state == "failed"
    assert "not valid" in why(road, mac)
    mac.clock_skew = timedelta(0)
    with after(HOUR, mac):
        assert mac.connect().request_types == ["InstallProfile"]
    assert held(road, mac).renewal_state == "done"


def test_lists_and_alarms_are_the_same_on_postgresql(pg_road: Road) -> None:
    mac = pg_road.enrolled()
    mac.connect()
    fall_due(pg_road, mac)
    with pg_road.rows():
        assert renewals.say_overdue(now=utcnow()) == 1
        late = IdentityFilter(renewal="overdue", device=DeviceFilter(search=mac.facts.serial))
        assert len(renewals.page(ADMINISTRATOR, late).items) == 1
        assert renewals.number_overdue(ADMINISTRATOR, most=9) == 1
        renewals.renew(pg_road.row(mac), ADMINISTRATOR)
    assert "InstallProfile" in mac.connect().request_types
    assert held(pg_road, mac).renewal_state == "done"
