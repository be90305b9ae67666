"""A renewal changes the certificate and nothing else, and no device is lost on the way."""

from __future__ import annotations

import plistlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.identities import (
    after,
    aged_identity,
    answer,
    authenticate,
    command,
    expire,
    fall_due,
    obtain,
    poll,
    token_update,
)
from tests.road import Road
from zmdm_plugin.models import Channel, ChannelCommand, Device, DeviceSecret, UnboundIdentity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import command_queue
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.profile import load
from zmdm_simulator.script import Do, Rule, Script


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    """A Mac in use, with a user and a bootstrap token, whose identity ends in ten days."""
    mac = road.enrolled()
    mac.settle()
    mac.connect()
    fall_due(road, mac)
    return mac


def renew_without_answer(mac: SimulatedDevice) -> str:
    """Take the command and carry it out; the CommandUUID of the answer that is not sent."""
    uuid, order = command(poll(mac))
    mac.renew(load(order["Payload"]))
    return uuid


def retire_dates(road: Road, device: SimulatedDevice) -> list[timedelta | None]:
    with road.rows():
        now = utcnow()
        return [one.retire_at - now if one.retire_at else None for one in road.identities(device)]


def snapshot(road: Road, mac: SimulatedDevice) -> dict[str, Any]:
    """Every column of the device, its channels and its secrets that a renewal must not touch."""
    passing = {"updated_at", "last_seen_at", "conversation_at", "plan_due_at", "planned_revision"}
    passing |= {"push_due_at", "push_token_at", "push_leased_until"}
    with road.rows() as session:
        ident = road.row(mac).id
        found = {
            "device": [session.get_one(Device, ident)],
            "channels": session.scalars(sa.select(Channel).order_by(Channel.id)).all(),
            "secrets": session.scalars(sa.select(DeviceSecret)).all(),
            "waiting": session.scalars(
                sa.select(ChannelCommand).where(ChannelCommand.name == "RestartDevice")
            ).all(),
        }
        return {
            name: [
                {c.key: getattr(row, c.key) for c in row.__table__.c if c.key not in passing}
                for row in rows
            ]
            for name, rows in found.items()
        }


