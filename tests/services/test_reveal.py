"""A lock PIN is shown to whoever may see it, and that is written down; to nobody else."""

from __future__ import annotations

import pytest

from tests.api.world import audit_trail
from tests.hosts import ADMINISTRATOR
from tests.orders import Line, later, order, quiet
from tests.road import Road
from zmdm_plugin import Actor
from zmdm_plugin.errors import Denied, NotFound
from zmdm_plugin.services import reveal
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def shown(road: Road, mac: SimulatedDevice, actor: Actor = ADMINISTRATOR) -> list[tuple[str, str]]:
    """PIN and state of every version."""
    with road.rows():
        found = reveal.lock_pins(actor, road.row(mac), all_versions=True)
        return [(one.value, one.state) for one in found]


def test_a_pin_is_there_before_the_mac_has_it_and_confirmed_afterwards(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "DeviceLock", {"pin": "271828"})
    assert shown(road, mac) == [("271828", "pending")]
    line = Line(mac)
    assert line.idle() == "DeviceLock"
    line.say("Acknowledged")
    assert shown(road, mac) == [("271828", "confirmed")]


def test_a_later_pin_comes_first_and_the_earlier_stays(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "DeviceLock", {"pin": "111111"})
    mac.connect()
    order(road, mac, "EraseDevice", {"pin": "222222"})
    assert shown(road, mac) == [("222222", "pending"), ("111111", "confirmed")]
    with road.rows():
        surest, other = reveal.lock_pins(ADMINISTRATOR, road.row(mac))
        assert (surest.value, surest.kind) == ("111111", "device_lock_pin")
        assert (other.value, other.kind) == ("222222", "erase_pin")


def now_shown(road: Road, mac: SimulatedDevice) -> list[str]:
    """What somebody in front of the Mac is told to type."""
    with road.rows():
        return [one.value for one in reveal.lock_pins(ADMINISTRATOR, road.row(mac))]


def test_a_locked_mac_opens_with_the_pin_it_has_whatever_was_ordered_since(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "DeviceLock", {"pin": "111111"})
    mac.connect()
    order(road, mac, "DeviceLock", {"pin": "222222"})  # nobody is there to fetch it
    order(road, mac, "DeviceLock", {"pin": "333333"})  # which replaces the one before
    assert now_shown(road, mac) == ["111111", "333333"]


def test_the_pin_of_a_lock_that_the_mac_refuses_opens_nothing(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "DeviceLock", {"pin": "111111"})
    mac.connect()
    order(road, mac, "DeviceLock", {"pin": "222222"})
    line = Line(mac)
    assert line.idle() == "DeviceLock"
    line.say("Error")
    assert now_shown(road, mac) == ["111111"]


def test_the_pin_of_a_mac_that_is_back_is_in_force_no_more_and_can_still_be_seen(
    road: Road, mac: SimulatedDevice
) -> None:
    order(road, mac, "DeviceLock", {"pin": "271828"})
    mac.connect()
    mac.wake_up()
    mac.connect()  # what it says within five minutes proves nothing
    assert shown(road, mac) == [("271828", "confirmed")]
    later(road, mac, 301)
    mac.connect()
    assert shown(road, mac) == [("271828", "superseded")]
    assert "device.unlocked" in road.events(mac)
    with road.rows():
        assert road.row(mac).locked_at is None


def test_what_is_shown_is_in_the_audit_without_the_pin(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "DeviceLock", {"pin": "271828"})
    shown(road, mac)
    entry = audit_trail(road.app)[-1]
    assert (entry.action, entry.serial_number) == ("device.reveal_lock_pin", mac.facts.serial)
    assert uuid in str(entry.reason) and "271828" not in str(entry.__dict__)


def test_who_may_not_sees_nothing(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "DeviceLock", {"pin": "271828"})
    with pytest.raises(Denied, match=reveal.VIEW_LOCK_PIN):
        shown(road, mac, Actor(id="user:9", label="nobody"))


def test_where_none_is_kept_it_says_so(road: Road, mac: SimulatedDevice) -> None:
    with pytest.raises(NotFound):
        shown(road, mac)
    with road.rows():
        assert not reveal.has_any(road.row(mac), reveal.find("device_lock_pin"))
