"""Envelopes: SCEP requests, escrowed FileVault keys, tokens of Apple Business Manager."""

from __future__ import annotations

import pytest

from tests.unit.protocol import openssl
from zmdm_plugin.protocol import cms_envelope
from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm
from zmdm_plugin.protocol.cms_envelope import CannotDecrypt

SECRET = b"AAAA-BBBB-CCCC-DDDD-EEEE-FFFF"
FLAGS = {
    "aes-128-cbc": ("-aes128",),
    "aes-192-cbc": ("-aes192",),
    "aes-256-cbc": ("-aes256",),
    "des-ede3-cbc": ("-des3",),
    "des-cbc": ("-des", "-provider", "legacy", "-provider", "default"),
}


def seal(owner, *options, content=SECRET):
    return openssl.run(
        "cms", "-encrypt", "-binary", "-outform", "DER", *options, owner.certificate, stdin=content
    )


@pytest.mark.parametrize("stream", [(), ("-stream",)])
@pytest.mark.parametrize("cipher", FLAGS)
def test_what_openssl_seals_opens(cipher, stream):
    owner = openssl.identity()
    sealed = seal(owner, *FLAGS[cipher], *stream)
    assert cms_envelope.parse_envelope(sealed).cipher == cipher
    assert cms_envelope.decrypt(sealed, owner.der, key=owner.private) == SECRET


def test_long_content_in_pieces_opens():
    owner = openssl.identity()
    content = bytes(range(256)) * 400
    sealed = seal(owner, "-aes256", "-stream", content=content)
    assert cms_envelope.decrypt(sealed, owner.der, key=owner.private) == content


@pytest.mark.parametrize("cipher", FLAGS)
def test_openssl_opens_what_we_seal(cipher):
    owner = openssl.identity()
    sealed = cms_envelope.encrypt(SECRET, owner.der, algorithm=cipher)
    opened = openssl.run(
        "cms", "-decrypt", "-binary", "-inform", "DER", *FLAGS["des-cbc"][1:],
        "-recip", owner.certificate, "-inkey", owner.key, stdin=sealed,
    )  # fmt: skip
    assert opened == SECRET


def test_the_recipient_is_found_by_key_id():
    owner = openssl.identity()
    sealed = seal(owner, "-aes128", "-keyid")
    assert cms_envelope.decrypt(sealed, owner.der, key=owner.private) == SECRET


def test_one_of_several_recipients_opens():
    first, second = openssl.identity("other"), openssl.identity()
    sealed = seal(first, "-aes128", second.certificate)
    assert cms_envelope.decrypt(sealed, second.der, key=second.private) == SECRET


def test_the_addressed_certificate_is_found_among_all_escrow_keys():
    old, new = openssl.identity("other"), openssl.identity()
    sealed = seal(old, "-aes128")
    assert cms_envelope.addressed_to(sealed, [new.der, old.der]) == old.der
    assert cms_envelope.addressed_to(sealed, [new.der]) is None


def broken_padding(owner, sealed):
    return sealed[:-1] + bytes([sealed[-1] ^ 0x55])


def broken_content_key(owner, sealed):
    encrypted = cms_envelope.parse_envelope(sealed).recipients[0].encrypted_key
    return sealed.replace(encrypted, encrypted[:-4] + b"\0\0\0\0")


def somebody_elses(owner, sealed):
    return seal(openssl.identity("other"), "-aes256")


@pytest.mark.parametrize("damage", [broken_padding, broken_content_key, somebody_elses])
def test_every_failure_says_the_same(damage):
    owner = openssl.identity()
    sealed = damage(owner, seal(owner, "-aes256"))
    with pytest.raises(CannotDecrypt) as failure:
        cms_envelope.decrypt(sealed, owner.der, key=owner.private)
    assert str(failure.value) == "the message cannot be decrypted"


def test_an_unknown_cipher_is_named_as_such():
    sealed = seal(openssl.identity(), "-camellia128")
    with pytest.raises(UnsupportedAlgorithm, match="cipher"):
        cms_envelope.parse_envelope(sealed)


def test_nothing_can_be_sealed_to_an_elliptic_curve_key():
    with pytest.raises(UnsupportedAlgorithm, match="RSA"):
        cms_envelope.encrypt(SECRET, openssl.identity("curve", "ec:prime256v1").der)
