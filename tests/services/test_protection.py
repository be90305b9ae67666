"""Macs with real secrets: what the vault calls confirmed opens the device, whatever gets lost."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.apple_schema import validate_command, validate_profile, validate_response
from tests.hosts import ADMINISTRATOR
from tests.protecting import INTEL, Protected, lay_protection
from tests.road import Road
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.models import InstalledProfile
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.filevault import ESCROW
from zmdm_plugin.services import command_queue, vault
from zmdm_plugin.services.protection import by_hand, health
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script
from zmdm_simulator.secrets import Administrator

LOCK, FIRMWARE, PRK = vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD, vault.FILEVAULT_PRK


@pytest.fixture
def protected(road: Road) -> Protected:
    return lay_protection(road)


def lost(
    command: str, *, after: int = 0, times: int = 1, do: str = "lose_answer"
) -> dict[str, Any]:
    return {"do": do, "command": command, "after": after, "times": times}


def opens(protected: Protected, mac: SimulatedDevice, kind: str = LOCK) -> bool:
    """Whether the confirmed version is what the Mac has."""
    found = protected.confirmed(mac, kind)
    return found is not None and mac.secrets.opens_recovery(found)


def test_a_mac_gets_a_recovery_lock_of_its_own(protected: Protected) -> None:
    mac, other = protected.mac(seed=1), protected.mac(seed=2)
    protected.talk(mac)
    protected.talk(other)
    assert opens(protected, mac) and opens(protected, other)
    assert mac.secrets.recovery_lock != other.secrets.recovery_lock


@pytest.mark.parametrize("do", ["lose_answer", "lose_reply", "duplicate", "notnow"])
def test_the_confirmed_password_opens_the_mac_whatever_gets_lost(
    protected: Protected, do: str
) -> None:
    mac = protected.mac("MacBookPro18,3", 1, lost("SetRecoveryLock", after=1, do=do))
    protected.talk(mac)
    former = mac.secrets.recovery_lock
    protected.due(mac, LOCK)
    for minutes in (0, 1, 30, 26 * 60):
        with protected.later(minutes=minutes):
            protected.talk(mac)
    assert opens(protected, mac)
    assert mac.secrets.recovery_lock != former


def test_what_could_not_be_verified_once_is_forgotten_with_the_next_answer(
    protected: Protected,
) -> None:
    mac = protected.mac("MacBookPro18,3", 1, lost("VerifyRecoveryLock", do="error"))
    protected.talk(mac)
    standings = []
    for minutes in (0, 20):
        with protected.later(days=31, minutes=minutes):
            protected.talk(mac)
            with protected.road.rows():
                found = {one.name: one for one in health.of(protected.road.row(mac))}
        standings.append(found["recovery_password"])
    failed, fine = standings
    assert failed.state == fine.state == "kept"
    assert "could not be verified" in failed.problem and fine.problem == ""
    assert fine.verified_at and failed.verified_at and fine.verified_at > failed.verified_at


def test_at_every_moment_the_vault_has_what_opens_the_mac(protected: Protected) -> None:
    rules = [lost(name, after=1, times=2) for name in ("SetRecoveryLock", "VerifyRecoveryLock")]
    mac = protected.mac("MacBookPro18,3", 1, *rules)
    protected.talk(mac)
    protected.due(mac, LOCK)
    for minutes in range(0, 320, 80):
        with protected.later(minutes=minutes):
            protected.talk(mac)
        live = {value for state, value in protected.versions(mac, LOCK) if state != "superseded"}
        assert mac.secrets.recovery_lock in live
    assert opens(protected, mac)


def test_a_change_whose_answer_was_lost_is_verified_before_anything_else(
    protected: Protected,
) -> None:
    mac = protected.mac("MacBookPro18,3", 1, lost("SetRecoveryLock", after=1))
    protected.talk(mac)
    protected.due(mac, LOCK)
    protected.talk(mac)
    with protected.later(minutes=5):
        types = protected.talk(mac).request_types
    assert types[:2] == ["SetRecoveryLock", "VerifyRecoveryLock"]
    assert [state for state, _ in protected.versions(mac, LOCK)] == ["superseded", "confirmed"]


def test_a_password_that_somebody_else_set_is_left_alone_and_said(protected: Protected) -> None:
    mac = protected.road.device("MacBookPro18,3", 9)
    mac.secrets.recovery_lock = "somebody else's"
    mac = protected.take(mac)
    protected.talk(mac)
    task = protected.task(mac, "recovery_password")
    assert mac.secrets.recovery_lock == "somebody else's"
    assert task is not None and task.failures == 1 and "wrong" in (task.error or "")
    assert task.next_try_at is not None


def test_failures_wait_longer_each_time(protected: Protected) -> None:
    mac = protected.road.device("MacBookPro18,3", 9)
    mac.secrets.recovery_lock = "somebody else's"
    mac = protected.take(mac)
    tries = []
    for minutes in (0, 10, 16, 50, 90, 300, 400):
        with protected.later(minutes=minutes):
            talk = protected.talk(mac)
        tries += [minutes] * talk.request_types.count("SetRecoveryLock")
    waits = [later - sooner for sooner, later in pairwise(tries)]
    assert 2 <= len(waits) <= 3 and waits == sorted(waits)


def test_a_lock_that_is_gone_is_set_again(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    mac.secrets.recovery_lock = None
    with protected.later(days=2):
        protected.talk(mac)
    assert opens(protected, mac)
    assert [state for state, _ in protected.versions(mac, LOCK)] == ["superseded", "confirmed"]


def test_a_blueprint_without_the_configuration_clears_the_lock(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    protected.change(recovery_password_config=None)
    talk = protected.talk(mac)
    assert "SetRecoveryLock" in talk.request_types
    assert mac.secrets.recovery_lock is None
    assert [state for state, _ in protected.versions(mac, LOCK)] == ["superseded"]


def test_a_static_password_reaches_every_mac_and_so_does_the_next_one(road: Road) -> None:
    protected = lay_protection(
        road,
        dynamic_password=False,
        static_password="correct horse",
        reveal_rotation_delay=0,
        rotate_firmware_password=False,
    )
    mac = protected.mac()
    protected.talk(mac)
    assert mac.secrets.recovery_lock == "correct horse"
    protected.reconfigure(static_password="battery staple")
    protected.talk(mac)
    assert (mac.secrets.recovery_lock, opens(protected, mac)) == ("battery staple", True)


def test_an_intel_mac_is_asked_to_restart_and_then_has_its_password(protected: Protected) -> None:
    mac = protected.mac(INTEL)
    talk = protected.talk(mac)
    restart = next(one.command for one in talk if one.request_type == "RestartDevice")
    assert restart["NotifyUser"] is True
    assert protected.versions(mac, FIRMWARE)[0][0] == "pending"
    mac.restart()
    with protected.later(days=1, hours=3):
        protected.talk(mac)
    assert opens(protected, mac, FIRMWARE)


def test_until_the_restart_the_former_firmware_password_is_the_confirmed_one(
    protected: Protected,
) -> None:
    mac = protected.mac(INTEL)
    protected.talk(mac)
    mac.restart()
    with protected.later(days=1, hours=3):
        protected.talk(mac)
        protected.due(mac, FIRMWARE)
        protected.talk(mac)
    former, waiting = protected.versions(mac, FIRMWARE)
    assert (former[0], waiting[0]) == ("confirmed", "pending")
    assert mac.secrets.opens_recovery(former[1])
    mac.restart()
    with protected.later(days=2, hours=6):
        protected.talk(mac)
    assert protected.confirmed(mac, FIRMWARE) == waiting[1] == mac.secrets.firmware


@pytest.mark.parametrize("do", ["lose_answer", "lose_reply"])
def test_a_firmware_password_survives_a_lost_answer(protected: Protected, do: str) -> None:
    mac = protected.mac(INTEL, 1, lost("SetFirmwarePassword", do=do))
    protected.talk(mac)
    with protected.later(minutes=10):
        protected.talk(mac)
    mac.restart()
    for hours in (27, 52):
        with protected.later(hours=hours):
            protected.talk(mac)
    assert opens(protected, mac, FIRMWARE)


def test_what_a_mac_said_before_it_was_given_a_firmware_password_proves_nothing(
    protected: Protected,
) -> None:
    mac = protected.in_force(FIRMWARE)
    mac.script = Script.load({"rules": [lost("SetFirmwarePassword", times=9, do="notnow")]})
    protected.due(mac, FIRMWARE)
    protected.talk(mac)
    protected.order(mac, "SecurityInfo")  # before it has the new one
    rules = [lost("SetFirmwarePassword"), lost("SecurityInfo", times=99, do="notnow")]
    mac.script = Script.load({"rules": rules})
    for hours in (1, 30):
        with protected.later(hours=hours):
            protected.talk(mac)
    waiting = mac.secrets.firmware_next
    assert waiting and protected.versions(mac, FIRMWARE)[-1] == ("pending", waiting)
    mac.script = Script()
    mac.restart()
    with protected.later(hours=60):
        protected.talk(mac)
    assert protected.confirmed(mac, FIRMWARE) == waiting == mac.secrets.firmware


def test_a_firmware_password_that_waits_in_the_queue_outlives_the_word_that_there_is_none(
    protected: Protected,
) -> None:
    mac = protected.in_force(FIRMWARE)
    mac.secrets.firmware = None
    with protected.road.rows():
        device, own = protected.road.row(mac), protected.road.channel(mac)
        command_queue.enqueue(own, "SecurityInfo", {}, actor=SYSTEM)
        by_hand.set_recovery_password(ADMINISTRATOR, device, "correct horse")
    protected.talk(mac)
    assert protected.versions(mac, FIRMWARE)[-1] == ("pending", "correct horse")
    mac.restart()
    with protected.later(hours=30):
        protected.talk(mac)
    assert protected.confirmed(mac, FIRMWARE) == "correct horse" == mac.secrets.firmware


def test_the_profile_comes_and_the_key_is_escrowed(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    assert "zmdm.filevault" in mac.installed_profiles
    mac.secrets.turn_on_filevault()
    with protected.later(minutes=20):
        protected.talk(mac)
    assert protected.confirmed(mac, PRK) == mac.secrets.recovery_key


@pytest.mark.parametrize("do", ["lose_answer", "lose_reply"])
def test_a_rotated_key_is_known_whatever_gets_lost(protected: Protected, do: str) -> None:
    mac = protected.mac("MacBookPro18,3", 1, lost("RotateFileVaultKey", do=do))
    protected.talk(mac)
    mac.secrets.turn_on_filevault()
    with protected.later(minutes=20):
        protected.talk(mac)
    former = mac.secrets.recovery_key
    protected.due(mac, PRK)
    for minutes in (21, 30, 26 * 60):
        with protected.later(minutes=minutes):
            protected.talk(mac)
    assert mac.secrets.recovery_key != former
    assert protected.confirmed(mac, PRK) == mac.secrets.recovery_key
    assert (("superseded", former)) in protected.versions(mac, PRK)


def test_the_profile_goes_with_the_configuration_and_the_key_stays(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    mac.secrets.turn_on_filevault()
    with protected.later(minutes=20):
        protected.talk(mac)
    protected.change(filevault_config=None)
    protected.talk(mac)
    assert "zmdm.filevault" not in mac.installed_profiles
    assert protected.confirmed(mac, PRK) == mac.secrets.recovery_key


def test_a_phone_has_its_passcode_cleared_with_the_token_it_gave(protected: Protected) -> None:
    phone = protected.road.enrolled("iPhone15,2", 4)
    phone.connect()
    protected.order(phone, "RequestUnlockToken")
    protected.order(phone, "ClearPasscode")
    phone.connect()
    assert not phone.secrets.passcode


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("model", ["MacBookPro18,3", INTEL])
def test_what_goes_over_the_wire_is_as_apple_describes_it(protected: Protected, model: str) -> None:
    mac = protected.mac(model)
    handled = [*protected.talk(mac)]
    mac.secrets.turn_on_filevault()
    mac.restart()
    with protected.later(days=2):
        handled += protected.talk(mac)
        protected.due(mac, PRK)
        handled += protected.talk(mac)
    for one in handled:
        assert validate_command(one.request_type, one.command, platform="macOS") == []
        assert validate_response(one.request_type, one.answer, platform="macOS") == []
    profile = mac.installed_profiles["zmdm.filevault"]
    assert validate_profile(profile.data, platform="macOS") == []
    kinds = {one.request_type for one in handled}
    assert {"RotateFileVaultKey", "InstallProfile"} <= kinds
    verify = {"SetRecoveryLock"} if model != INTEL else {"VerifyFirmwarePassword", "RestartDevice"}
    assert verify <= kinds


def test_the_administrator_gets_another_password_as_the_blueprint_says(
    protected: Protected,
) -> None:
    protected.change(admin_password_rotation_interval_days=7)
    mac = protected.mac()
    mac.secrets.administrator = Administrator("GUID-1", "admin", b"")
    with protected.road.rows():
        device = protected.road.row(mac)
        device.dep_enrollment = True
        device.device_information = {
            "AutoSetupAdminAccounts": [{"GUID": "GUID-1", "shortName": "admin"}]
        }
        device.security_info_at = device.device_information_at = utcnow() + timedelta(days=30)
    protected.talk(mac)
    first = protected.confirmed(mac, vault.ADMIN_PASSWORD)
    assert first and mac.secrets.administrator.opens(first)
    with protected.later(days=8):
        protected.talk(mac)
    second = protected.confirmed(mac, vault.ADMIN_PASSWORD)
    assert second and second != first and mac.secrets.administrator.opens(second)


def test_what_stands_in_the_way_is_said(protected: Protected) -> None:
    mac = protected.mac()
    with protected.road.rows() as session:
        device = protected.road.row(mac)
        device.bootstrap_token_for_updates, device.bootstrap_token_escrowed = True, False
        row = InstalledProfile(
            channel_id=protected.road.channel(mac).id,
            identifier="com.example.escrow",
            payloads=[{"payload_type": ESCROW}],
        )
        session.add(row)
        session.flush()
        said = " ".join(health.warnings(device))
    assert "com.example.escrow" in said and "bootstrap token" in said
