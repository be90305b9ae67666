"""Who a device is: pinned certificates, and everybody who tries to be another one."""

from __future__ import annotations

import sqlalchemy as sa

from tests.identities import answer, apply_for, authenticate, poll, token_update
from tests.road import Road
from zmdm_plugin.models import CertificateAuthority, Device, RawAnswer, UnboundIdentity
from zmdm_plugin.services import ca
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice


def unchanged(road: Road, device: SimulatedDevice) -> bool:
    """Whether the device is still whom its own certificate proves."""
    with road.rows():
        states = [one.state for one in road.identities(device)]
    return states == ["active"] and poll(device).status_code == 200


def test_the_users_of_a_mac_speak_with_the_certificate_of_the_device(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    user = mac.facts.user.short_name
    assert mac.connect(user).statuses == [200]
    with road.rows():
        assert len(road.identities(mac)) == 1
        assert road.channel(mac, mac.facts.user.guid.upper()).user_short_name == user


def test_the_body_chooses_the_channel(road: Road) -> None:
    mac = road.enrolled()
    mac.settle()
    talks = mac.connect().request_types, mac.connect(mac.facts.user.short_name).request_types
    assert talks[0] and not talks[1]


def test_shared_ipad_users_are_told_apart_by_their_account(road: Road) -> None:
    pad = road.enrolled("iPad13,18", shared=True)
    assert pad.log_in("ada@example.com")
    assert pad.log_in("Grace@example.com")
    assert pad.connect("ada@example.com").statuses[0] == 200
    with road.rows():
        assert road.channel(pad, "grace@example.com").kind == "user"


def test_a_certificate_of_a_ca_that_was_removed_goes_on_working(road: Road) -> None:
    mac = road.enrolled()
    with road.rows() as session:
        former = session.scalars(sa.select(CertificateAuthority)).one()
        ca.renew()
        session.execute(sa.text("UPDATE zmdm_issued_certificate SET ca_id = ca_id + 1"))
        session.delete(former)
    assert mac.connect().statuses[0] == 200


def test_both_generations_of_the_ca_let_devices_in(road: Road) -> None:
    before = road.device("iPhone15,2", seed=2)
    identity = apply_for(before, road.profile)
    with road.rows():
        ca.renew()
    assert authenticate(before, identity).status_code == 200
    after = road.enrolled("iPhone15,2", seed=3)
    issuers = {identity.certificate.issuer, after.own_identity.certificate.issuer}
    assert len(issuers) == 1
    assert after.connect().statuses[0] == 200


def test_a_used_certificate_does_not_authenticate_another_udid(road: Road) -> None:
    mac, phone = road.enrolled(), road.enrolled("iPhone15,2", seed=2)
    assert authenticate(phone, mac.own_identity).status_code == 400
    assert unchanged(road, mac) and unchanged(road, phone)
    assert "identity.mismatch" in road.events(mac)


def test_a_used_certificate_does_not_authenticate_a_new_udid(road: Road) -> None:
    mac = road.enrolled()
    assert authenticate(mac, UDID="00000000-0000-0000-0000-00000000BEEF").status_code == 400
    with road.rows() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Device)) == 1


def test_a_certificate_without_a_session_does_not_take_over_a_udid(road: Road) -> None:
    mac = road.enrolled()
    assert authenticate(mac, mac.stranger()).status_code == 400
    assert token_update(mac, mac.stranger()).status_code == 400
    assert unchanged(road, mac)


def test_a_certificate_of_nobody_is_not_listed(road: Road) -> None:
    mac = road.enrolled()
    poll(mac, mac.stranger())
    with road.rows() as session:
        assert session.scalars(sa.select(UnboundIdentity)).all() == []


def test_a_certificate_that_was_issued_but_never_authenticated_gets_nothing(road: Road) -> None:
    mac = road.enrolled()
    phone = road.device("iPhone15,2", seed=2)
    unused = apply_for(phone, road.profile)
    assert poll(mac, unused).status_code == 400
    assert token_update(phone, unused).status_code == 400
    with road.rows() as session:
        assert session.scalars(sa.select(UnboundIdentity)).all() == []


def test_no_message_is_taken_from_another_devices_certificate(road: Road) -> None:
    mac, other = road.enrolled(), road.enrolled("iPhone15,2", seed=2)
    mac.settle()
    channel, thief = mac.channel(), other.own_identity
    bodies = [
        checkins.token_update(mac, channel),
        checkins.get_bootstrap_token(mac, channel),
        checkins.set_bootstrap_token(mac, channel, b"mine"),
        checkins.check_out(mac, channel),
    ]
    assert {mac.check_in(body, identity=thief).status_code for body in bodies} == {400}
    assert poll(mac, thief).status_code == 400
    assert mac.get_bootstrap_token().content.find(b"BootstrapToken") > 0
    assert unchanged(road, mac)


def test_an_answer_in_another_devices_name_settles_nothing(road: Road) -> None:
    mac, other = road.enrolled(), road.enrolled("iPhone15,2", seed=2)
    uuid = mac.connect()[0].uuid
    assert answer(mac, uuid, other.own_identity).status_code == 400
    with road.rows() as session:
        assert session.scalars(sa.select(RawAnswer)).all() == []


def test_a_mismatch_is_reported_once_an_hour(road: Road) -> None:
    mac, phone = road.enrolled(), road.enrolled("iPhone15,2", seed=2)
    for _ in range(3):
        poll(phone, mac.own_identity)
    assert road.events(mac).count("identity.mismatch") == 1


def test_a_pending_certificate_gets_an_empty_answer_to_its_poll(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.profile)
    assert authenticate(phone, identity).status_code == 200
    response = poll(phone, identity)
    assert (response.status_code, response.content) == (200, b"")


def test_authenticate_may_be_repeated(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.profile)
    assert [authenticate(phone, identity).status_code for _ in range(2)] == [200, 200]
    assert token_update(phone, identity).status_code == 200
    assert authenticate(phone, identity).status_code == 200
    assert road.events(phone).count("device.enrolled") == 1


def test_a_repeated_authenticate_cannot_become_another_device(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.by_hand("One", serial_numbers=[phone.facts.serial]))
    assert authenticate(phone, identity).status_code == 200
    assert authenticate(phone, identity, SerialNumber="C0THER000000").status_code == 400
    assert token_update(phone, identity).status_code == 200
    with road.rows():
        assert road.row(phone).serial_number == phone.facts.serial
