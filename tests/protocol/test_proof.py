"""How a request proves its certificate: signatures of each style, and headers of a proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from flask import Flask

from tests.identities import apply_for, authenticate, poll, token_update
from tests.road import Road
from zmdm_simulator import cms, conversation
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.wire import CONNECT_TYPE

FRONT = pytest.mark.settings(ZMDM_TRUSTED_PROXIES="127.0.0.0/8")
OFF = pytest.mark.settings(ZMDM_TRUSTED_PROXIES="127.0.0.0/8", ZMDM_MTLS_PROXY=False)
HEADERS = [Proof.PROXY_PEM, Proof.PROXY_RFC9440]
STYLES = {
    "BER without attributes": cms.REAL_DEVICE,
    "DER with attributes": cms.DER_STYLE,
    "BER with attributes": cms.Style(ber=True, attributes=True),
    "DER without attributes": cms.Style(ber=False),
    "SHA-1": cms.OLD_DEVICE,
}


def put(device: SimulatedDevice, prover: Prover, **headers: str) -> int:
    body = conversation.idle(device, device.channel())
    url = device.installed.server_url
    return device.wire.put(url, body, CONNECT_TYPE, prover=prover, headers=headers).status_code


@pytest.mark.parametrize("style", STYLES)
def test_signatures_of_each_style_prove_an_identity(road: Road, style: str) -> None:
    mac = road.enrolled()
    assert put(mac, Prover(style=STYLES[style])) == 200


@FRONT
@pytest.mark.parametrize("style", STYLES)
def test_signatures_are_accepted_behind_an_mtls_front_too(road: Road, style: str) -> None:
    mac = road.enrolled(prover=Prover(style=STYLES[style]))
    assert put(mac, Prover(style=STYLES[style])) == 200


def test_a_signature_over_another_body_proves_nothing(road: Road) -> None:
    mac = road.enrolled()
    headers = Prover().headers(b"another body", mac.own_identity)
    assert put(mac, Prover(Proof.NONE), **headers) == 400


@pytest.mark.parametrize("header", ["", "garbage", "AAAA", "=" * 100])
def test_garbage_is_no_signature(road: Road, header: str) -> None:
    mac = road.enrolled()
    assert put(mac, Prover(Proof.NONE), **{"Mdm-Signature": header}) == 400


def test_an_unsigned_request_is_a_bad_request(road: Road) -> None:
    assert put(road.enrolled(), Prover(Proof.NONE)) == 400


@FRONT
def test_a_front_spares_devices_the_signature(road: Road) -> None:
    mac = road.enrolled(prover=Prover(Proof.PROXY_PEM))
    assert mac.installed.sign_message is False
    assert mac.connect().statuses[0] == 200


@FRONT
@pytest.mark.parametrize("proof", HEADERS)
def test_a_trusted_proxy_hands_on_the_certificate(road: Road, proof: Proof) -> None:
    mac = road.enrolled(prover=Prover(proof))
    assert put(mac, Prover(proof)) == 200


@pytest.mark.settings(ZMDM_TRUSTED_PROXIES="192.0.2.0/24")
@pytest.mark.parametrize("proof", HEADERS)
def test_headers_of_anybody_else_prove_nothing(road: Road, proof: Proof) -> None:
    mac = road.enrolled(prover=Prover())
    assert put(mac, Prover(proof)) == 400
    with pytest.raises(EnrollmentFailed):
        road.enrolled("iPhone15,2", seed=2, prover=Prover(proof))


@pytest.mark.settings(ZMDM_TRUSTED_PROXIES="192.0.2.0/24")
def test_a_proxy_that_the_host_believes_is_not_ours(road: Road) -> None:
    mac = road.enrolled(prover=Prover())
    assert put(mac, Prover(Proof.PROXY_PEM), **{"X-Forwarded-For": "192.0.2.7"}) == 400


@FRONT
def test_a_certificate_beside_another_subject_is_refused(road: Road) -> None:
    mac = road.enrolled(prover=Prover(Proof.PROXY_PEM))
    assert put(mac, Prover(Proof.PROXY_PEM), **{"X-SSL-Client-S-DN": "CN=somebody else"}) == 400


@FRONT
@pytest.mark.settings(
    ZMDM_CLIENT_CERT_HEADER="X-Client-Certificate", ZMDM_CLIENT_DN_HEADER="X-Client-DN"
)
def test_the_names_of_the_headers_are_settings(road: Road) -> None:
    named = Prover(Proof.PROXY_PEM, cms.REAL_DEVICE, "X-Client-Certificate", "X-Client-DN")
    mac = road.enrolled(prover=named)
    assert put(mac, named) == 200
    assert put(mac, Prover(Proof.PROXY_PEM)) == 400


@FRONT
@pytest.mark.parametrize("text", ["", "garbage", ":AAAA:", ":AAAA", "%2D%2D", "-----BEGIN"])
def test_garbage_is_no_certificate(road: Road, text: str) -> None:
    mac = road.enrolled(prover=Prover(Proof.PROXY_PEM))
    assert put(mac, Prover(Proof.NONE), **{"X-SSL-Client-Cert": text}) == 400


@FRONT
def test_the_proxys_certificate_has_to_be_pinned_too(road: Road) -> None:
    mac = road.enrolled(prover=Prover(Proof.PROXY_PEM))
    mac.identity = mac.stranger()
    assert put(mac, Prover(Proof.PROXY_PEM)) == 400


def without_front(
    road: Road, device: SimulatedDevice, make_app: Callable[..., Flask], url: str
) -> None:
    """Let the device meet the same server after its mTLS front was turned off."""
    later = make_app(url, ZMDM_TRUSTED_PROXIES="127.0.0.0/8", ZMDM_MTLS_PROXY=False)
    device.http = httpx.Client(transport=httpx.WSGITransport(app=later))


@FRONT
@pytest.mark.parametrize("proof", HEADERS)
def test_who_enrolled_through_a_front_may_go_on_when_it_is_off(
    road: Road, make_app: Callable[..., Flask], sqlite_url: str, proof: Proof
) -> None:
    mac = road.enrolled(prover=Prover(proof))
    without_front(road, mac, make_app, sqlite_url)
    assert mac.connect().request_types == ["DeviceInformation", "SecurityInfo"]
    assert token_update(mac).status_code == 200
    mac.settle()
    assert mac.connect(mac.facts.user.short_name).statuses == [200]


@OFF
@pytest.mark.parametrize("send", [poll, token_update, authenticate])
def test_who_has_to_sign_is_not_spoken_for_while_the_front_is_off(
    road: Road, send: Callable[[SimulatedDevice], httpx.Response]
) -> None:
    mac = road.enrolled(prover=Prover())
    mac.prover = Prover(Proof.PROXY_PEM)
    assert send(mac).status_code == 400
    mac.prover = Prover()
    assert send(mac).status_code == 200


@OFF
def test_who_has_to_sign_does_not_enroll_by_a_header(road: Road) -> None:
    phone = road.device("iPhone15,2", prover=Prover(Proof.PROXY_PEM))
    identity = apply_for(phone, road.profile)
    assert authenticate(phone, identity).status_code == 400
    phone.prover = replace(phone.prover, proof=Proof.SIGNATURE)
    assert authenticate(phone, identity).status_code == 200
