"""A blocked device stays out through every entrance, and comes in again once it is unblocked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.accounts import ACCOUNT, ADA, SITE, lay_account
from tests.ade import Ade
from tests.identities import fall_silent
from tests.people import ADA as PERSON
from tests.people import PASSWORD, lay_realm
from zmdm_plugin.models import Identity
from zmdm_plugin.services import release
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed, ScepFailed
from zmdm_simulator.web_view import Person

Enter = Callable[[SimulatedDevice], None]


def by_hand(ade: Ade, _mac: SimulatedDevice) -> Enter:
    profile = ade.road.by_hand("Lab")
    return lambda mac: mac.enroll(profile)


def over_the_air(ade: Ade, _mac: SimulatedDevice) -> Enter:
    link = ade.road.over_the_air()
    return lambda mac: mac.enroll(link)


def setup_assistant(ade: Ade, mac: SimulatedDevice) -> Enter:
    assign(ade, mac, ade.enrollment())
    return lambda mac: mac.set_up(ade.assigned(mac))


def web_view(ade: Ade, mac: SimulatedDevice) -> Enter:
    assign(ade, mac, ade.enrollment(realm_id=lay_realm(ade.road), realm_required=True))
    ada = Person(PERSON["username"], PASSWORD)
    return lambda mac: mac.set_up(ade.assigned(mac), ada)


def work_account(ade: Ade, _mac: SimulatedDevice) -> Enter:
    lay_account(ade.road, "Work", mode="mdm-adde")
    return lambda mac: mac.enroll_with_account(ACCOUNT, ADA, site=SITE)


ENTRANCES = (by_hand, over_the_air, setup_assistant, web_view, work_account)


def assign(ade: Ade, mac: SimulatedDevice, enrollment_id: int) -> None:
    ade.played.organization.add([{"serial_number": mac.facts.serial}])
    uuid = ade.profiles(enrollment_id)[-1].profile_uuid
    assert uuid is not None
    ade.played.organization.server().books.assign(mac.facts.serial, uuid)


def in_use(ade: Ade) -> int:
    with ade.road.rows() as session:
        return session.query(Identity).filter_by(state="active").count()


@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda one: one.__name__)
def test_a_blocked_device_stays_out_until_it_is_unblocked(
    ade: Ade, entrance: Callable[[Ade, SimulatedDevice], Enter]
) -> None:
    mac = ade.road.enrolled()
    enter = entrance(ade, mac)
    with ade.road.rows():
        release.block(ade.road.row(mac))
    assert mac.connect().left
    fall_silent(ade.road, mac)
    before = in_use(ade)
    with pytest.raises((EnrollmentFailed, ScepFailed)):
        enter(mac)
    assert (in_use(ade), mac.mdm) == (before, None)
    with ade.road.rows():
        release.unblock(ade.road.row(mac))
    enter(mac)
    assert mac.connect().statuses[0] == 200