def test_an_identity_is_renewed_before_it_ends(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    assert mac.connect().request_types == ["InstallProfile"]
    assert mac.own_identity.fingerprint != former.fingerprint
    assert mac.connect().statuses == [200]
    with road.rows():
        assert [row.state for row in road.sessions()] == ["completed", "completed"]


def test_a_renewal_clears_nothing(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        command_queue.enqueue(
            road.channel(mac),
            "RestartDevice",
            {},
            actor=ADMINISTRATOR,
            not_before=utcnow() + timedelta(days=1),
        )
        road.row(mac).declarative_management = True
    before = snapshot(road, mac)
    assert mac.connect().request_types == ["InstallProfile"]
    assert snapshot(road, mac) == before


def test_both_certificates_work_until_the_grace_is_over(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    mac.connect()
    assert {poll(mac, former).status_code, poll(mac).status_code} == {200}
    assert token_update(mac, former).status_code == 200
    grace, present = retire_dates(road, mac)
    assert present is None
    assert grace is not None
    assert timedelta(days=6, hours=23) < grace <= timedelta(days=7)


def test_the_former_certificate_is_refused_after_the_grace(
    road: Road, mac: SimulatedDevice
) -> None:
    former = mac.own_identity
    mac.connect()
    with road.rows():
        road.identities(mac)[0].retire_at = utcnow()
    assert poll(mac, former).status_code == 400
    assert poll(mac).status_code == 200


def test_the_grace_begins_with_the_answer(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    uuid = renew_without_answer(mac)
    assert retire_dates(road, mac) == [None, None]
    assert {poll(mac, former).status_code, poll(mac).status_code} == {200}
    assert answer(mac, uuid).status_code == 200
    assert retire_dates(road, mac)[0] is not None


def test_the_answer_may_come_under_the_old_certificate(road: Road, mac: SimulatedDevice) -> None:
    mac.script = Script((Rule(Do.OLD_IDENTITY, command="InstallProfile"),))
    assert mac.connect().statuses == [200, 200]
    assert retire_dates(road, mac)[0] is not None
    assert road.events(mac)[-1] == "device.renewed"


def test_a_lost_answer_starts_the_grace_and_renews_nothing_twice(
    road: Road, mac: SimulatedDevice
) -> None:
    renew_without_answer(mac)
    with road.rows() as session:
        last = sa.update(ChannelCommand).where(ChannelCommand.name == "RenewIdentity")
        session.execute(last.values(delivered_at=utcnow() - timedelta(minutes=5)))
    assert mac.connect().request_types == []
    assert retire_dates(road, mac)[0] is not None


def test_a_renewal_that_was_rolled_back_is_tried_again(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    uuid = renew_without_answer(mac)
    assert answer(mac, uuid, former, Status="Error", ErrorChain=[]).status_code == 200
    mac.identity = former
    assert retire_dates(road, mac) == [None, None]
    with after(timedelta(minutes=20), mac):
        assert "InstallProfile" in mac.connect().request_types
    assert None not in retire_dates(road, mac)[:2]


def test_an_authenticate_that_never_ends_in_a_token_update_changes_nothing(
    road: Road, mac: SimulatedDevice
) -> None:
    former = mac.own_identity
    uuid, order = command(poll(mac))
    identity = obtain(mac, order["Payload"])
    assert authenticate(mac, identity).status_code == 200
    assert answer(mac, uuid, former, Status="Error", ErrorChain=[]).status_code == 200
    assert token_update(mac, identity).status_code == 400
    assert poll(mac, former).status_code == 200


def test_the_renewal_is_for_this_device_alone(road: Road, mac: SimulatedDevice) -> None:
    other = road.enrolled("iPhone15,2", seed=2)
    _, order = command(poll(mac))
    identity = obtain(mac, order["Payload"])
    assert authenticate(other, identity).status_code == 400
    assert authenticate(mac, identity, SerialNumber=other.facts.serial).status_code == 400
    with road.rows():
        assert "another serial number" in (road.sessions("renewal")[0].failure or "")


def test_the_renewal_profile_keeps_what_the_device_enrolled_with(
    road: Road, mac: SimulatedDevice
) -> None:
    kept = plistlib.loads(road.profile)
    with road.rows() as session:
        session.execute(sa.text("UPDATE zmdm_push_certificate SET topic = 'com.apple.mgmt.New'"))
    _, order = command(poll(mac))
    renewed = plistlib.loads(order["Payload"])
    assert renewed["PayloadIdentifier"] == kept["PayloadIdentifier"]
    assert _mdm(renewed) == {
        **_mdm(kept),
        "IdentityCertificateUUID": _mdm(renewed)["IdentityCertificateUUID"],
        "PayloadUUID": _mdm(renewed)["PayloadUUID"],
    }


def _mdm(profile: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = profile["PayloadContent"][-1]
    assert found["PayloadType"] == "com.apple.mdm"
    return found


def test_a_new_front_does_not_change_enrolled_profiles(
    road: Road, mac: SimulatedDevice, make_app: Any, sqlite_url: str
) -> None:
    later = make_app(
        sqlite_url,
        ZMDM_BASE_URL="https://new.example.org",
        ZMDM_MTLS_BASE_URL="https://mtls.example.org",
        ZMDM_TRUSTED_PROXIES="127.0.0.1",
    )
    mac.http = httpx.Client(transport=httpx.WSGITransport(app=later))
    assert mac.connect().request_types == ["InstallProfile"]
    assert mac.installed.server_url == "https://mdm.example.com/public/mdm/connect/"
    assert mac.installed.sign_message


def test_an_expired_certificate_gets_the_renewal_alone(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        command_queue.enqueue(road.channel(mac), "RestartDevice", {}, actor=ADMINISTRATOR)
    expire(road, mac)
    uuid, order = command(poll(mac))
    assert order["RequestType"] == "InstallProfile"
    response = answer(mac, uuid, Status="NotNow")
    assert (response.status_code, response.content) == (200, b"")


def test_an_expired_certificate_gets_no_secret(road: Road, mac: SimulatedDevice) -> None:
    expire(road, mac)
    assert mac.get_bootstrap_token().status_code == 400
    assert mac.set_bootstrap_token(b"new").status_code == 200


def test_what_waited_is_delivered_once_the_identity_is_renewed(
    road: Road, mac: SimulatedDevice
) -> None:
    with road.rows():
        command_queue.enqueue(road.channel(mac), "RestartDevice", {}, actor=ADMINISTRATOR)
    expire(road, mac)
    assert mac.connect().request_types == ["InstallProfile", "RestartDevice"]


def test_an_expired_certificate_that_nobody_pinned_is_refused(road: Road) -> None:
    mac = road.enrolled()
    stale = aged_identity(road, mac.own_identity)
    codes = {poll(mac, stale).status_code, authenticate(mac, stale).status_code}
    assert codes == {400}
    with road.rows() as session:
        assert session.scalars(sa.select(UnboundIdentity)).one().reason == "unknown_session"
