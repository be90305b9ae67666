"""Rotations, reveals and conversations at the same time, answers lost and late, on PostgreSQL:
nobody deadlocks, one secret comes of it, and it opens the Mac."""

from __future__ import annotations

import plistlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hosts import ADMINISTRATOR
from tests.protecting import SETS, Protected, lay_protection
from tests.road import Road
from zmdm_plugin.services import devices, reveal, vault
from zmdm_plugin.services.protection import replacing
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

pytestmark = pytest.mark.slow
NAMES = {
    vault.RECOVERY_LOCK: "recovery_password",
    vault.FIRMWARE_PASSWORD: "recovery_password",
    vault.FILEVAULT_PRK: "filevault_prk",
    vault.ADMIN_PASSWORD: "admin_password",
}


@pytest.fixture
def protected(pg_road: Road) -> Protected:
    return lay_protection(pg_road)


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


@pytest.mark.parametrize("kind", SETS)
def test_people_and_the_mac_at_once_come_to_one_secret(protected: Protected, kind: str) -> None:
    mac = protected.in_force(kind)
    former, number, name = protected.confirmed(mac, kind), protected.road.row_id(mac), NAMES[kind]

    def ask(turn: int) -> None:
        with protected.road.rows():
            if turn % 2:
                replacing.replace(ADMINISTRATOR, devices.locked(number), name)
            else:
                device = devices.find(ADMINISTRATOR, number, "mdm.view_enrolleddevice")
                reveal.reveal(ADMINISTRATOR, device, reveal.find(name))

    with ThreadPoolExecutor(6) as people:
        asked = [people.submit(ask, turn) for turn in range(8)]
        talks = [people.submit(protected.talk, mac)]
        for one in (*asked, *talks):
            one.result(timeout=120)
    protected.settle(mac, kind)
    assert protected.opens(mac, kind) and protected.confirmed(mac, kind) != former
    states = [state for state, _ in protected.versions(mac, kind)]
    assert states.count("confirmed") == 1 and "pending" not in states


@pytest.mark.parametrize("do", ["lose_answer", "lose_reply", "duplicate"])
@pytest.mark.parametrize("kind", SETS)
def test_whatever_gets_lost_the_confirmed_one_opens_it(
    protected: Protected, kind: str, do: str
) -> None:
    mac = protected.in_force(kind)
    former = protected.confirmed(mac, kind)
    rule = {"do": do, "command": SETS[kind], "times": 1}
    mac.script = Script.load({"rules": [rule]})
    protected.due(mac, kind)
    protected.talk(mac)
    protected.settle(mac, kind)
    assert protected.opens(mac, kind) and protected.confirmed(mac, kind) != former


@pytest.mark.parametrize("kind", SETS)
def test_an_old_answer_that_comes_late_changes_nothing(protected: Protected, kind: str) -> None:
    mac = protected.in_force(kind)
    late = []
    for days in (0, 10):
        with protected.later(days=days):
            protected.due(mac, kind)
            talk = protected.talk(mac)
            late += [one.answer for one in talk if one.request_type == SETS[kind]]
            protected.settle(mac, kind)
    before = protected.versions(mac, kind)
    assert len(late) == 2 and protected.opens(mac, kind)
    for answer in late:
        assert mac.wire.connect(plistlib.dumps(dict(answer))).status_code == 200
    assert protected.versions(mac, kind) == before
