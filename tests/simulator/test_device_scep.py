"""The SCEP client: what it puts on the wire, and which answers it refuses."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.device_server import BASE, DeviceServer
from zmdm_simulator import cms, pki, scep
from zmdm_simulator.errors import ScepFailed
from zmdm_simulator.scep import ScepClient, ScepOptions, ScepPayload, Transaction

PAYLOAD = ScepPayload(
    url=f"{BASE}/scep",
    subject=(("CN", "C02ABC"), ("O", "Example")),
    challenge="open sesame",
    key_size=2048,
    key_usage=5,
    retries=2,
    retry_delay=7,
)


@pytest.fixture
def server() -> DeviceServer:
    return DeviceServer()


def transaction(server: DeviceServer, **options: Any) -> Transaction:
    return ScepClient(server.client(), PAYLOAD, ScepOptions(**options)).transaction()


def openssl(*words: str, given: bytes) -> str:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return (done.stdout + done.stderr).decode(errors="replace")


def test_the_ca_gives_a_certificate_for_the_clients_key(server: DeviceServer) -> None:
    request = transaction(server)
    identity = request.run()
    assert identity.certificate.public_key() == request.key.public_key()


@pytest.mark.parametrize("cipher", ["des", "3des", "aes128", "aes256"])
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_algorithms_are_used_as_told(server: DeviceServer, cipher: str, digest: str) -> None:
    transaction(server, cipher=cipher, digest=digest).run()
    assert server.requests[0]["cipher"] == cipher
    openssl("cms", "-verify", "-noverify", "-inform", "DER", given=server.requests[0]["raw"])
    text = openssl("cms", "-cmsout", "-print", "-inform", "DER", given=server.requests[0]["raw"])
    assert f"digestAlgorithm: \n          algorithm: {digest}" in text


@pytest.mark.parametrize(
    ("capabilities", "method", "cipher"),
    [("", "GET", "des"), ("DES3", "GET", "3des"), ("SCEPStandard\r\n", "POST", "aes128")],
)
def test_auto_does_what_the_ca_can(
    server: DeviceServer, capabilities: str, method: str, cipher: str
) -> None:
    server.capabilities = capabilities
    transaction(server).run()
    assert (server.requests[0]["method"], server.requests[0]["cipher"]) == (method, cipher)


@pytest.mark.parametrize("alphabet", ["standard", "raw", "urlsafe"])
def test_a_get_carries_the_message_in_each_alphabet(server: DeviceServer, alphabet: str) -> None:
    transaction(server, method="GET", get_alphabet=alphabet).run()
    assert server.requests[0]["method"] == "GET"


def test_the_request_carries_challenge_subject_and_usage(server: DeviceServer) -> None:
    transaction(server).run()
    text = openssl("req", "-inform", "DER", "-noout", "-text", given=server.requests[0]["csr"])
    assert "open sesame" in text
    assert "CN = C02ABC, O = Example" in text
    assert "Digital Signature, Key Encipherment" in text


def test_a_request_as_macos_made_it_says_version_2_and_is_unsorted(server: DeviceServer) -> None:
    transaction(server, csr_version_two=True, csr_unsorted=True).run()
    text = openssl("req", "-inform", "DER", "-noout", "-text", given=server.requests[0]["csr"])
    assert "Unknown (2)" in text
    raw = server.requests[0]["csr"]
    assert raw.index(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e") < raw.index(
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"
    )


def test_a_message_may_be_sent_again_as_the_same_transaction(server: DeviceServer) -> None:
    request = transaction(server)
    request.send()
    request.send()
    first, second = (item["said"] for item in server.requests)
    assert first[scep.TRANSACTION_ID] == second[scep.TRANSACTION_ID]
    assert first[scep.SENDER_NONCE] != second[scep.SENDER_NONCE]


def test_pending_is_waited_for_as_the_profile_says(server: DeviceServer) -> None:
    waits: list[float] = []
    server.pending = 2
    transaction(server, sleep=waits.append).run()
    assert waits == [7, 7]


def test_a_ca_that_thinks_for_ever_is_given_up(server: DeviceServer) -> None:
    server.pending = 9
    with pytest.raises(ScepFailed, match="still thinking"):
        transaction(server, sleep=lambda _: None).run()
    assert len(server.requests) == 3


def test_a_refusal_names_the_reason(server: DeviceServer) -> None:
    server.fail_info = 2
    with pytest.raises(ScepFailed) as refused:
        transaction(server).run()
    assert refused.value.fail_info == 2


def test_another_nonce_is_refused(server: DeviceServer) -> None:
    server.nonce = b"0123456789abcdef"
    with pytest.raises(ScepFailed, match="without our nonce"):
        transaction(server).run()


def test_an_answer_of_a_stranger_is_refused(server: DeviceServer) -> None:
    request = transaction(server)
    message = request.message(b"n" * 16)
    with pytest.raises(ScepFailed, match="signed by a stranger"):
        request.read(message, b"n" * 16)


def test_a_device_whose_clock_is_years_behind_refuses_the_certificate(
    server: DeviceServer,
) -> None:
    with pytest.raises(ScepFailed, match="clock"):
        transaction(server, clock=lambda: pki.now() - timedelta(days=900)).run()


def test_a_wrong_fingerprint_of_the_ca_stops_the_client(server: DeviceServer) -> None:
    payload = ScepPayload(url=f"{BASE}/scep", ca_fingerprint=b"x" * 20)
    with pytest.raises(ScepFailed, match="fingerprint"):
        ScepClient(server.client(), payload).ca()


def test_the_content_type_of_getcacert_is_exact() -> None:
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, headers={"content-type": "text/html"}, content=b"x")
    )
    with httpx.Client(transport=transport) as http, pytest.raises(ScepFailed, match="text/html"):
        ScepClient(http, PAYLOAD).ca()


def test_one_certificate_alone_is_a_ca_certificate(server: DeviceServer, tmp_path: Path) -> None:
    lone = pki.self_signed([("CN", "A CA")], key=pki.new_key(), at=pki.now())
    kind = "application/x-x509-ca-cert"
    transport = httpx.MockTransport(
        lambda request: httpx.Response(
            200, headers={"content-type": kind}, content=pki.der(lone.certificate)
        )
    )
    with httpx.Client(transport=transport) as http:
        assert ScepClient(http, PAYLOAD).ca().recipient == lone.certificate


def test_the_ra_is_encrypted_to_when_there_is_one(server: DeviceServer) -> None:
    authority = ScepClient(server.client(), PAYLOAD).ca()
    bundle = cms.certificates_of(server.client().get(f"{BASE}/scep?operation=GetCACert").content)
    assert authority.recipient == bundle[0] != server.ca.identity.certificate
