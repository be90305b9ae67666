"""How simulated devices come, stay and go."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509

from tests.simulator.device_server import (
    BASE,
    TOPIC,
    DeviceServer,
    enrollment_profile,
    service_profile,
)
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed, ProfileRefused, ScepFailed
from zmdm_simulator.models_of_devices import MODELS
from zmdm_simulator.profile import load
from zmdm_simulator.proof import Proof, Prover

MAC, PHONE = "MacBookPro18,3", "iPhone15,2"


@pytest.fixture
def server() -> DeviceServer:
    return DeviceServer()


def make(server: DeviceServer, model: str = MAC, **options: object) -> SimulatedDevice:
    return SimulatedDevice(
        model,
        7,
        factory_ca=server.ca,
        http=server.client(),
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_model_enrolls_by_hand(server: DeviceServer, model: str) -> None:
    device = make(server, model)
    device.enroll(enrollment_profile())
    assert device.life is Life.ENROLLED
    assert [body["MessageType"] for body in server.heard] == ["Authenticate", "TokenUpdate"]


def test_over_the_air_goes_through_both_signed_phases(server: DeviceServer) -> None:
    device = make(server, PHONE)
    device.enroll(service_profile())
    first, second = server.messages("OTA")
    assert first["CHALLENGE"] == "let me in"
    assert first["SERIAL"] == second["SERIAL"] == device.facts.serial
    assert "CHALLENGE" not in second
    assert len(server.requests) == 2  # one identity for the phases, one for MDM


def test_the_factory_certificate_is_of_the_device_ca(server: DeviceServer) -> None:
    factory = make(server).factory.certificate
    factory.verify_directly_issued_by(server.ca.identity.certificate)
    assert factory.subject.rfc4514_string().endswith("OU=iPhone,O=Apple Inc.")


def test_the_same_seed_makes_the_same_device(server: DeviceServer) -> None:
    assert make(server).facts == make(server).facts
    assert make(server).facts != make(server, PHONE).facts


def test_a_mac_introduces_itself_by_name(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    said = server.messages("Authenticate")[0]
    assert (said["DeviceName"], said["Model"]) == (device.name, MAC)
    assert "UnlockToken" not in server.messages("TokenUpdate")[0]


def test_a_phone_sends_its_unlock_token_once(server: DeviceServer) -> None:
    device = make(server, PHONE)
    device.enroll(enrollment_profile())
    device.update_token(rotate=True)
    first, second = server.messages("TokenUpdate")
    assert first["UnlockToken"] == device.unlock_token
    assert "UnlockToken" not in second
    assert first["Token"] != second["Token"]


def test_a_mac_settles_with_bootstrap_token_and_user_channel(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    device.settle()
    assert server.bootstrap == device.bootstrap_token
    user = server.messages("TokenUpdate")[1]
    assert (user["UserID"], user["UserShortName"]) == (
        device.facts.user.guid,
        device.facts.user.short_name,
    )
    assert [address.topic for address in device.push_addresses] == [TOPIC, TOPIC]


def test_without_the_capabilities_a_mac_settles_silently(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile(ServerCapabilities=None))
    device.settle()
    assert len(server.heard) == 2


def test_a_network_user_answers_the_challenge_first(server: DeviceServer) -> None:
    server.digest_challenge = "prove it"
    device = make(server)
    device.enroll(enrollment_profile())
    assert device.log_in(digest="proof")
    first, second = server.messages("UserAuthenticate")
    assert "DigestResponse" not in first
    assert second["DigestResponse"] == "proof"


def test_a_declined_user_has_no_channel_in_this_session(server: DeviceServer) -> None:
    server.decline_users = True
    device = make(server)
    device.enroll(enrollment_profile())
    assert not device.log_in(digest="proof")
    assert device.life is Life.ENROLLED
    assert device.connect(device.facts.user.short_name).silent


def test_a_shared_ipad_speaks_for_a_managed_apple_account(server: DeviceServer) -> None:
    device = make(server, "iPad13,18", shared=True)
    device.enroll(enrollment_profile())
    device.log_in("ada@example.com")
    said = server.messages("TokenUpdate")[1]
    assert said["UserID"] == "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
    assert said["UserShortName"] == "ada@example.com"


def test_a_user_enrollment_hides_the_hardware(server: DeviceServer) -> None:
    device = make(server, PHONE)
    device.enroll(enrollment_profile(EnrollmentMode="BYOD", AccessRights=None))
    said = server.messages("Authenticate")[0]
    assert said["EnrollmentID"] == device.enrollment_id
    assert not said.keys() & {"UDID", "SerialNumber", "IMEI"}


@pytest.mark.parametrize("accepted", [0, 1], ids=["Authenticate", "TokenUpdate"])
def test_a_refused_checkin_leaves_nothing_behind(server: DeviceServer, accepted: int) -> None:
    server.statuses.extend(["200 OK"] * accepted + ["400 Bad Request"])
    device = make(server)
    with pytest.raises(EnrollmentFailed) as failed:
        device.enroll(enrollment_profile())
    assert failed.value.status == 400
    assert device.mdm is None and device.identity is None


def test_an_enrolled_device_takes_no_second_enrollment(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    with pytest.raises(ProfileRefused, match="managed already"):
        device.enroll(enrollment_profile())


def test_a_renewal_checks_in_with_a_new_certificate(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    before = device.own_identity.fingerprint
    device.renew(load(enrollment_profile()))
    assert server.signers[-1] == device.own_identity.fingerprint != before
    assert device.former_identity is not None
    assert device.former_identity.fingerprint == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Topic", "com.apple.mgmt.other"),
        ("ServerURL", f"{BASE}/other"),
        ("CheckInURL", f"{BASE}/other"),
        ("ServerCapabilities", None),
    ],
)
def test_a_renewal_may_not_change_what_the_device_enrolled_with(
    server: DeviceServer, key: str, value: object
) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    with pytest.raises(ProfileRefused, match=key):
        device.renew(load(enrollment_profile(**{key: value})))


def test_a_renewal_may_not_widen_the_rights(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile(AccessRights=3))
    with pytest.raises(ProfileRefused, match="AccessRights"):
        device.renew(load(enrollment_profile(AccessRights=7)))


def test_a_failed_renewal_keeps_the_old_identity(server: DeviceServer) -> None:
    device = make(server)
    device.enroll(enrollment_profile())
    before = device.own_identity
    server.fail_info = 2
    with pytest.raises(ScepFailed):
        device.renew(load(enrollment_profile()))
    assert device.own_identity == before
    device.connect()
    assert server.signers[-1] == before.fingerprint


def test_checking_out_says_so_once_where_the_profile_asks_for_it(server: DeviceServer) -> None:
    for asks in (True, False):
        device = make(server)
        device.enroll(enrollment_profile(CheckOutWhenRemoved=asks))
        device.check_out()
        assert device.life is Life.LEFT
    assert len(server.messages("CheckOut")) == 1


@pytest.mark.parametrize("proof", [Proof.PROXY_PEM, Proof.PROXY_RFC9440])
def test_headers_of_a_proxy_carry_the_certificate(server: DeviceServer, proof: Proof) -> None:
    device = make(server, prover=Prover(proof))
    identity = device.factory
    headers = Prover(proof).headers(b"", identity)
    text = headers["X-SSL-Client-Cert"]
    if proof is Proof.PROXY_RFC9440:
        found = x509.load_der_x509_certificate(base64.b64decode(text.strip(":")))
        assert found == identity.certificate
    else:
        assert text.startswith("-----BEGIN%20CERTIFICATE-----%0A")
    assert headers["X-SSL-Client-S-DN"].endswith("OU=iPhone,O=Apple Inc.")
