"""Rotations, reveals and conversations at the same time, on PostgreSQL: nobody deadlocks, one
password comes of it, and it opens the Mac."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hosts import ADMINISTRATOR
from tests.protecting import Protected, lay_protection
from tests.road import Road
from zmdm_plugin.services import devices, reveal, vault
from zmdm_plugin.services.protection import replacing
from zmdm_simulator.device import SimulatedDevice

pytestmark = pytest.mark.slow


@pytest.fixture
def protected(pg_road: Road) -> Protected:
    return lay_protection(pg_road)


def test_ten_people_and_the_mac_at_once_come_to_one_password(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    former, number = mac.secrets.recovery_lock, protected.road.row_id(mac)

    def ask(turn: int) -> None:
        with protected.road.rows():
            if turn % 2:
                replacing.replace(ADMINISTRATOR, devices.locked(number), "recovery_password")
            else:
                device = devices.find(ADMINISTRATOR, number, "mdm.view_enrolleddevice")
                reveal.reveal(ADMINISTRATOR, device, reveal.find("recovery_password"))

    with ThreadPoolExecutor(6) as people:
        asked = [people.submit(ask, turn) for turn in range(10)]
        talks = [people.submit(protected.talk, mac)]
        for one in (*asked, *talks):
            one.result(timeout=60)
    protected.talk(mac)
    assert mac.secrets.recovery_lock != former
    assert protected.confirmed(mac, vault.RECOVERY_LOCK) == mac.secrets.recovery_lock
    states = [state for state, _ in protected.versions(mac, vault.RECOVERY_LOCK)]
    assert states[-1] == "confirmed" and set(states[:-1]) == {"superseded"}


def test_an_answer_that_comes_twice_at_once_confirms_one_version(protected: Protected) -> None:
    mac: SimulatedDevice = protected.mac()
    protected.talk(mac)
    body = mac.channel().last_answer
    assert body is not None
    with ThreadPoolExecutor(4) as wires:
        sent = [wires.submit(mac.wire.connect, body) for _ in range(4)]
        assert {one.result(timeout=60).status_code for one in sent} == {200}
    states = [state for state, _ in protected.versions(mac, vault.RECOVERY_LOCK)]
    assert states == ["confirmed"]
