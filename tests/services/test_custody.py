"""Lost, found, shared, renamed: what is ordered, what the device does, and what is known then."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.orders import look, order, quiet
from tests.road import Road
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import whereabouts
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def phone(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled("iPhone15,2"))


@pytest.fixture
def ipad(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled("iPad13,18", shared=True))


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def row(road: Road, device: SimulatedDevice, *columns: str) -> tuple[object, ...]:
    with road.rows() as session:
        found = session.scalars(sa.select(Device).where(Device.udid == device.facts.udid)).one()
        return tuple(getattr(found, column) for column in columns)


def places(road: Road, device: SimulatedDevice) -> list[whereabouts.Place]:
    with road.rows() as session:
        found = session.scalars(sa.select(Device).where(Device.udid == device.facts.udid)).one()
        return whereabouts.places(ADMINISTRATOR, found)


def test_a_lost_phone_shows_a_message_and_says_where_it_is(
    road: Road, phone: SimulatedDevice
) -> None:
    order(road, phone, "EnableLostMode", {"message": "Please call", "phone_number": "+49 1"})
    assert phone.connect().request_types == ["EnableLostMode", "DeviceLocation"]
    assert phone.condition.lost == {"Message": "Please call", "PhoneNumber": "+49 1"}
    assert row(road, phone, "lost_mode") == (True,)
    [place] = places(road, phone)
    assert (round(place.latitude), round(place.longitude)) == (52, 13)


def test_a_look_at_a_place_is_in_the_audit(road: Road, phone: SimulatedDevice) -> None:
    order(road, phone, "EnableLostMode", {"message": "Lost"})
    phone.connect()
    places(road, phone)
    with road.rows() as session:
        actions = session.scalars(sa.select(AuditEntry.action)).all()
    assert "device.view_location" in actions


def test_without_an_answer_it_says_what_to_do(road: Road, phone: SimulatedDevice) -> None:
    with pytest.raises(NotFound, match="Lost Mode"):
        places(road, phone)


def test_a_found_phone_is_its_users_again(road: Road, phone: SimulatedDevice) -> None:
    order(road, phone, "EnableLostMode", {"message": "Lost"})
    phone.connect()
    order(road, phone, "PlayLostModeSound")
    order(road, phone, "DisableLostMode")
    assert phone.connect().request_types == ["DisableLostMode", "PlayLostModeSound"]
    assert (phone.condition.lost, row(road, phone, "lost_mode")) == (None, (False,))


def test_finding_it_takes_back_an_order_that_it_has_not_fetched(
    road: Road, phone: SimulatedDevice
) -> None:
    lost = order(road, phone, "EnableLostMode", {"message": "Lost"})
    order(road, phone, "DisableLostMode")
    assert phone.connect().request_types == ["DisableLostMode"]
    assert look(road, lost).state == "superseded"


def test_the_accounts_of_a_mac_are_listed(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "UserList")
    mac.connect()
    [users, at] = row(road, mac, "local_users", "local_users_at")
    assert [user["user_name"] for user in users] == [mac.facts.user.short_name, "helper"]  # type: ignore[attr-defined]
    assert at is not None


def test_an_account_is_deleted_and_the_list_is_asked_for_again(
    road: Road, ipad: SimulatedDevice
) -> None:
    name = "helper@example.com"
    order(road, ipad, "DeleteUser", {"user_name": name, "force_deletion": True})
    assert ipad.connect().request_types == ["DeleteUser", "UserList"]
    assert ipad.condition.deleted == {name}
    assert len(row(road, ipad, "local_users")[0]) == 1  # type: ignore[arg-type]


def test_a_renamed_mac_is_known_by_its_new_name_at_once(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "Settings", {"device_name": "Desk 7", "host_name": "desk-7"})
    mac.connect()
    assert mac.name == "Desk 7"
    assert row(road, mac, "name", "host_name") == ("Desk 7", "desk-7")


def test_a_setting_that_is_not_taken_is_on_the_timeline(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "Settings", {"bluetooth": True, "further": [{"Item": "OrganizationInfo"}]})
    mac.connect()
    assert mac.condition.switches == {"Bluetooth": True}
    assert road.events(mac)[-1] == "command.note"


def test_remote_desktop_is_turned_on_and_off(road: Road, mac: SimulatedDevice) -> None:
    for name, on in (("EnableRemoteDesktop", True), ("DisableRemoteDesktop", False)):
        order(road, mac, name)
        mac.connect()
        assert mac.condition.remote_desktop is on
        assert row(road, mac, "remote_desktop_enabled") == (on,)


def test_a_shared_ipad_is_logged_out(road: Road, ipad: SimulatedDevice) -> None:
    order(road, ipad, "LogOutUser")
    ipad.connect()
    assert ipad.condition.logged_out


def test_who_mistyped_too_often_is_let_in_again(road: Road, mac: SimulatedDevice) -> None:
    order(road, mac, "UnlockUserAccount", {"user_name": mac.facts.user.short_name})
    mac.connect()
    assert mac.condition.unlocked == [mac.facts.user.short_name]
