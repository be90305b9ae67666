"""SCEP from the client's side: requests of asn1crypto and openssl, replies read by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from asn1crypto import core

from tests.unit.protocol import openssl, scep_client
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import issuance, scep, scep_reply
from zmdm_plugin.protocol.issuance import Authority
from zmdm_plugin.protocol.scep import FailInfo, ScepRefused

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WEAK = [("-des", "sha256"), ("-des3", "sha256"), ("-aes128", "sha1"), ("-des", "sha1")]
STRONG = [("-aes128", "sha256"), ("-aes256", "sha256"), ("-aes256", "sha512")]


@cache
def authority(name: str = "Lab CA") -> Authority:
    key = issuance.new_rsa_key()
    return Authority(issuance.make_ca([("CN", name)], key, at=NOW), key)


def ask(*, signer=None, csr=None, cipher="-aes256", to=None, **options) -> bytes:
    device = signer or openssl.identity()
    wish = csr or openssl.certificate_request(device.key, challenge="s3cret")
    sealed = scep_client.seal(wish, (to or authority()).certificate, cipher=cipher)
    return scep_client.message(sealed, device, **options)


def parse(message: bytes, *authorities: Authority, allow_weak: bool = False):
    return scep.parse_request(message, authorities or (authority(),), allow_weak=allow_weak)


def refused(message: bytes, *authorities: Authority) -> ScepRefused:
    with pytest.raises(ScepRefused) as refusal:
        parse(message, *authorities)
    return refusal.value


def succeed(request: scep.ScepRequest) -> tuple[bytes, bytes]:
    issuer = request.recipient
    certificate = issuance.issue(
        request.csr.spki, issuer, subject=[("CN", "MDM$1")], at=NOW, lifetime=timedelta(days=365)
    )
    reply = scep_reply.build_success(
        request, certificate, authority=issuer, chain=[issuer.certificate]
    )
    return certificate, reply


def test_a_request_tells_everything_that_an_answer_needs():
    request = parse(ask())
    assert (request.transaction_id, request.sender_nonce) == ("TX-1", scep_client.NONCE)
    assert (request.message_type, request.challenge) == (19, "s3cret")
    assert (request.cipher, request.digest) == ("aes-256-cbc", "sha256")
    assert (request.signer, request.recipient) == (openssl.identity().der, authority())
    assert request.signed_by_requested_key


def test_a_renewal_is_signed_with_another_key():
    csr = openssl.certificate_request(openssl.identity("other").key)
    request = parse(ask(csr=csr, kind="17"))
    assert (request.message_type, request.signed_by_requested_key) == (17, False)


@pytest.mark.parametrize(("cipher", "digest"), STRONG)
def test_openssl_reads_the_issued_certificate(cipher, digest):
    request = parse(ask(cipher=cipher, digest=digest))
    certificate, reply = succeed(request)
    sealed = scep_client.authentic(reply, authority().certificate)
    bundle = scep_client.opened(sealed, openssl.identity())
    assert scep_client.certificates_of(bundle) == [certificate, authority().certificate]


@pytest.mark.parametrize(("cipher", "digest"), WEAK)
def test_weak_algorithms_are_refused_by_default(cipher, digest):
    assert refused(ask(cipher=cipher, digest=digest)).fail_info is FailInfo.BAD_ALG


@pytest.mark.parametrize(("cipher", "digest"), WEAK)
def test_weak_algorithms_work_where_they_are_allowed(cipher, digest):
    request = parse(ask(cipher=cipher, digest=digest), allow_weak=True)
    certificate, reply = succeed(request)
    sealed = scep_client.authentic(reply, authority().certificate)
    bundle = scep_client.opened(sealed, openssl.identity())
    assert scep_client.certificates_of(bundle)[0] == certificate
    assert request.digest == digest


def test_a_success_echoes_transaction_and_nonce():
    _, reply = succeed(parse(ask(transaction_id="AB=/+1", nonce=b"n" * 16)))
    attributes = scep_client.attributes_of(reply)
    assert (attributes["2"], attributes["3"], attributes["7"]) == ("3", "0", "AB=/+1")
    assert attributes["6"] == b"n" * 16
    assert len(attributes["5"]) == 16


@pytest.mark.parametrize("fail_info", list(FailInfo))
def test_a_failure_says_why(fail_info):
    request = parse(ask())
    reply = scep_reply.build_failure(request, fail_info, authority=authority())
    attributes = scep_client.attributes_of(reply)
    assert (attributes["3"], attributes["4"]) == ("2", str(int(fail_info)))
    assert (attributes["6"], attributes["7"]) == (scep_client.NONCE, "TX-1")


def test_a_failure_is_signed_by_the_authority():
    reply = scep_reply.build_failure(parse(ask()), FailInfo.BAD_TIME, authority=authority())
    signature = openssl.file("failure.der", reply)
    trusted = openssl.file(
        "lab.pem", openssl.run("x509", "-inform", "DER", stdin=authority().certificate)
    )
    openssl.run(
        "cms", "-verify", "-inform", "DER", "-binary", "-in", signature, "-content", "/dev/null",
        "-CAfile", trusted, "-purpose", "any", "-no_check_time",
    )  # fmt: skip


def test_the_failure_of_a_weak_request_is_not_weak_itself():
    assert refused(ask(digest="sha1")).header.digest == "sha256"


@pytest.mark.parametrize(
    ("kind", "fail_info"),
    [("20", FailInfo.BAD_CERT_ID), ("21", FailInfo.BAD_REQUEST), ("99", FailInfo.BAD_REQUEST)],
)
def test_other_messages_fail(kind, fail_info):
    refusal = refused(ask(kind=kind))
    assert (refusal.fail_info, refusal.header.transaction_id) == (fail_info, "TX-1")


def test_a_request_for_another_authority_fails():
    refusal = refused(ask(to=authority("Other CA")))
    assert refusal.fail_info is FailInfo.BAD_MESSAGE_CHECK


def test_a_former_generation_of_the_authority_still_opens():
    old = authority()
    renewed = Authority(issuance.renew_ca(old.certificate, old.key, at=NOW), old.key)
    assert parse(ask(to=old), renewed, old).recipient == old


def test_a_request_with_a_short_key_fails():
    factory = openssl.identity("factory", "rsa:1024")
    assert refused(ask(signer=factory)).fail_info is FailInfo.BAD_ALG


@pytest.mark.parametrize("csr", [b"junk", b"\x30\x03\x02\x01\x00"])
def test_an_unreadable_request_fails(csr):
    assert refused(ask(csr=csr)).fail_info is FailInfo.BAD_REQUEST


def test_an_unsealed_request_fails():
    message = scep_client.message(b"not an envelope", openssl.identity())
    assert refused(message).fail_info is FailInfo.BAD_MESSAGE_CHECK


@pytest.mark.parametrize(
    "options", [{"transaction_id": ""}, {"transaction_id": "x" * 256}, {"nonce": b"n" * 65}]
)
def test_a_message_that_cannot_be_answered_is_no_scep(options):
    with pytest.raises(scep.BadScepMessage):
        parse(ask(**options))


def test_a_request_that_was_signed_with_sha1_inside_is_refused():
    inside = openssl.certificate_request(openssl.identity().key, "-sha1")
    assert refused(ask(csr=inside)).fail_info is FailInfo.BAD_ALG
    assert parse(ask(csr=inside), allow_weak=True).csr.digest == "sha1"


def test_two_transaction_ids_are_no_scep():
    second = scep_client.attribute(scep_client.PREFIX + "7", core.PrintableString("TX-2"))
    with pytest.raises(ProtocolError, match="twice"):
        parse(ask(extra=(second,)))


def test_a_plain_signature_is_no_scep():
    with pytest.raises(ProtocolError):
        parse(openssl.sign(b"x", openssl.identity(), "-nodetach"))
