"""The built-in CA ends too: its successor lies ready, takes over, and both are trusted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography import x509

from tests.hosts import ADMINISTRATOR
from tests.identities import after, command, poll
from tests.road import Road
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import CertificateAuthority
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import ca, renewals, sweep
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.profile import load, mdm_of, scep_of
from zmdm_simulator.scep import ScepClient

DAY, YEAR = timedelta(days=1), timedelta(days=365)
READY = 9 * YEAR - 30 * DAY
"""Ten years of a CA less the year of an identity, less the month in which a successor is ready."""


def generations(road: Road) -> list[tuple[int, bool, datetime | None]]:
    with road.rows() as session:
        query = sa.select(CertificateAuthority).order_by(CertificateAuthority.generation)
        return [(row.generation, row.issuing, row.issues_from) for row in session.scalars(query)]


def keep_going(road: Road) -> int:
    with road.rows():
        return sweep.STEPS["ca"](now=utcnow())


def issuer(device: SimulatedDevice) -> bytes | None:
    """Which generation signed: the key id that its certificate names."""
    names = device.own_identity.certificate.extensions
    return names.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def test_a_successor_lies_ready_in_time_and_does_not_sign_yet(road: Road) -> None:
    with after(READY - DAY):
        assert (keep_going(road), len(generations(road))) == (0, 1)
    with after(READY + DAY):
        assert (keep_going(road), keep_going(road)) == (1, 0)
        (_, signs, _), (_, successor_signs, since) = generations(road)
        assert (signs, successor_signs) == (True, False)
        assert since is not None and timedelta(days=29) < since - utcnow() <= 30 * DAY


def test_the_successor_takes_over_before_identities_would_be_cut_short(road: Road) -> None:
    with after(READY + DAY):
        keep_going(road)
    with after(READY + 32 * DAY):
        assert (keep_going(road), keep_going(road)) == (1, 0)
    assert [(signs, since) for _, signs, since in generations(road)] == [
        (False, None),
        (True, None),
    ]


def test_devices_of_both_generations_are_served_and_renewed(road: Road) -> None:
    old, new = road.enrolled(), road.device("iPhone15,2", seed=2)
    with road.rows():
        ca.renew()
    new.enroll(road.profile)
    before = issuer(old)
    assert {poll(old).status_code, poll(new).status_code} == {200}
    with after(340 * DAY, old, new):
        old.connect()
        assert issuer(old) == issuer(new) != before


def test_a_request_sealed_to_the_former_generation_is_taken(road: Road) -> None:
    mac = road.enrolled()
    mac.connect()
    with road.rows():
        renewals.renew(road.row(mac), ADMINISTRATOR)
    _, order = command(poll(mac))
    profile = load(order["Payload"])
    scep = scep_of(profile.payload(mdm_of(profile).identity_uuid), {})
    client = ScepClient(mac.wire.client(), scep, mac.scep)
    begun = client.transaction(mac.make_key(2048))
    with road.rows():
        ca.renew()
    identity = begun.run()
    assert identity.certificate.not_valid_after_utc > utcnow() + 300 * DAY


def test_a_device_keeps_its_identity_through_fifteen_years_and_two_authorities(road: Road) -> None:
    mac = road.enrolled()
    passed = timedelta(0)
    while passed < 15 * YEAR:
        for _ in range(17):  # the scheduler runs all the time, the device renews once in it
            passed += 20 * DAY
            with after(passed):
                keep_going(road)
        with after(passed, mac):
            before = mac.own_identity.fingerprint
            mac.connect()
            assert mac.own_identity.fingerprint != before
            ends = mac.own_identity.certificate.not_valid_after_utc
            assert ends > utcnow() + 364 * DAY
    assert len(generations(road)) == 2
    assert road.events(mac).count("device.renewed") == 17


def test_a_neglected_authority_gets_its_successor_at_once(road: Road) -> None:
    with after(11 * YEAR):
        assert (keep_going(road), keep_going(road), keep_going(road)) == (1, 1, 0)


def test_only_one_successor_lies_ready(road: Road) -> None:
    with road.rows():
        ca.prepare(issues_from=utcnow() + 30 * DAY)
        with pytest.raises(Conflict, match="ready already"):
            ca.prepare(issues_from=utcnow())


def test_a_person_may_let_it_take_over_earlier(road: Road) -> None:
    with road.rows():
        ready = ca.prepare(issues_from=utcnow() + 30 * DAY).id
    with road.rows():
        assert ca.renew().id == ready
    assert [signs for _, signs, _ in generations(road)] == [False, True]


def test_two_schedulers_make_one_successor(pg_road: Road) -> None:
    with after(READY + DAY), pg_road.app.app_context():
        with db.transaction():
            assert ca.keep_going(now=utcnow()) == 1
        with db.transaction():
            assert ca.keep_going(now=utcnow()) == 0
    assert len(generations(pg_road)) == 2
