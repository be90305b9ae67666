"""A certificate that Apple refuses, or that has ended, rests: visible, tried again, and mended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.pushing import Pushing, lay_pushing, settings_for, take
from zmdm_plugin import db
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Channel, PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import push, push_certificates, vault
from zmdm_simulator.apple import material as played
from zmdm_simulator.apple.service import PlayedAppleThread

QUARTER = timedelta(minutes=16)
TOPIC = "com.apple.mgmt.External.5e0c2a7e-6a3c-4c39-9d3e-0f2b4d1f0c11"


def issued(apple: PlayedAppleThread, *, topic: str, validity: played.Validity) -> tuple[bytes, ...]:
    """A push certificate of the played Apple and its key, as PEM."""
    key = played.new_key(rsa_bits=2048)
    certificate = played.issue_push_certificate(
        apple.material.authority("push-ca"), topic=topic, validity=validity, key=key
    )
    return played.certificate_pem(certificate), played.key_pem(key)


def test_a_403_lets_the_certificate_rest_and_says_why(pushing: Pushing) -> None:
    ids = pushing.due(20)
    pushing.apple.faults(every=[{"reason": "BadCertificate", "times": 0}])
    pushing.flush()
    row = pushing.certificate()
    assert row.broken_reason == "BadCertificate" and row.broken_at is not None
    assert "push_certificate.broken" in pushing.events()
    assert "no pushes since" in push_certificates.condition(row)
    channel = pushing.row(ids[0])
    assert channel.push_due_at is not None and channel.push_leased_until is None
    assert channel.push_reason in ("BadCertificate", "CertificateRejected")
    with pushing.app.app_context():
        assert not push.is_due(now=utcnow())


def test_a_resting_certificate_is_tried_again_with_one_push(pushing: Pushing) -> None:
    pushing.due(20)
    pushing.apple.faults(every=[{"reason": "Forbidden", "times": 0}])
    pushing.flush()
    assert len(pushing.round(later=QUARTER)) == 1
    pushing.apple.faults(reset=True)
    assert len(pushing.round(later=2 * QUARTER)) == 1
    assert pushing.certificate().broken_at is None
    assert "push_certificate.mended" in pushing.events()
    assert len(pushing.round(later=2 * QUARTER)) == 19


def test_an_expired_certificate_sends_nothing_and_says_so(pushing: Pushing) -> None:
    [one] = pushing.due()
    old, key = issued(pushing.apple, topic=TOPIC, validity=played.Validity.past())
    ended = utcnow() - timedelta(days=1)
    with pushing.transaction():
        row = push_certificates.by_name("Example")
        row.certificate, row.not_after = old.decode(), ended
        vault.seal(row, "private_key", _der(key))
    pushing.flush()
    assert pushing.certificate().broken_reason == "CertificateExpired"
    assert "EXPIRED" in push_certificates.condition(pushing.certificate())
    assert pushing.row(one).push_reason == "CertificateExpired"
    assert pushing.apple.stats()["connections"] == 0


def _der(key_pem: bytes) -> bytes:
    return pem.private_key_der(pem.private_key(key_pem, None))


def test_a_renewal_mends_at_once_and_the_new_certificate_is_used(pushing: Pushing) -> None:
    pushing.due(3)
    pushing.apple.faults(every=[{"reason": "BadCertificate", "times": 0}])
    pushing.flush()
    pushing.apple.faults(reset=True)
    with pushing.transaction():
        topic = str(push_certificates.by_name("Example").topic)
        renewed = issued(pushing.apple, topic=topic, validity=played.Validity.of_days(9))
        push_certificates.take("Example", *renewed)
    pushing.flush()
    assert sorted(pushing.pushed()) == [1, 2, 3]
    assert pushing.apple.stats()["connections"] == 2
    assert "in 8 days" in push_certificates.condition(pushing.certificate())


def test_one_resting_certificate_stops_no_other(pushing: Pushing) -> None:
    pushing.due(2)
    with pushing.transaction():
        lost = PushCertificate(name="Lost", topic=TOPIC, not_after=utcnow())
        lost.certificate = str(db.session().scalar(sa.select(PushCertificate.certificate)))
        db.session().add(lost)
        db.session().flush()
        lost_id = lost.id
    first, pushing.certificate_id = pushing.certificate_id, lost_id
    pushing.due(2, push_due_at=utcnow() - timedelta(days=1))
    pushing.flush()
    assert sorted(pushing.pushed()) == [1, 2]
    assert pushing.certificate().broken_reason == "CertificateUnusable"
    pushing.certificate_id = first
    assert pushing.certificate().broken_at is None


def test_another_topic_is_no_renewal(pushing: Pushing) -> None:
    other = issued(pushing.apple, topic=TOPIC, validity=played.Validity.of_days(9))
    with pytest.raises(Refused, match="choose Renew"), pushing.transaction():
        push_certificates.take("Example", *other)


def test_a_topic_belongs_to_one_certificate(pushing: Pushing) -> None:
    with pytest.raises(Refused, match="'Example'"), pushing.transaction():
        take(pushing.apple.material, "Another")


def test_a_certificate_without_its_key_is_refused(pushing: Pushing) -> None:
    certificate, _ = issued(pushing.apple, topic=TOPIC, validity=played.Validity.of_days(9))
    _, key = issued(pushing.apple, topic=TOPIC, validity=played.Validity.of_days(9))
    with pytest.raises(Refused, match="is not the key"), pushing.transaction():
        push_certificates.take("Mixed", certificate, key)


def test_an_expired_certificate_is_not_taken(pushing: Pushing) -> None:
    past = issued(pushing.apple, topic=TOPIC, validity=played.Validity.past())
    with pytest.raises(Refused, match="expired on"), pushing.transaction():
        push_certificates.take("Old", *past)


def test_the_key_is_sealed(pushing: Pushing) -> None:
    path = pushing.apple.material.path("push-key.pem")
    with pushing.app.app_context():
        stored = str(db.session().scalar(sa.select(PushCertificate.private_key)))
    assert "PRIVATE" not in stored and path.read_text().splitlines()[1] not in stored


def test_the_list_on_the_command_line_says_why_nothing_is_pushed(pushing: Pushing) -> None:
    pushing.due()
    pushing.apple.faults(every=[{"reason": "BadCertificate", "times": 0}])
    pushing.flush()
    said = pushing.app.test_cli_runner().invoke(args=["zmdm", "push-certificate", "list"])
    assert "Example com.apple.mgmt.External." in said.output
    assert "BadCertificate" in said.output


def test_an_unreachable_service_is_tried_with_one_batch_and_again_soon(
    apple: PlayedAppleThread, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    settings = settings_for(apple) | {"ZMDM_APNS_URL": "https://127.0.0.1:9"}
    with lay_pushing(make_app(sqlite_url, **settings), apple) as pushing:
        ids = pushing.due(push.BATCH + 5)
        pushing.flush()
        with pushing.app.app_context():
            tried = sa.select(sa.func.count()).where(Channel.push_attempts == 1)
            assert db.session().scalar(tried) == push.BATCH
        row = pushing.row(ids[0])
        assert (row.push_status, row.push_reason) == (0, "Unavailable")
        assert row.push_due_at is not None
        assert row.push_due_at - utcnow() < timedelta(seconds=31)
        assert pushing.certificate().broken_at is None
