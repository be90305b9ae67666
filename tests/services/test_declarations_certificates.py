"""Certificate assets: a device is told how to get a certificate, and gets the one meant for it."""

from __future__ import annotations

import json
import plistlib
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509

from tests.apple_schema import validate_declaration
from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import IssuedCertificate, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import issuers
from zmdm_plugin.services.declarations import credentials
from zmdm_simulator.device import SimulatedDevice

IDENTITY = "com.apple.configuration.security.identity"
SUBJECT = [
    {"type": "CN", "value": "$ENROLLED_DEVICE.SERIAL_NUMBER"},
    {"type": "2.5.4.11", "value": "Fleet"},
]


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    return desk.assign(quiet(road, road.enrolled()))


def wanted(desk: Desk, issuer: int, **more: Any) -> int:
    """A certificate asset, and a configuration that uses it; returns the asset."""
    source = {"scep_issuer": issuer, "subject": SUBJECT, **more}
    asset = desk.artifact(
        "cert_asset", "Mail", json.dumps(source).encode(), linked=False, platforms=["macOS"]
    )
    payload = {"CredentialAssetReference": "Mail"}
    desk.configuration("Mail identity", IDENTITY, payload, platforms=["macOS"])
    return asset


def builtin(road: Road) -> int:
    with road.rows() as session:
        return session.scalars(sa.select(ScepIssuer.id).where(ScepIssuer.kind == "builtin")).one()


def credential(desk: Desk, mac: SimulatedDevice, asset: int) -> dict[str, Any]:
    """What the asset points at."""
    desk.items(mac)
    found = desk.ask(mac, f"declaration/asset/{desk.identifier(asset)}").json()
    assert found["Type"] == "com.apple.asset.credential.scep"
    answer = desk.road.http.get(found["Payload"]["Reference"]["DataURL"])
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    return body


def test_a_device_gets_the_certificate_that_is_meant_for_it(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    wanted(desk, builtin(road), subject_alt_name={"rfc822Name": "mail@example.com"})
    while mac.connect().request_types:
        pass
    [issued] = mac.channel().declared.certificates.values()
    certificate = x509.load_der_x509_certificate(issued)
    names = [part.value for part in certificate.subject]
    assert names == [mac.facts.serial, "Fleet"]
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.RFC822Name) == ["mail@example.com"]


def test_it_is_no_identity_of_the_device(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wanted(desk, builtin(road))
    while mac.connect().request_types:
        pass
    with road.rows() as session:
        issued = session.scalars(
            sa.select(IssuedCertificate).where(IssuedCertificate.slot == "asset")
        ).one()
        assert issued.session_id is None
        assert issued.fingerprint not in {one.fingerprint for one in road.identities(mac)}


def test_an_external_issuer_is_named_with_its_own_challenge(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    with road.rows():
        issuer = issuers.create(
            "Elsewhere",
            "https://scep.example.com/scep",
            challenge="letmein",
            ca_name="Example",
            ca_fingerprint="00ff" * 8,
        ).id
    found = credential(desk, mac, wanted(desk, issuer))
    assert (found["URL"], found["Challenge"]) == ("https://scep.example.com/scep", "letmein")
    assert found["Subject"] == [[["CN", mac.facts.serial]], [["2.5.4.11", "Fleet"]]]
    assert found["CAFingerprint"] == "AP8A/wD/AP8A/wD/AP8A/w=="


@pytest.mark.parametrize("change", ["proof", "channel", "withdrawn"])
def test_a_challenge_that_holds_no_longer_gives_nothing(
    road: Road, desk: Desk, mac: SimulatedDevice, change: str
) -> None:
    asset = wanted(desk, builtin(road))
    challenge = credential(desk, mac, asset)["Challenge"]
    assert len(challenge) < 255
    if change == "proof":
        challenge = challenge[:-1] + ("0" if challenge[-1] != "0" else "1")
    elif change == "channel":
        challenge = challenge.replace(challenge.split(".")[1], mac.facts.udid)
    else:
        with road.rows():
            road.row(mac).blueprint_id = None
        desk.due(mac)
        desk.items(mac)
    with road.rows(), pytest.raises(Refused):
        credentials.named_by(challenge, now=utcnow())


@pytest.mark.needs("apple_schema")
def test_what_is_sent_is_what_apple_describes(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    asset = wanted(desk, builtin(road), subject_alt_name={"dNSName": "mail.example.com"})
    desk.profile("Wi-Fi")
    desk.artifact("data_asset", "Data", plistlib.dumps({"a": 1}), platforms=["macOS"])
    while mac.connect().request_types:
        pass
    assert len(mac.declarations) == 6
    for held in mac.declarations.values():
        assert validate_declaration(held.type, held.payload, platform="macOS") == []
    told = credential(desk, mac, asset)
    assert told["SubjectAltName"] == {"dNSName": "mail.example.com"}
    assert validate_declaration("com.apple.credential.scep", told, platform="macOS") == []
