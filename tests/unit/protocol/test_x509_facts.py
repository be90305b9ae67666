"""What a certificate and a certificate request say."""

from __future__ import annotations

import pytest
from asn1crypto import core
from asn1crypto import csr as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.unit.protocol import openssl
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import x509
from zmdm_plugin.protocol.algorithms import BadSignature, UnsupportedAlgorithm
from zmdm_plugin.protocol.csr import BadCsr, parse_csr


def test_a_certificate_tells_its_facts():
    facts = x509.facts(openssl.identity().der)
    assert facts.common_name == "device"
    assert facts.user_id == "com.apple.mgmt.External.device"
    assert (facts.key_type, facts.key_bits, facts.is_ca) == ("rsa", 2048, True)
    assert (facts.not_after - facts.not_before).days == 30


def test_the_serial_number_is_that_of_openssl():
    certificate = openssl.identity().certificate
    printed = openssl.run("x509", "-in", certificate, "-noout", "-serial").decode()
    serial = printed.strip().partition("=")[2].lstrip("0").lower()
    assert x509.facts(openssl.identity().der).serial == serial


def test_the_topic_is_the_subject_uid():
    assert x509.push_topic(openssl.identity().der) == "com.apple.mgmt.External.device"


@pytest.mark.parametrize("subject", ["/CN=no uid", "/UID=com.example.app/CN=an app"])
def test_a_certificate_for_other_pushes_has_no_topic(subject):
    key = openssl.identity().key
    der = openssl.run("req", "-x509", "-key", key, "-subj", subject, "-outform", "DER")
    with pytest.raises(x509.BadCertificate, match="UID"):
        x509.push_topic(der)


def test_a_request_tells_subject_key_and_challenge():
    csr = parse_csr(openssl.certificate_request(openssl.identity().key, challenge="s3cret"))
    assert csr.subject == (("CN", "wish"),)
    assert csr.challenge == "s3cret"
    assert csr.spki == x509.facts(openssl.identity().der).spki


def test_a_request_may_be_for_an_elliptic_curve_key():
    curve = openssl.identity("curve", "ec:prime256v1")
    csr = parse_csr(openssl.certificate_request(curve.key))
    assert csr.spki == x509.facts(curve.der).spki
    assert csr.challenge is None


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


CHALLENGE = core.Sequence.load(
    bytes.fromhex("3015 06092a864886f70d010907 3108 1306") + b"s3cret"
).dump()
OTHER = core.Sequence.load(bytes.fromhex("3011 06092a864886f70d010902 3104 1302") + b"zz").dump()


def careless_request(*attributes: bytes, version: int = 0) -> bytes:
    """A request with a client's own oddities and a signature over them, lengths not minimal."""
    good = asn1.CertificationRequest.load(openssl.certificate_request(openssl.identity().key))
    info = good["certification_request_info"]
    odd = der(
        0x30,
        core.Integer(version).dump(),
        info["subject"].dump(),
        info["subject_pk_info"].dump(),
        der(0xA0, *attributes),
    )
    signature = openssl.identity().private.sign(odd, padding.PKCS1v15(), hashes.SHA256())
    algorithm = good["signature_algorithm"].dump()
    return der(0x30, odd, algorithm, core.OctetBitString(signature).dump())


def test_version_2_is_taken_as_macos_sends_it():
    assert parse_csr(careless_request(CHALLENGE, version=1)).challenge == "s3cret"


@pytest.mark.parametrize("attributes", [(CHALLENGE, OTHER), (OTHER, CHALLENGE)])
def test_attributes_may_stand_in_any_order(attributes):
    assert parse_csr(careless_request(*attributes)).challenge == "s3cret"


def test_two_challenges_are_refused():
    with pytest.raises(BadCsr, match="more than one"):
        parse_csr(careless_request(CHALLENGE, CHALLENGE))


def test_a_request_signed_by_another_key_is_refused():
    der = bytearray(openssl.certificate_request(openssl.identity().key))
    der[-1] ^= 1
    with pytest.raises(BadSignature):
        parse_csr(bytes(der))


def test_a_request_for_a_short_key_is_refused():
    factory = openssl.identity("factory", "rsa:1024")
    with pytest.raises(UnsupportedAlgorithm, match="too short"):
        parse_csr(openssl.certificate_request(factory.key))


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x30\x00", b"\x30\x80\x00\x00", b"0" * 70000])
def test_junk_is_no_request(junk):
    with pytest.raises(ProtocolError):
        parse_csr(junk)
