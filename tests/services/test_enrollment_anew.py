"""A new enrollment ends the former one, with its first TokenUpdate and not before."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.identities import (
    apply_for,
    authenticate,
    command,
    fall_due,
    fall_silent,
    obtain,
    poll,
    token_update,
)
from tests.road import TOPIC, Road
from zmdm_plugin.models import Channel, ChannelCommand, DeviceSecret, Enrollment, PushCertificate
from zmdm_plugin.services import command_queue, vault
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import ScepFailed


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    """A Mac in use, with a user, a bootstrap token, and an order that waits."""
    mac = road.enrolled()
    mac.settle()
    mac.connect()
    with road.rows():
        channel = road.channel(mac)
        command_queue.enqueue(channel, "RestartDevice", {}, actor=ADMINISTRATOR)
        road.row(mac).awaiting_configuration = True
    return mac


def states(road: Road) -> list[str]:
    with road.rows() as session:
        last = sa.select(ChannelCommand).where(ChannelCommand.name == "RestartDevice")
        return [row.state for row in session.scalars(last)]


def enroll_anew(road: Road, mac: SimulatedDevice, link: str | None = None) -> None:
    mac.forget("erased")
    mac.enroll(link or road.over_the_air())


def test_nothing_ends_with_the_authenticate_alone(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    fall_silent(road, mac)
    identity = apply_for(mac, road.profile)
    assert authenticate(mac, identity).status_code == 200
    assert states(road) == ["queued"]
    assert command(poll(mac, former))[1]["RequestType"] == "RestartDevice"


def test_the_former_queue_ends(road: Road, mac: SimulatedDevice) -> None:
    enroll_anew(road, mac)
    assert states(road) == ["cancelled"]
    assert "RestartDevice" not in mac.connect().request_types


def test_the_former_certificate_is_refused(road: Road, mac: SimulatedDevice) -> None:
    former = mac.own_identity
    enroll_anew(road, mac)
    assert {poll(mac, former).status_code, token_update(mac, former).status_code} == {400}
    with road.rows():
        assert [one.state for one in road.identities(mac)] == ["retired", "active"]
    assert "identity.retired" in road.events(mac)


def test_the_former_user_channels_end(road: Road, mac: SimulatedDevice) -> None:
    user = mac.facts.user
    enroll_anew(road, mac)
    with road.rows():
        ended = road.channel(mac, user.guid.upper())
        assert ended.ended_at is not None
        assert ended.push_token is None
    assert mac.log_in()
    with road.rows():
        assert road.channel(mac, user.guid.upper()).ended_at is None


def test_the_former_tokens_become_old_versions(road: Road, mac: SimulatedDevice) -> None:
    token = mac.bootstrap_token
    enroll_anew(road, mac)
    assert mac.get_bootstrap_token().content == b""
    with road.rows() as session:
        version = session.scalars(sa.select(DeviceSecret)).one()
        assert (version.state, vault.unseal(version, "value")) == ("superseded", token)
        assert not road.row(mac).bootstrap_token_escrowed


def test_a_phone_brings_its_new_unlock_token(road: Road) -> None:
    phone = road.enrolled("iPhone15,2")
    former = phone.unlock_token
    phone.forget("erased")
    phone.unlock_token = b"\x01" * 256
    phone.enroll(road.over_the_air())
    with road.rows() as session:
        assert vault.unseal(road.row(phone), "unlock_token") == phone.unlock_token
        kept = session.scalars(sa.select(DeviceSecret).order_by(DeviceSecret.id)).all()
        assert [vault.unseal(row, "value") for row in kept] == [former, phone.unlock_token]
        assert [row.state for row in kept] == ["superseded", "confirmed"]


def test_the_device_is_asked_about_itself_again(road: Road, mac: SimulatedDevice) -> None:
    enroll_anew(road, mac)
    assert mac.connect().request_types == ["DeviceInformation", "SecurityInfo"]


def test_awaiting_is_what_the_new_token_update_says(road: Road, mac: SimulatedDevice) -> None:
    enroll_anew(road, mac)
    with road.rows():
        assert road.row(mac).awaiting_configuration is False


def test_the_history_stays_with_the_one_device(road: Road, mac: SimulatedDevice) -> None:
    ident = road.row_id(mac)
    enroll_anew(road, mac)
    assert road.row_id(mac) == ident
    assert road.events(mac).count("device.enrolled") == 2
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 2
        assert [row.state for row in road.sessions()] == ["superseded", "completed"]


def test_a_pending_renewal_is_cancelled(road: Road, mac: SimulatedDevice) -> None:
    with road.rows():
        command_queue.end_queue(road.row(mac), why="for this test")
    fall_due(road, mac)
    profile = command(poll(mac))[1]["Payload"]
    enroll_anew(road, mac)
    with road.rows():
        assert [row.state for row in road.sessions("renewal")] == ["cancelled"]
    with pytest.raises(ScepFailed, match="refused"):
        obtain(mac, profile)


def test_a_checkout_cancels_a_pending_renewal(road: Road) -> None:
    mac = road.enrolled()
    fall_due(road, mac)
    identity = obtain(mac, command(poll(mac))[1]["Payload"])
    assert mac.check_in(checkins.check_out(mac, mac.channel())).status_code == 200
    assert authenticate(mac, identity).status_code == 400


def test_the_push_certificate_is_that_of_the_topic_of_the_profile(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.profile)
    with road.rows() as session:
        other = PushCertificate(name="Other", topic="com.apple.mgmt.External.other")
        session.add(other)
        session.flush()
        session.scalars(sa.select(Enrollment)).one().push_certificate = other
    assert authenticate(phone, identity).status_code == 200
    assert token_update(phone, identity).status_code == 200
    with road.rows() as session:
        kept = session.get_one(PushCertificate, road.row(phone).push_certificate_id)
        assert kept.topic == TOPIC


def test_another_topic_is_refused(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.profile)
    assert authenticate(phone, identity, Topic="com.apple.mgmt.Other").status_code == 400


def test_on_postgresql_an_old_certificate_and_its_queue_end_together(pg_road: Road) -> None:
    mac = pg_road.enrolled()
    with pg_road.rows():
        command_queue.enqueue(pg_road.channel(mac), "RestartDevice", {}, actor=ADMINISTRATOR)
    former = mac.own_identity
    enroll_anew(pg_road, mac)
    assert poll(mac, former).status_code == 400
    assert states(pg_road) == ["cancelled"]
    assert mac.connect().request_types == ["DeviceInformation", "SecurityInfo"]
