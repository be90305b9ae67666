"""Messages that carry their content: OTA attributes, MachineInfo, signed profiles."""

from __future__ import annotations

import pytest

from tests.unit.protocol import openssl
from zmdm_plugin.protocol import cms
from zmdm_plugin.protocol.algorithms import BadSignature
from zmdm_plugin.protocol.cms_signed import MalformedCms
from zmdm_plugin.protocol.tlv import oid

CONTENT = b"<plist><dict><key>UDID</key><string>\xc3\xa9</string></dict></plist>" * 200


@pytest.mark.parametrize("options", [(), ("-stream",), ("-noattr", "-stream"), ("-md", "sha1")])
def test_content_and_signer_come_out(options):
    device = openssl.identity()
    message = openssl.sign(CONTENT, device, "-nodetach", *options)
    content, signer, certificates = cms.verify_attached(message)
    assert content == CONTENT
    assert signer.certificate == device.der
    assert certificates == (device.der,)


def test_content_in_pieces_is_joined():
    large = bytes(range(256)) * 400  # openssl cuts streams at some kilobytes
    message = openssl.sign(large, openssl.identity(), "-nodetach", "-stream")
    assert message.count(b"\x04\x82") > 2
    assert cms.verify_attached(message).content == large


def test_a_changed_content_is_refused():
    message = openssl.sign(CONTENT, openssl.identity(), "-nodetach")
    with pytest.raises(BadSignature):
        cms.verify_attached(message.replace(b"UDID", b"UDIE"))


def test_a_detached_signature_has_no_content():
    with pytest.raises(MalformedCms, match="no content"):
        cms.verify_attached(openssl.sign(CONTENT, openssl.identity()))


def test_bytes_after_the_message_are_ignored():
    message = openssl.sign(CONTENT, openssl.identity(), "-nodetach") + b"\r\n\0"
    assert cms.verify_attached(message).content == CONTENT


def test_another_content_type_than_the_signed_one_is_refused():
    message = openssl.sign(CONTENT, openssl.identity(), "-nodetach")
    data, encrypted = (oid("1.2.840.113549.1.7.1"), oid("1.2.840.113549.1.7.6"))
    with pytest.raises(BadSignature, match="content type"):
        cms.verify_attached(message.replace(data, encrypted, 1))


@pytest.mark.parametrize("kind", ["rsa:2048", "ec:prime256v1"])
def test_openssl_verifies_what_we_sign(kind):
    signer, issuer = openssl.identity("signer", kind), openssl.identity("other")
    message = cms.sign_attached(CONTENT, signer.der, key=signer.private, chain=[issuer.der])
    verified = openssl.run(
        "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any",
        "-CAfile", signer.certificate, stdin=message,
    )  # fmt: skip
    assert verified == CONTENT


def test_the_chain_travels_with_what_we_sign():
    signer, issuer = openssl.identity(), openssl.identity("other")
    message = cms.sign_attached(CONTENT, signer.der, key=signer.private, chain=[issuer.der])
    assert set(cms.verify_attached(message).certificates) == {signer.der, issuer.der}
