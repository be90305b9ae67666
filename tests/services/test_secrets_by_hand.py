"""A recovery password that somebody chose, tokens that somebody sees, a profile tried again."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.api.world import Program, audit_trail, program
from tests.protecting import INTEL, SILICON, Protected, lay_protection
from tests.road import Road
from zmdm_plugin.services import vault
from zmdm_simulator.device import SimulatedDevice

OWN = "correct horse"


@pytest.fixture
def protected(road: Road) -> Protected:
    return lay_protection(road)


def api(road: Road) -> Program:
    return program(road.app)


def choose(road: Road, mac: SimulatedDevice, password: str = OWN) -> Any:
    """The answer to somebody's choice for this Mac."""
    one = api(road)
    url = f"/api/mdm/devices/{road.row_id(mac)}/recovery_password/"
    return one.client.put(url, json={"recovery_password": password}, headers=one.headers)


def test_a_mac_has_the_password_that_somebody_chose(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    assert choose(protected.road, mac).status_code == 204
    protected.talk(mac)
    assert mac.secrets.recovery_lock == OWN == protected.confirmed(mac, vault.RECOVERY_LOCK)
    last = audit_trail(protected.road.app)[-1]
    assert last.action == "device.set_recovery_password" and OWN not in repr(vars(last))
    assert "SetRecoveryLock" not in protected.talk(mac).request_types


def test_an_intel_mac_has_it_after_the_restart(protected: Protected) -> None:
    mac = protected.mac(INTEL)
    protected.talk(mac)
    mac.restart()
    with protected.later(days=1):
        protected.talk(mac)
        assert choose(protected.road, mac).status_code == 204
        asked = protected.talk(mac).request_types
    assert asked.index("SetFirmwarePassword") < asked.index("RestartDevice")
    assert mac.secrets.firmware != OWN != protected.confirmed(mac, vault.FIRMWARE_PASSWORD)
    mac.restart()
    with protected.later(days=2):
        protected.talk(mac)
    assert mac.secrets.firmware == OWN == protected.confirmed(mac, vault.FIRMWARE_PASSWORD)


def test_it_stays_without_a_configuration_and_goes_when_one_comes(road: Road) -> None:
    mac = road.enrolled(SILICON)
    mac.connect()
    assert choose(road, mac).status_code == 204
    mac.connect()
    assert mac.connect().request_types == [] and mac.secrets.recovery_lock == OWN
    protected = lay_protection(road)
    with road.rows():
        road.row(mac).blueprint_id = protected.blueprint
    protected.change(name="Protected anew")
    protected.talk(mac)
    assert mac.secrets.recovery_lock not in (OWN, None)
    assert protected.versions(mac, vault.RECOVERY_LOCK)[0] == ("superseded", OWN)


def test_a_choice_whose_answer_was_lost_is_verified_first(protected: Protected) -> None:
    lost = {"do": "lose_answer", "command": "SetRecoveryLock", "after": 1, "times": 1}
    mac = protected.mac(SILICON, 1, lost)
    protected.talk(mac)
    choose(protected.road, mac)
    protected.talk(mac)
    again = choose(protected.road, mac, "another horse")
    assert again.status_code == 409 and "took the change before" in again.json["message"]
    with protected.later(minutes=5):
        assert "VerifyRecoveryLock" in protected.talk(mac).request_types
    assert protected.confirmed(mac, vault.RECOVERY_LOCK) == OWN == mac.secrets.recovery_lock


def test_what_cannot_be_is_said_and_not_repeated(protected: Protected) -> None:
    mac, phone = protected.mac(), protected.road.enrolled("iPhone15,2", 4)
    for wrong in ("short", "pässword with an ä", "x" * 33):
        answer = choose(protected.road, mac, wrong)
        assert answer.status_code == 422 and wrong not in answer.text
        assert "recovery_password" in answer.json["errors"]["json"]
    assert choose(protected.road, phone).status_code == 409


def test_tokens_are_revealed_each_by_its_permission(road: Road) -> None:
    mac, phone = road.enrolled(SILICON, 1), road.enrolled("iPhone15,2", 2)
    everything = api(road)
    one, two = road.row_id(mac), road.row_id(phone)
    mac.settle()
    assert mac.bootstrap_token is not None
    told = everything.get(f"devices/{one}/bootstrap_token/").json["bootstrap_token"]
    assert told == b64encode(mac.bootstrap_token).decode()
    told = everything.get(f"devices/{two}/unlock_token/").json["unlock_token"]
    assert told == b64encode(phone.unlock_token).decode()
    actions = [entry.action for entry in audit_trail(road.app)]
    assert actions[-2:] == ["device.reveal_bootstrap_token", "device.reveal_unlock_token"]
    why = everything.get(f"devices/{one}/unlock_token/")
    assert why.status_code == 404 and "not macOS" in why.json["message"]
    why = everything.get(f"devices/{two}/bootstrap_token/")
    assert why.status_code == 404 and "not iOS" in why.json["message"]


def test_a_token_needs_its_own_permission(road: Road) -> None:
    phone = road.enrolled("iPhone15,2", 2)
    other = program(road.app, "mdm.view_enrolleddevice", "mdm.view_bootstrap_token")
    assert other.get(f"devices/{road.row_id(phone)}/unlock_token/").status_code == 403


def test_a_profile_that_failed_is_tried_again_when_somebody_asks(protected: Protected) -> None:
    mac = protected.mac(SILICON, 1, {"do": "error", "command": "InstallProfile", "times": 1})
    protected.talk(mac)
    one, number = api(protected.road), protected.road.row_id(mac)
    said = one.get(f"devices/{number}/secrets/").json["filevault_profile"]
    assert (said["state"], said["failures"]) == ("pending", 1) and said["next_try_at"]
    assert "InstallProfile" not in protected.talk(mac).request_types
    assert one.post(f"devices/{number}/filevault_profile/retry/").status_code == 204
    protected.talk(mac)
    assert "zmdm.filevault" in mac.installed_profiles
    said = one.get(f"devices/{number}/secrets/").json["filevault_profile"]
    assert (said["state"], said["failures"], said["error"]) == ("kept", 0, None)


def test_a_recovery_lock_is_verified_once_a_month(protected: Protected) -> None:
    mac = protected.mac()
    protected.talk(mac)
    mac.secrets.recovery_lock = "changed at the Mac"
    for days in (10, 32):
        with protected.later(days=days):
            asked = protected.talk(mac).request_types
    assert "VerifyRecoveryLock" in asked
    said = api(protected.road).get(f"devices/{protected.road.row_id(mac)}/secrets/").json
    states = {entry["name"]: entry["state"] for entry in said["secrets"]}
    assert states["recovery_password"] == "wrong"
