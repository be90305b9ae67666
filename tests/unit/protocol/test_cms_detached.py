"""Mdm-Signature: signatures that travel beside the body."""

from __future__ import annotations

import base64
import hashlib

import pytest
from asn1crypto import cms as asn1

from tests.unit.protocol import openssl
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms
from zmdm_plugin.protocol.algorithms import DIGEST_OIDS, BadSignature, UnsupportedAlgorithm
from zmdm_plugin.protocol.cms_signed import MalformedCms
from zmdm_plugin.protocol.tlv import oid

BODY = b"<plist><dict><key>Status</key><string>Idle</string></dict></plist>"

STYLES = {
    "DER without attributes": ("-noattr",),
    "BER without attributes": ("-noattr", "-stream"),
    "DER with attributes": (),
    "BER with attributes": ("-stream",),
    "signer by key id": ("-keyid",),
    "RSA-PSS": ("-keyopt", "rsa_padding_mode:pss"),
    "SHA-1": ("-md", "sha1"),
    "SHA-512 without attributes": ("-md", "sha512", "-noattr"),
}


@pytest.mark.parametrize("options", STYLES.values(), ids=STYLES)
def test_a_signature_of_openssl_names_its_signer(options):
    device = openssl.identity()
    signer = cms.verify_detached(openssl.sign(BODY, device, *options), BODY)
    assert signer.certificate == device.der
    assert signer.fingerprint == hashlib.sha256(device.der).hexdigest()


@pytest.mark.parametrize("options", STYLES.values(), ids=STYLES)
def test_another_body_is_refused(options):
    signature = openssl.sign(BODY, openssl.identity(), *options)
    with pytest.raises(BadSignature):
        cms.verify_detached(signature, BODY + b" ")


@pytest.mark.parametrize("options", [(), ("-noattr", "-stream")])
@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
def test_elliptic_curve_keys_may_sign(curve, options):
    device = openssl.identity("curve", f"ec:{curve}")
    signer = cms.verify_detached(openssl.sign(BODY, device, *options), BODY)
    assert signer.certificate == device.der


def test_the_digest_is_reported():
    signature = openssl.sign(BODY, openssl.identity(), "-md", "sha384")
    assert cms.verify_detached(signature, BODY).digest == "sha384"


def test_sha1_can_be_refused():
    signature = openssl.sign(BODY, openssl.identity(), "-md", "sha1")
    with pytest.raises(UnsupportedAlgorithm, match="SHA-1"):
        cms.verify_detached(signature, BODY, allow_sha1=False)


def test_md5_is_refused():
    signature = openssl.sign(BODY, openssl.identity(), "-md", "md5")
    with pytest.raises(UnsupportedAlgorithm, match="MD5"):
        cms.verify_detached(signature, BODY)


def test_a_short_rsa_key_is_refused():
    signature = openssl.sign(BODY, openssl.identity("factory", "rsa:1024"))
    with pytest.raises(UnsupportedAlgorithm, match="1024 bits is too short"):
        cms.verify_detached(signature, BODY)


def test_a_short_rsa_key_passes_where_factory_certificates_are_expected():
    factory = openssl.identity("factory", "rsa:1024")
    signature = openssl.sign(BODY, factory)
    signer = cms.verify_detached(signature, BODY, minimum_rsa_bits=1024)
    assert signer.certificate == factory.der


@pytest.mark.parametrize("options", [(), ("-keyid",)])
def test_the_signer_is_found_among_other_certificates(options):
    device, other = openssl.identity(), openssl.identity("other")
    signature = openssl.sign(BODY, device, "-certfile", str(other.certificate), *options)
    assert cms.verify_detached(signature, BODY).certificate == device.der


def test_a_certificate_that_did_not_sign_is_not_taken_for_the_signer():
    device, other = openssl.identity(), openssl.identity("other")
    certfile = ("-certfile", str(other.certificate))
    signature = openssl.sign(BODY, device, "-nocerts", *certfile)
    with pytest.raises(MalformedCms, match="not in the message"):
        cms.verify_detached(signature, BODY)


def test_every_signer_must_hold():
    device, other = openssl.identity(), openssl.identity("other")
    second = ("-signer", str(other.certificate), "-inkey", str(other.key))
    signature = bytearray(openssl.sign(BODY, device, "-noattr", *second))
    cms.verify_detached(bytes(signature), BODY)
    signature[-1] ^= 1  # the last byte of the last signature
    with pytest.raises(BadSignature):
        cms.verify_detached(bytes(signature), BODY)


def test_a_message_without_signers_is_refused():
    bare = openssl.run(
        "crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile", openssl.identity().certificate
    )
    with pytest.raises(MalformedCms, match="nobody signed"):
        cms.verify_detached(bare, BODY)


def test_an_attached_content_must_be_the_body():
    signature = openssl.sign(BODY, openssl.identity(), "-nodetach")
    cms.verify_detached(signature, BODY)
    with pytest.raises(BadSignature):
        cms.verify_detached(signature, b"another body")


def test_a_signature_that_carries_another_content_than_the_body_is_ambiguous():
    signature = openssl.sign(BODY, openssl.identity(), "-nodetach", "-noattr")
    with pytest.raises(BadSignature, match="another content"):
        cms.verify_detached(signature.replace(b"Idle", b"Busy"), BODY)


def test_digest_and_signature_algorithms_must_agree():
    device = openssl.identity("curve", "ec:prime256v1")
    signature = openssl.sign(BODY, device, "-noattr")
    sha256, sha384 = oid(DIGEST_OIDS["sha256"]), oid(DIGEST_OIDS["sha384"])
    with pytest.raises(UnsupportedAlgorithm, match="contradict"):
        cms.verify_detached(signature.replace(sha256, sha384), BODY)


def signed_attributes(signature: bytes) -> list[bytes]:
    info = asn1.ContentInfo.load(signature)["content"]["signer_infos"][0]
    return [attribute.dump() for attribute in info["signed_attrs"]]


def test_attributes_may_be_sent_in_another_order_than_signed():
    signature = openssl.sign(BODY, openssl.identity())
    first, second, *_ = signed_attributes(signature)
    unsorted = signature.replace(first + second, second + first)
    assert unsorted != signature
    assert cms.verify_detached(unsorted, BODY).certificate == openssl.identity().der


def test_the_digest_attribute_decides_even_though_the_attributes_are_signed():
    signature = openssl.sign(BODY, openssl.identity())
    digest = hashlib.sha256(BODY).digest()
    swapped = signature.replace(digest, hashlib.sha256(b"evil").digest())
    with pytest.raises(BadSignature):
        cms.verify_detached(swapped, b"evil")


@pytest.mark.parametrize("fold", ["{}", " {}\r\n", "\t{}"])
def test_the_header_is_base64_that_may_be_folded(fold):
    encoded = base64.b64encode(b"signature bytes" * 20).decode()
    folded = fold.format(encoded[:76] + "\r\n " + encoded[76:])
    assert cms.decode_header(folded) == b"signature bytes" * 20


@pytest.mark.parametrize("value", ["not base64!", "YQ=", "é", "A" * 70000])
def test_a_bad_header_is_refused(value):
    with pytest.raises(ProtocolError):
        cms.decode_header(value)
