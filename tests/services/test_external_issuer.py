"""Identities from a SCEP service elsewhere: a static challenge proves nothing, a token does."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from cryptography import x509
from flask import Flask

from tests.identities import after, apply_for, authenticate, fall_due, obtain, poll
from tests.road import Road, lay_road
from tests.simulator.device_server import DeviceServer
from zmdm_plugin import db
from zmdm_plugin.errors import EnrollmentRefused
from zmdm_plugin.models import Enrollment, PushCertificate, ScepIssuer, UnboundIdentity
from zmdm_plugin.services import issuers
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_simulator import cms, pki
from zmdm_simulator.pki import DeviceCA, Identity

HOST = "https://scep.example.net"


class Elsewhere(DeviceServer):
    """A SCEP service that issues whatever it is asked for, as one with a static challenge does."""

    def _leaf(self, request: bytes) -> bytes:
        csr = x509.load_der_x509_csr(request)
        at = pki.now()
        certificate = pki.issue(
            csr.subject,
            csr.public_key(),  # type: ignore[arg-type]
            issuer=self.ca.identity,
            key=self.ca.identity.key,
            not_before=at,
            not_after=at.replace(year=at.year + 1),
        )
        return cms.sign_attached(
            b"", Identity(certificate, self.ca.identity.key), style=cms.DER_STYLE
        )


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def road(elsewhere: Elsewhere, make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Road]:
    """A road whose devices reach the service elsewhere too, and whose issuer it is."""
    chain = pki.pem(elsewhere.ca.identity.certificate).decode()
    app = make_app(sqlite_url, ZMDM_SCEP_CA_FULLCHAIN=chain)
    with lay_road(app) as laid:
        with laid.rows():
            issuers.create("Elsewhere", f"{HOST}/scep", challenge="static")
        mounts = {HOST: httpx.WSGITransport(app=elsewhere)}
        with httpx.Client(transport=httpx.WSGITransport(app=app), mounts=mounts) as http:
            yield Road(app, laid.profile, http)


external = sa.select(ScepIssuer).where(ScepIssuer.name == "Elsewhere")


def by_hand(road: Road) -> bytes:
    """The profile of one device, from the enrollment "Lab" (made if need be)."""
    with road.rows() as session:
        found = session.scalar(sa.select(Enrollment).where(Enrollment.name == "Lab"))
        push = session.scalars(sa.select(PushCertificate)).one()
        if found is None:
            issuer = session.scalars(external).one()
            found = enrollments.create(
                "manual", "Lab", push_certificate=push, issuer=issuer, quota=2
            )
        return manual.profile(found)


def over_the_air(road: Road) -> str:
    with road.app.app_context():
        issuer = db.session().scalars(external).one()
    return road.over_the_air(issuer=issuer)


def test_a_device_enrolls_by_hand_with_an_identity_from_elsewhere(road: Road) -> None:
    mac = road.enrolled(profile=by_hand(road))
    assert mac.connect().statuses[0] == 200


def test_a_device_enrolls_over_the_air_with_identities_from_elsewhere(road: Road) -> None:
    phone = road.enrolled("iPhone15,2", profile=over_the_air(road))
    assert phone.connect().statuses[0] == 200


def test_the_payload_says_what_the_service_wants(road: Road) -> None:
    payloads = plistlib.loads(by_hand(road))["PayloadContent"]
    content = payloads[0]["PayloadContent"]
    assert (content["URL"], content["Challenge"]) == (f"{HOST}/scep", "static")
    assert (content["Keysize"], content["Key Usage"]) == (2048, 5)
    assert "OU" in [pairs[0][0] for pairs in content["Subject"]]


def test_an_identity_from_elsewhere_is_renewed_there(road: Road) -> None:
    mac = road.enrolled(profile=by_hand(road))
    mac.connect()
    former = mac.own_identity
    fall_due(road, mac)
    assert mac.connect().request_types == ["InstallProfile"]
    assert mac.own_identity.certificate.issuer == former.certificate.issuer
    assert mac.own_identity.fingerprint != former.fingerprint


def test_a_service_that_was_away_renews_when_it_is_back(road: Road, elsewhere: Elsewhere) -> None:
    mac = road.enrolled(profile=by_hand(road))
    mac.connect()
    former = mac.own_identity
    fall_due(road, mac)
    known, elsewhere.ca = elsewhere.ca, DeviceCA.create()
    mac.connect()
    assert mac.own_identity.fingerprint == former.fingerprint
    elsewhere.ca = known
    with after(timedelta(hours=1), mac):
        assert "InstallProfile" in mac.connect().request_types
    assert mac.own_identity.fingerprint != former.fingerprint


def test_the_subject_of_no_session_is_refused_and_listed(road: Road) -> None:
    mac = road.enrolled(profile=by_hand(road))
    forged = plistlib.loads(by_hand(road))
    subject = forged["PayloadContent"][0]["PayloadContent"]["Subject"]
    subject[:] = [[["CN", "guess"]], [["OU", "guess"]]]
    identity = obtain(mac, plistlib.dumps(forged))
    assert authenticate(mac, identity).status_code == 400
    with road.rows() as session:
        assert session.scalars(sa.select(UnboundIdentity)).one().reason == "unknown_session"
    assert poll(mac).status_code == 200


def test_a_used_token_binds_no_second_certificate(road: Road) -> None:
    profile = by_hand(road)
    mac = road.enrolled(profile=profile)
    assert authenticate(mac, obtain(mac, profile)).status_code == 400
    assert poll(mac).status_code == 200


def test_the_token_of_one_device_is_not_for_another(road: Road) -> None:
    link = over_the_air(road)
    mac, phone = road.enrolled(profile=by_hand(road)), road.device("iPhone15,2", seed=2)
    phone.enroll(link)
    fall_due(road, mac)
    renewal = plistlib.loads(poll(mac).content)["Command"]["Payload"]
    assert authenticate(phone, obtain(phone, renewal)).status_code == 400


def test_a_token_under_an_unknown_authority_is_refused(road: Road, elsewhere: Elsewhere) -> None:
    phone = road.device("iPhone15,2")
    profile = by_hand(road)
    elsewhere.ca = DeviceCA.create()
    assert authenticate(phone, apply_for(phone, profile)).status_code == 400


def test_an_issuer_that_is_gone_locks_nobody_out(
    road: Road, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    mac = road.enrolled(profile=by_hand(road))
    later = make_app(sqlite_url)
    mac.http = httpx.Client(transport=httpx.WSGITransport(app=later))
    assert mac.connect().statuses[0] == 200


def test_each_download_is_for_one_device_of_the_quota(road: Road) -> None:
    by_hand(road), by_hand(road)
    with pytest.raises(EnrollmentRefused, match="quota"):
        by_hand(road)
