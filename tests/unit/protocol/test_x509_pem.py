"""PEM as people upload it."""

from __future__ import annotations

import pytest

from tests.unit.protocol import openssl
from zmdm_plugin.protocol import pem


def certificate_text(name: str = "device") -> str:
    return openssl.identity(name).certificate.read_text()


def key_text(name: str = "device") -> str:
    return openssl.identity(name).key.read_text()


def encrypted_key(*options: str) -> bytes:
    return openssl.run(*options, "-in", openssl.identity().key, "-passout", "pass:secret")


def test_a_bundle_gives_its_certificates_in_order():
    bundle = f"subject=/CN=a\n{certificate_text()}\ntext {certificate_text('other')}"
    assert pem.certificates(bundle) == (openssl.identity().der, openssl.identity("other").der)


def test_a_der_file_is_taken_as_it_is():
    assert pem.certificates(openssl.identity().der) == (openssl.identity().der,)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r\n  "])
def test_line_ends_and_indentation_do_not_matter(newline):
    text = certificate_text().replace("\n", newline)
    assert pem.certificates(text.encode()) == (openssl.identity().der,)


@pytest.mark.parametrize("texts", [(certificate_text, key_text), (key_text, certificate_text)])
def test_certificate_and_key_may_be_glued_without_newline(texts):
    glued = "".join(part().strip() for part in texts)
    assert "----------" in glued
    certificate, key = pem.pair(glued)
    assert certificate == openssl.identity().der
    assert key.private_numbers() == openssl.identity().private.private_numbers()


def test_a_pair_that_does_not_fit_is_refused():
    with pytest.raises(pem.BadPem, match="do not belong together"):
        pem.pair(certificate_text() + key_text("other"))


ENCRYPTED = {"PKCS #8": ("pkcs8", "-topk8"), "traditional": ("rsa", "-aes128", "-traditional")}


@pytest.mark.parametrize("options", ENCRYPTED.values(), ids=ENCRYPTED)
def test_an_encrypted_key_asks_for_its_password(options):
    with pytest.raises(pem.EncryptedKey, match="give its password"):
        pem.private_key(encrypted_key(*options))


@pytest.mark.parametrize("options", ENCRYPTED.values(), ids=ENCRYPTED)
def test_an_encrypted_key_opens_with_its_password(options):
    key = pem.private_key(encrypted_key(*options), b"secret")
    assert key.private_numbers() == openssl.identity().private.private_numbers()


@pytest.mark.parametrize("options", ENCRYPTED.values(), ids=ENCRYPTED)
def test_a_wrong_password_says_so(options):
    with pytest.raises(pem.EncryptedKey, match="does not open"):
        pem.private_key(encrypted_key(*options), b"wrong")


def test_an_open_key_ignores_a_password():
    assert pem.private_key(key_text(), b"secret").key_size == 2048


def test_a_key_survives_storage():
    key = openssl.identity().private
    stored = pem.private_key_der(key)
    assert pem.private_key(stored).private_numbers() == key.private_numbers()


def test_pem_lines_have_64_characters():
    text = pem.certificate_pem(openssl.identity().der)
    assert text == certificate_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----",
        b"\x30\x03abc",
        b"\xff\xfe",
        "x" * 2_000_000,
    ],
)
@pytest.mark.parametrize("reader", [pem.certificates, pem.private_key, pem.pair])
def test_junk_is_refused(reader, text):
    with pytest.raises(pem.BadPem):
        reader(text)
