"""By hand: one profile for many, whose counted challenge proves no serial number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.identities import apply_for, authenticate, fall_silent, poll, token_update
from tests.road import Road
from zmdm_plugin.models import Device, Enrollment, IssuedCertificate, UnboundIdentity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.enrollment import enrollments
from zmdm_simulator.errors import EnrollmentFailed, ScepFailed
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import load, mdm_of, scep_of
from zmdm_simulator.scep import ScepClient


def twin_of(road: Road, seed: object = 1) -> Identity | None:
    """Let a second device with the same serial number and UDID try; its identity if it got in."""
    twin = road.device(seed=seed)
    identity = apply_for(twin, road.profile)
    return identity if authenticate(twin, identity).status_code == 200 else None


def waiting(road: Road) -> list[tuple[str, str | None, int]]:
    with road.rows() as session:
        rows = session.scalars(sa.select(UnboundIdentity))
        return [(row.reason, row.serial_number, row.seen_count) for row in rows]


def test_a_known_device_that_was_silent_enrolls_anew(road: Road) -> None:
    mac = road.enrolled()
    former = mac.own_identity
    fall_silent(road, mac)
    mac.forget("reinstalled")
    mac.enroll(road.profile)
    assert mac.connect().statuses[0] == 200
    assert poll(mac, former).status_code == 400


def test_a_device_that_checked_out_enrolls_anew_at_once(road: Road) -> None:
    mac = road.enrolled()
    mac.check_out()
    mac.enroll(road.profile)
    assert mac.connect().statuses[0] == 200


def test_a_device_in_use_is_not_taken_over(road: Road) -> None:
    mac = road.enrolled()
    assert twin_of(road) is None
    assert mac.connect().statuses[0] == 200
    assert waiting(road) == [("wants_to_reenroll", mac.facts.serial, 1)]


def test_a_device_that_wakes_up_meanwhile_is_not_taken_over(road: Road) -> None:
    mac, twin = road.enrolled(), road.device()
    fall_silent(road, mac)
    identity = apply_for(twin, road.profile)
    assert authenticate(twin, identity).status_code == 200
    assert mac.connect().statuses[0] == 200
    assert token_update(twin, identity).status_code == 400
    assert mac.connect().statuses[0] == 200


def test_a_device_that_tries_again_is_listed_once(road: Road) -> None:
    mac = road.enrolled()
    assert [twin_of(road), twin_of(road)] == [None, None]
    assert waiting(road) == [("wants_to_reenroll", mac.facts.serial, 2)]


def test_another_serial_number_does_not_take_over_a_silent_udid(road: Road) -> None:
    mac = road.enrolled()
    fall_silent(road, mac)
    twin = road.device()
    identity = apply_for(twin, road.profile)
    assert authenticate(twin, identity, SerialNumber="C0THER000000").status_code == 400
    assert waiting(road)[0][0] == "wants_to_reenroll"


def test_an_administrator_lets_a_device_in_use_enroll_anew(road: Road) -> None:
    mac = road.enrolled()
    former = mac.own_identity
    mac.forget("reinstalled")
    with pytest.raises(EnrollmentFailed):
        mac.enroll(road.profile)
    listed = road.app.test_cli_runner().invoke(args=["zmdm", "identity", "list"]).output
    prefix = listed.split()[0]
    result = road.app.test_cli_runner().invoke(args=["zmdm", "identity", "allow", prefix, "--yes"])
    assert result.exit_code == 0, result.output
    mac.enroll(road.profile)
    assert poll(mac, former).status_code == 400
    assert waiting(road) == []


def test_a_permission_to_enroll_anew_holds_for_a_day(road: Road) -> None:
    road.enrolled()
    assert twin_of(road) is None
    with road.rows() as session:
        row = session.scalars(sa.select(UnboundIdentity)).one()
        row.approved_at = utcnow() - timedelta(days=2)
    assert twin_of(road) is None


def test_a_new_logic_board_keeps_the_device_and_its_history(road: Road) -> None:
    mac = road.enrolled()
    ident = road.row_id(mac)
    fall_silent(road, mac)
    repaired = road.device()
    identity = apply_for(repaired, road.profile)
    new = "11111111-2222-3333-4444-555555555555"
    assert authenticate(repaired, identity, UDID=new).status_code == 200
    assert token_update(repaired, identity, UDID=new).status_code == 200
    with road.rows() as session:
        row = session.get_one(Device, ident)
        assert (row.udid, row.serial_number) == (new, mac.facts.serial)
    assert "device.udid_changed" in road.events_of(ident)


def test_a_new_serial_number_is_an_event_of_the_same_device(road: Road) -> None:
    mac = road.enrolled()
    ident = road.row_id(mac)
    mac.forget("repaired")
    mac.facts = replace(mac.facts, serial="C0THER000000")
    mac.enroll(road.over_the_air())
    assert road.row_id(mac) == ident
    assert "device.serial_number_changed" in road.events(mac)


def test_a_revoked_enrollment_lets_nobody_in(road: Road) -> None:
    phone = road.device("iPhone15,2")
    identity = apply_for(phone, road.profile)
    with road.rows() as session:
        enrollments.revoke(session.scalars(sa.select(Enrollment)).one())
    assert authenticate(phone, identity).status_code == 400
    with pytest.raises(ScepFailed, match="refused"):
        road.enrolled("iPhone15,2", seed=2)


def test_an_expired_enrollment_issues_no_certificate(road: Road) -> None:
    profile = road.by_hand("Today", expires_at=utcnow() + timedelta(hours=1))
    with road.rows():
        enrollments.by_name("Today").expires_at = utcnow() - timedelta(seconds=1)
    with pytest.raises(ScepFailed, match="refused"):
        road.enrolled(profile=profile)


@pytest.mark.parametrize("limit", ["serial_numbers", "udids"])
def test_only_listed_devices_are_let_in(road: Road, limit: str) -> None:
    mac, phone = road.device(), road.device("iPhone15,2", seed=2)
    listed = mac.facts.serial if limit == "serial_numbers" else mac.facts.udid
    profile = road.by_hand("Few", **{limit: [listed]})
    mac.enroll(profile)
    with pytest.raises(EnrollmentFailed) as refused:
        phone.enroll(profile)
    assert refused.value.status == 400
    with road.rows():
        assert "does not allow" in (road.sessions()[-1].failure or "")


def test_the_quota_counts_devices_and_not_repetitions(road: Road) -> None:
    profile = road.by_hand("Two", quota=2)
    loaded = load(profile)
    payload = scep_of(loaded.payload(mdm_of(loaded).identity_uuid) or {})
    transaction = ScepClient(road.http, payload).transaction(road.keys(2048))
    first, second = transaction.run(), transaction.run()
    assert first.fingerprint == second.fingerprint
    road.enrolled("iPhone15,2", seed=2, profile=profile)
    with pytest.raises(ScepFailed, match="refused"):
        road.enrolled("iPhone15,2", seed=3, profile=profile)


def test_parallel_enrollments_do_not_exceed_the_quota(pg_road: Road) -> None:
    profile = pg_road.by_hand("Two", quota=2)
    phones = [pg_road.device("iPhone15,2", seed=seed) for seed in range(8)]

    def attempt(number: int) -> bool:
        try:
            phones[number].enroll(profile)
        except ScepFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 2


def test_a_request_that_comes_twice_at_once_counts_once(pg_road: Road) -> None:
    profile = pg_road.by_hand("Two", quota=2)
    loaded = load(profile)
    payload = scep_of(loaded.payload(mdm_of(loaded).identity_uuid) or {})
    transaction = ScepClient(pg_road.http, payload).transaction(pg_road.keys(2048))
    with ThreadPoolExecutor(4) as pool:
        identities = list(pool.map(lambda _: transaction.run(), range(4)))
    assert len({identity.fingerprint for identity in identities}) == 1
    with pg_road.rows() as session:
        assert enrollments.by_name("Two").request_count == 1
        assert len(session.scalars(sa.select(IssuedCertificate)).all()) == 1


def test_a_device_is_remembered_with_the_wording_of_its_own_profile(road: Road) -> None:
    with road.rows() as session:
        row = session.scalars(sa.select(Enrollment)).one()
        later = {**(row.payloads or [])[0], "server_url": "https://new.example.com/connect/"}
        row.payloads = [*(row.payloads or []), later]
    mac = road.enrolled()
    with road.rows():
        kept = road.row(mac).payload or {}
        assert kept["server_url"] == mac.installed.server_url


@pytest.mark.parametrize("ending", ["", ".7", ".x", ".-1"])
def test_a_challenge_of_no_wording_is_refused(road: Road, ending: str) -> None:
    loaded = load(road.profile)
    payload = scep_of(loaded.payload(mdm_of(loaded).identity_uuid) or {})
    changed = (payload.challenge or "").rpartition(".")[0] + ending
    client = ScepClient(road.http, type(payload)(payload.url, challenge=changed, key_size=2048))
    with pytest.raises(ScepFailed, match="failInfo 2"):
        client.transaction(road.keys(2048)).run()
