"""Erased devices: what they are told, what becomes of them, how they come back by themselves."""

from __future__ import annotations

import base64
import plistlib
from typing import Any

import pytest

from tests import accounts
from tests.ade import Ade
from tests.orders import Line, look, order, quiet
from tests.road import Road
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.services import tags, vault
from zmdm_plugin.services.artifacts import artifacts, versions
from zmdm_plugin.services.enrollment import enrollments
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice

BACK: dict[str, Any] = {
    "return_to_service": True,
    "preserve_data_plan": True,
    "disallow_proximity_setup": False,
}
WIFI = {
    "PayloadType": "Configuration",
    "PayloadVersion": 1,
    "PayloadIdentifier": "com.example.wifi",
    "PayloadUUID": "B1512B8D-1E17-4181-A1C3-93A7243FDDD4",
    "PayloadDisplayName": "Wi-Fi",
    "PayloadContent": [
        {
            "PayloadType": "com.apple.wifi.managed",
            "PayloadVersion": 1,
            "PayloadIdentifier": "com.example.wifi.one",
            "PayloadUUID": "0A9C8C44-5B0F-4C0C-9E5E-2C1D7B7C0C11",
            "SSID_STR": "Office",
            "AutoJoin": True,
        }
    ],
}


def state_of(road: Road, device: SimulatedDevice) -> tuple[int, bool]:
    with road.rows():
        row = road.row(device)
        return row.id, row.checkout_at is None


