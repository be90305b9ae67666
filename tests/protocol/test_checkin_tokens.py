"""What check-ins carry: unlock and bootstrap tokens, and the identifiers of every kind."""

from __future__ import annotations

import plistlib

import pytest
import sqlalchemy as sa

from tests.identities import apply_for, authenticate, token_update
from tests.road import Road
from zmdm_plugin.models import Device, DeviceSecret
from zmdm_plugin.services import vault
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice


def unlock_token(road: Road, phone: SimulatedDevice) -> bytes | None:
    with road.rows():
        return vault.unseal(road.row(phone), "unlock_token")


def test_a_token_update_without_an_unlock_token_keeps_the_one_we_have(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    assert token_update(phone).status_code == 200
    assert token_update(phone, UnlockToken=b"").status_code == 200
    assert unlock_token(road, phone) == phone.unlock_token


def test_a_newer_unlock_token_replaces_the_one_we_have(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    assert token_update(phone, UnlockToken=b"newer").status_code == 200
    assert unlock_token(road, phone) == b"newer"


def test_tokens_are_sealed_at_rest(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    assert token_update(phone, UnlockToken=b"a secret of the phone").status_code == 200
    with road.rows() as session:
        stored = session.execute(sa.text("SELECT unlock_token FROM zmdm_device")).scalar_one()
    assert "secret" not in stored
    assert stored.count(".") == 2  # version, key, ciphertext


def test_a_bootstrap_token_comes_back(road: Road) -> None:
    mac = road.enrolled()
    assert mac.set_bootstrap_token(b"bootstrap").status_code == 200
    assert plistlib.loads(mac.get_bootstrap_token().content) == {"BootstrapToken": b"bootstrap"}


@pytest.mark.parametrize("token", [None, b""])
def test_a_missing_bootstrap_token_removes_the_one_we_have(road: Road, token: bytes | None) -> None:
    mac = road.enrolled()
    mac.set_bootstrap_token(b"bootstrap")
    assert mac.set_bootstrap_token(token).status_code == 200
    response = mac.get_bootstrap_token()
    assert (response.status_code, response.content) == (200, b"")
    with road.rows() as session:
        assert session.scalars(sa.select(DeviceSecret)).one().state == "superseded"


def test_the_same_bootstrap_token_again_adds_no_version(road: Road) -> None:
    mac = road.enrolled()
    for token in (b"one", b"one", b"two"):
        mac.set_bootstrap_token(token)
    with road.rows() as session:
        rows = session.scalars(sa.select(DeviceSecret).order_by(DeviceSecret.id)).all()
        assert [row.state for row in rows] == ["superseded", "confirmed"]


def test_a_network_user_is_declined_with_410(road: Road) -> None:
    mac = road.enrolled()
    assert mac.log_in(digest="digest") is False
    assert mac.connect().statuses[0] == 200


def test_user_and_device_tokens_differ(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    with road.rows():
        device, user = road.channel(mac), road.channel(mac, mac.facts.user.guid.upper())
        assert device.push_token == mac.channel().token
        assert user.push_token == mac.channel(mac.facts.user.short_name).token


def test_a_users_token_update_comes_after_the_devices(road: Road) -> None:
    mac = road.device()
    identity = apply_for(mac, road.profile)
    assert authenticate(mac, identity).status_code == 200
    assert token_update(mac, identity, UserID=mac.facts.user.guid).status_code == 400
    assert token_update(mac, identity).status_code == 200
    assert token_update(mac, identity, UserID=mac.facts.user.guid).status_code == 200


@pytest.fixture
def own_phone(road: Road) -> SimulatedDevice:
    """A phone of somebody's own: no UDID, no serial number, an EnrollmentID."""
    profile = plistlib.loads(road.profile)
    mdm = profile["PayloadContent"][-1]
    del mdm["AccessRights"]
    mdm["EnrollmentMode"] = "BYOD"
    return road.enrolled("iPhone15,2", profile=plistlib.dumps(profile))


def test_a_user_enrollment_is_known_by_its_enrollment_id(
    road: Road, own_phone: SimulatedDevice
) -> None:
    assert own_phone.connect().statuses[0] == 200
    with road.rows():
        row = road.row(own_phone)
        assert (row.udid, row.serial_number, row.user_enrollment) == (None, None, True)


def test_a_user_of_a_user_enrollment_has_a_channel(road: Road) -> None:
    profile = plistlib.loads(road.profile)
    mdm = profile["PayloadContent"][-1]
    del mdm["AccessRights"]
    mdm["EnrollmentMode"] = "BYOD"
    mac = road.enrolled(profile=plistlib.dumps(profile))
    assert mac.log_in()
    with road.rows():
        assert road.channel(mac, mac.facts.user.guid.upper()).kind == "user"


def test_a_device_enrollment_is_not_reached_by_an_enrollment_id(
    road: Road, own_phone: SimulatedDevice
) -> None:
    mac = road.enrolled()
    body = checkins.token_update(mac, mac.channel()) | {"UDID": own_phone.enrollment_id}
    assert mac.check_in(body).status_code == 400
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Device)) == 2
