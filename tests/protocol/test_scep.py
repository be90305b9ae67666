"""SCEP as clients in the field speak it, over HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from flask import Flask

from tests.identities import authenticate
from tests.road import Road
from zmdm_plugin.models import IssuedCertificate
from zmdm_plugin.services import ca
from zmdm_simulator import cms, enrollment, pki
from zmdm_simulator.channel import Channel
from zmdm_simulator.errors import ScepFailed
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import SCEP, load, mdm_of, scep_of
from zmdm_simulator.scep import FAIL_INFO, PKI_STATUS, ScepClient, ScepOptions, ScepPayload

URL = "https://mdm.example.com/public/mdm/scep/"


def payload(road: Road, profile: bytes | None = None) -> ScepPayload:
    loaded = load(profile or road.profile)
    return scep_of(loaded.payload(mdm_of(loaded).identity_uuid) or {})


def client(road: Road, profile: bytes | None = None, **options: Any) -> ScepClient:
    return ScepClient(road.http, payload(road, profile), ScepOptions(**options))


def run(road: Road, profile: bytes | None = None, **options: Any) -> Identity:
    return client(road, profile, **options).transaction(road.keys(2048)).run()


def test_get_ca_cert_has_the_exact_content_type(road: Road) -> None:
    response = road.http.get(URL, params={"operation": "GetCACert"})
    assert response.headers["Content-Type"] == "application/x-x509-ca-cert"
    assert x509.load_der_x509_certificate(response.content).subject.rfc4514_string() == (
        "CN=Example CA"
    )


def test_get_ca_caps_lists_what_is_served(road: Road) -> None:
    response = road.http.get(URL, params={"operation": "GetCACaps"})
    assert response.headers["Content-Type"].startswith("text/plain")
    assert {"AES", "SHA-256", "POSTPKIOperation"} <= set(response.text.split())
    assert not {"DES3", "SHA-1"} & set(response.text.split())


def test_the_reply_has_the_content_type_of_a_pki_message(road: Road) -> None:
    message = client(road).transaction(road.keys(2048)).message(os.urandom(16))
    response = road.http.post(URL, params={"operation": "PKIOperation"}, content=message)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/x-pki-message"


def test_some_clients_append_a_program_to_the_path(road: Road) -> None:
    asked = replace(payload(road), url=URL + "pkiclient.exe")
    assert ScepClient(road.http, asked).transaction(road.keys(2048)).run()


@pytest.mark.parametrize("alphabet", ["standard", "raw", "urlsafe"])
def test_a_message_of_eight_kilobytes_comes_by_get(road: Road, alphabet: str) -> None:
    long_name = tuple(("OU", "x" * 60) for _ in range(45))
    asked = replace(payload(road), subject=(("CN", "device"), *long_name))
    options = ScepOptions(method="GET", get_alphabet=alphabet)
    transaction = ScepClient(road.http, asked, options).transaction(road.keys(2048))
    assert len(transaction.message(b"n" * 16)) * 4 / 3 > 8000
    assert transaction.run()


def test_messages_of_more_than_sixty_four_kilobytes_are_refused_unread(road: Road) -> None:
    response = road.http.post(URL, params={"operation": "PKIOperation"}, content=b"0" * 70_000)
    assert response.status_code == 413


@pytest.mark.parametrize("query", ["", "operation=GetNextCACert", "operation=PKIOperation"])
def test_what_is_no_operation_is_a_bad_request(road: Road, query: str) -> None:
    assert road.http.get(f"{URL}?{query}").status_code == 400


@pytest.mark.parametrize("weak", [{"cipher": "des"}, {"cipher": "3des"}, {"digest": "sha1"}])
def test_weak_algorithms_are_refused_with_bad_alg(road: Road, weak: dict[str, Any]) -> None:
    with pytest.raises(ScepFailed) as refused:
        run(road, **weak)
    assert refused.value.fail_info == 0


@pytest.mark.settings(ZMDM_SCEP_LEGACY_ALGORITHMS=True)
@pytest.mark.parametrize("weak", [{"cipher": "des"}, {"cipher": "3des"}, {"digest": "sha1"}])
def test_weak_algorithms_are_served_where_the_setting_says_so(
    road: Road, weak: dict[str, Any]
) -> None:
    assert run(road, **weak)


@pytest.mark.parametrize("odd", ["csr_version_two", "csr_unsorted"])
def test_odd_requests_of_macs_are_honoured(road: Road, odd: str) -> None:
    assert run(road, **{odd: True})


def test_a_refusal_is_a_cert_rep_with_http_200(road: Road) -> None:
    asked = replace(payload(road), challenge="guess")
    transaction = ScepClient(road.http, asked).transaction(road.keys(2048))
    response = road.http.post(
        URL, params={"operation": "PKIOperation"}, content=transaction.message(b"n" * 16)
    )
    attributes = cms.verify_attached(response.content).attributes
    assert response.status_code == 200
    assert (attributes[PKI_STATUS].native, attributes[FAIL_INFO].native) == ("2", "2")


@pytest.mark.parametrize("challenge", [None, "", "guess"])
def test_nobody_gets_a_certificate_without_our_challenge(road: Road, challenge: str | None) -> None:
    asked = replace(payload(road), challenge=challenge)
    with pytest.raises(ScepFailed, match="failInfo 2"):
        ScepClient(road.http, asked).transaction(road.keys(2048)).run()


def test_subject_and_validity_are_ours_and_not_the_requests(road: Road) -> None:
    asked = replace(payload(road), subject=(("CN", "root"), ("O", "Evil")))
    certificate = ScepClient(road.http, asked).transaction(road.keys(2048)).run().certificate
    with road.rows():
        name = road.sessions()[-1].uid
    assert [part.value for part in certificate.subject] == [name]
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime == timedelta(days=365, minutes=10)


def test_a_certificate_holds_from_ten_minutes_ago(road: Road) -> None:
    behind = pki.now() - timedelta(minutes=9)
    certificate = run(road, clock=lambda: behind).certificate
    assert certificate.not_valid_before_utc <= behind


def test_a_certificate_identifies_a_client_and_nothing_else(road: Road) -> None:
    extensions = run(road).certificate.extensions
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.fixture
def one_time(road: Road) -> bytes:
    """The MDM profile of one phone: its challenge is for one certificate."""
    phone = road.device("iPhone15,2")
    service = load(enrollment.fetch(phone, road.over_the_air())).service
    assert service is not None
    answer = enrollment.phase_two(phone, service)
    identity = enrollment.enroll_identity(
        phone, load(answer.content).of_type("com.apple.security.scep")[0]
    )
    return enrollment.phase_three(phone, service, identity).content


def test_a_lost_reply_is_repeated(road: Road, one_time: bytes) -> None:
    transaction = client(road, one_time).transaction(road.keys(2048))
    assert transaction.run().fingerprint == transaction.run().fingerprint


def test_another_key_is_refused(road: Road, one_time: bytes) -> None:
    run(road, one_time)
    with pytest.raises(ScepFailed, match="failInfo 2"):
        run(road, one_time)
    with road.rows():
        assert "another key" in (road.sessions("ota")[0].failure or "")


def test_the_same_key_in_another_transaction_is_refused(road: Road, one_time: bytes) -> None:
    asking, key = client(road, one_time), road.keys(2048)
    asking.transaction(key).run()
    with pytest.raises(ScepFailed, match="failInfo 2"):
        asking.transaction(key).run()


def test_after_authenticate_a_challenge_is_used_up(road: Road, one_time: bytes) -> None:
    phone = road.device("iPhone15,2")
    transaction = client(road, one_time).transaction(road.keys(2048))
    identity = transaction.run()
    phone.mdm, phone.channels = mdm_of(load(one_time)), {"device": Channel()}
    assert authenticate(phone, identity).status_code == 200
    with pytest.raises(ScepFailed, match="failInfo 2"):
        transaction.run()


def test_the_two_challenges_over_the_air_differ(road: Road) -> None:
    road.enrolled("iPhone15,2", profile=road.over_the_air())
    with road.rows() as session:
        issued = session.scalars(sa.select(IssuedCertificate).order_by(IssuedCertificate.id)).all()
        assert [row.slot for row in issued] == ["ota", "mdm"]
        assert issued[0].challenge_hash != issued[1].challenge_hash


def test_keys_stay_in_the_device(road: Road) -> None:
    content = load(road.profile).of_type(SCEP)[0]["PayloadContent"]
    assert content["KeyIsExtractable"] is False


def test_a_request_sealed_to_the_former_ca_is_answered_by_it(road: Road) -> None:
    transaction = client(road).transaction(road.keys(2048))
    with road.rows():
        ca.renew()
    issued = transaction.run().certificate
    assert issued.not_valid_after_utc > pki.now()
    fresh = client(road).ca().recipient
    assert fresh != transaction.authority.recipient


def test_a_renewed_ca_signs_from_then_on(road: Road) -> None:
    with road.rows():
        ca.renew()
    authority = client(road).ca().recipient
    certificate = run(road).certificate
    certificate.verify_directly_issued_by(authority)


def test_without_a_ca_devices_come_again(app: Flask) -> None:
    with httpx.Client(transport=httpx.WSGITransport(app=app)) as http:
        assert http.get(URL, params={"operation": "GetCACert"}).status_code == 503