def test_an_erased_phone_returns_to_service_as_the_device_that_it_was(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2"))
    with road.rows():
        tags.put(road.row(phone), tags.create("Kiosk"))
        vault.keep_version(road.row(phone), vault.BYPASS_CODE, b"AAAA")
    device_id = road.row_id(phone)
    uuid = order(road, phone, "EraseDevice", BACK)
    assert phone.connect().request_types == ["EraseDevice"]
    assert (phone.life, state_of(road, phone)) == (Life.ENROLLED, (device_id, True))
    assert look(road, uuid).state == "acknowledged"
    with road.rows():
        row = road.row(phone)
        assert [tag.name for tag in tags.of([row.id])[row.id]] == ["Kiosk"]
        assert vault.newest(row.id, vault.BYPASS_CODE, "confirmed") is not None
        assert [one.kind for one in road.sessions("return")] == ["return"]
    assert phone.connect().request_types


def test_the_way_back_is_made_as_it_is_delivered(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2"))
    wifi = wifi_artifact(road)
    uuid = order(road, phone, "EraseDevice", {**BACK, "wifi_artifact": wifi})
    assert "MDMProfileData" not in str(look(road, uuid).args)
    line = Line(phone)
    assert line.idle() == "EraseDevice"
    given = line.command["ReturnToService"]
    assert given["Enabled"] is True
    assert b"Office" in given["WiFiProfileData"]
    assert b"com.apple.mdm" in given["MDMProfileData"]


def test_apps_are_kept_by_the_token_in_the_vault(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2", system=("26.0", "23A341")))
    asked = {**BACK, "preserve_apps": True}
    with pytest.raises(Refused, match="bootstrap token"):
        order(road, phone, "EraseDevice", asked)
    phone.set_bootstrap_token(b"t" * 48)
    order(road, phone, "EraseDevice", asked)
    line = Line(phone)
    line.idle()
    assert line.command["ReturnToService"]["BootstrapToken"] == b"t" * 48


def test_with_activation_lock_on_nothing_would_return(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2"))
    with road.rows():
        road.row(phone).activation_lock_enabled = True
    with pytest.raises(Refused, match="Clear it first") as refused:
        order(road, phone, "EraseDevice", BACK)
    assert refused.value.field == "return_to_service"


def test_a_revoked_enrollment_lets_nothing_return_and_the_phone_is_not_erased(road: Road) -> None:
    phone = quiet(road, road.enrolled("iPhone15,2", profile=road.over_the_air("Link")))
    uuid = order(road, phone, "EraseDevice", BACK)
    with road.rows():
        enrollments.revoke(enrollments.by_name("Link"))
    assert phone.connect().request_types == []
    assert look(road, uuid).state == "error"
    assert "revoked" in (look(road, uuid).failure or "")
    assert phone.life is Life.ENROLLED


def test_an_erased_mac_waits_for_its_pin_and_comes_back_by_hand(road: Road) -> None:
    mac = quiet(road, road.enrolled("iMac19,1"))
    with pytest.raises(Refused, match="PIN"):
        order(road, mac, "EraseDevice")
    order(road, mac, "EraseDevice", {"pin": "123456", "obliteration_behavior": "Always"})
    mac.connect()
    assert mac.life is Life.ERASED
    with road.rows():
        kept = vault.newest(road.row(mac).id, vault.ERASE_PIN, "confirmed")
        assert kept is not None and vault.text(kept) == "123456"
    mac.enroll(road.profile)
    assert state_of(road, mac)[1]


def test_a_device_of_apples_needs_no_profile_to_return(ade: Ade) -> None:
    phone = ade.boxed("iPhone15,2", ade.enrollment())
    phone.set_up(ade.assigned(phone))
    quiet(ade.road, phone)
    first = ade.session(phone).id
    order(ade.road, phone, "EraseDevice", BACK)
    phone.connect()
    passed = ade.session(phone)
    assert (passed.kind, passed.state, passed.id == first) == ("ade", "completed", False)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_device_that_resets_itself_is_told_what_its_enrollment_says(
    ade: Ade, wanted: bool
) -> None:
    staff = ade.enrollment(is_return_to_service=wanted, await_device_configured=True)
    phone = ade.boxed("iPhone15,2", staff)
    phone.set_up(ade.assigned(phone))
    device_id = ade.road.row_id(phone)
    answer = plistlib.loads(phone.reset().content)
    assert answer == {"ReturnToService": {"Enabled": wanted}}
    assert phone.life is (Life.ENROLLED if wanted else Life.ERASED)
    assert ade.road.row_id(phone) == device_id


def wifi_artifact(road: Road, profile: dict[str, Any] = WIFI) -> int:
    with road.rows():
        made = artifacts.create("profile", "Wi-Fi")
        versions.create(made, plistlib.dumps(profile), actor=SYSTEM)
        return made.id


def test_a_device_that_resets_itself_is_given_what_it_needs_to_return(ade: Ade) -> None:
    wifi = wifi_artifact(ade.road)
    staff = ade.enrollment(
        is_return_to_service=True,
        await_device_configured=True,
        return_wifi_artifact_id=wifi,
        return_preserve_data_plan=False,
        return_retry_enrollment=True,
    )
    phone = ade.boxed("iPhone15,2", staff, system=("26.4", "23E200"))
    phone.set_up(ade.assigned(phone))
    answer = plistlib.loads(phone.reset().content)
    assert b"Office" in answer["ReturnToService"]["WiFiProfileData"]
    assert answer["PreserveDataPlan"] is False
    assert "ShouldRetryEnrollment" not in answer["ReturnToService"]  # it knows that since 27


def test_without_its_wifi_a_device_returns_all_the_same_and_an_event_says_why(ade: Ade) -> None:
    odd = {**WIFI, "PayloadDescription": "$REALM_USER.EMAIL"}
    staff = ade.enrollment(
        is_return_to_service=True,
        await_device_configured=True,
        return_wifi_artifact_id=wifi_artifact(ade.road, odd),
    )
    phone = ade.boxed("iPhone15,2", staff)
    phone.set_up(ade.assigned(phone))
    assert plistlib.loads(phone.reset().content)["ReturnToService"] == {"Enabled": True}
    assert "device.returns_without" in ade.road.events(phone)


def test_a_wifi_that_devices_return_by_cannot_be_deleted(ade: Ade) -> None:
    wifi = wifi_artifact(ade.road)
    returning = {"is_return_to_service": True, "await_device_configured": True}
    ade.enrollment("Kiosk", return_wifi_artifact_id=wifi, **returning)
    with pytest.raises(Conflict, match="the enrollment “Kiosk”"), ade.road.rows():
        artifacts.delete(artifacts.find(wifi))


@pytest.mark.parametrize("wanted", [{"return_wifi_artifact_id": 1}, {"return_retry_enrollment": 1}])
def test_a_return_that_is_not_meant_needs_nothing(ade: Ade, wanted: dict[str, Any]) -> None:
    wifi_artifact(ade.road)
    with pytest.raises(Refused, match="is_return_to_service only"):
        ade.enrollment(**wanted)


def test_who_enrolled_by_account_returns_with_a_profile_that_is_given(road: Road) -> None:
    accounts.lay_account(road, mode="mdm-adde")
    phone = road.device("iPhone15,2")
    phone.enroll_with_account(accounts.ACCOUNT, accounts.ADA, site=accounts.SITE)
    with pytest.raises(Refused, match="has to sign in") as refused:
        order(road, phone, "EraseDevice", BACK)
    assert refused.value.field == "mdm_profile"
    given = base64.b64encode(road.profile).decode()
    order(road, phone, "EraseDevice", {**BACK, "mdm_profile": given})


def test_what_belongs_to_a_return_is_refused_without_one(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    for field in ("wifi_artifact", "preserve_apps", "retry_enrollment"):
        asked = {**BACK, "return_to_service": False, field: 1 if "wifi" in field else True}
        with pytest.raises(Refused) as refused:
            order(road, phone, "EraseDevice", asked)
        assert refused.value.field == field
