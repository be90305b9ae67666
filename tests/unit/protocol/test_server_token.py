"""Server tokens as portals make them: openssl encrypts, and our reader opens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol import openssl
from zmdm_plugin.protocol import pem, server_token
from zmdm_plugin.protocol.issuance import new_rsa_key
from zmdm_plugin.protocol.server_token import AnotherKey, BadServerToken

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CREDENTIALS = {
    "consumer_key": "CK_9dcd8190dde27dfddd92",
    "consumer_secret": "CS_27c083df1ab7271e",
    "access_token": "AT_O365587095O8247e0b5288",
    "access_secret": "AS_8c3313de9a3462014c6c",
    "access_token_expiry": "2027-11-14T21:27:41Z",
}
HEADERS = b"Content-Type: text/plain;charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
BARE = HEADERS + json.dumps(CREDENTIALS).encode() + b"\r\n"
DASHED = (
    HEADERS.replace(b"\r", b"")
    + b"-----BEGIN MESSAGE-----\n"
    + json.dumps(CREDENTIALS).encode()
    + b"\n-----END MESSAGE-----\n"
)
# Apple folds the first header without indenting its second line.
ENVELOPE_HEADERS = (
    b'Content-Type: application/pkcs7-mime; name="smime.p7m"; smime-type=enveloped-\ndata\n'
    b"Content-Transfer-Encoding: base64\n"
    b'Content-Disposition: attachment; filename="smime.p7m"\n\n'
)
OURS = openssl.identity("abm")


def sealed(content: bytes = BARE, *options: str, form: str = "DER") -> bytes:
    certificate = openssl.identity("abm").certificate
    arguments = ("cms", "-encrypt", "-binary", "-outform", form, *options, certificate)
    return openssl.run(*arguments, stdin=content)


def read(upload: bytes) -> server_token.ServerToken:
    return server_token.read(upload, OURS.der, key=OURS.private)


@pytest.mark.parametrize(
    "cipher",
    ["des3", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm"],
)
@pytest.mark.parametrize("encoding", ["der", "ber"])
def test_each_cipher_opens_in_der_and_in_ber(cipher: str, encoding: str) -> None:
    options = [f"-{cipher}", *(["-stream"] if encoding == "ber" else [])]
    token = read(sealed(BARE, *options))
    assert token.access_token == CREDENTIALS["access_token"]


@pytest.mark.parametrize("content", [BARE, DASHED], ids=["bare", "dashed"])
def test_both_texts_inside_are_read(content: bytes) -> None:
    token = read(sealed(content))
    assert token == server_token.ServerToken(
        consumer_key=CREDENTIALS["consumer_key"],
        consumer_secret=CREDENTIALS["consumer_secret"],
        access_token=CREDENTIALS["access_token"],
        access_secret=CREDENTIALS["access_secret"],
        expires_at=datetime(2027, 11, 14, 21, 27, 41, tzinfo=UTC),
    )


def test_the_mime_of_apples_portal_is_read_though_its_header_is_badly_folded() -> None:
    upload = ENVELOPE_HEADERS + base64.encodebytes(sealed(BARE, "-stream"))
    assert read(upload).consumer_key == CREDENTIALS["consumer_key"]


@pytest.mark.parametrize("form", ["SMIME", "PEM"])
def test_mime_and_pem_are_read_with_either_line_end(form: str) -> None:
    upload = sealed(form=form)
    unix = upload.replace(b"\r\n", b"\n")
    assert read(unix) == read(unix.replace(b"\n", b"\r\n")) == read(b"\n" + unix)


def test_bare_base64_is_read() -> None:
    assert read(base64.b64encode(sealed())).consumer_key == CREDENTIALS["consumer_key"]


def test_lines_broken_inside_of_strings_are_joined() -> None:
    broken = BARE.replace(b"CS_27c083", b"CS_27\nc083")
    assert read(sealed(broken)).consumer_secret == CREDENTIALS["consumer_secret"]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_the_text_inside_may_be_encoded(encoding: str) -> None:
    plain = json.dumps(CREDENTIALS).encode()
    body = base64.encodebytes(plain) if encoding == "base64" else plain.replace(b"=", b"=3D")
    content = b"Content-Transfer-Encoding: " + encoding.encode() + b"\n\n" + body
    assert read(sealed(content)).access_secret == CREDENTIALS["access_secret"]


@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-256-gcm"])
def test_a_token_for_another_key_says_so(cipher: str) -> None:
    other = openssl.identity("other")
    with pytest.raises(AnotherKey, match="made for another public key"):
        server_token.read(sealed(BARE, f"-{cipher}"), other.der, key=other.private)


@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-256-gcm"])
def test_the_right_certificate_with_a_wrong_key_does_not_open(cipher: str) -> None:
    other = openssl.identity("other").private
    with pytest.raises(BadServerToken):
        server_token.read(sealed(BARE, f"-{cipher}"), OURS.der, key=other)


def test_a_changed_byte_under_gcm_is_found() -> None:
    upload = bytearray(sealed(BARE, "-aes-256-gcm"))
    upload[-40] ^= 1
    with pytest.raises(BadServerToken, match="download it from the portal again"):
        read(bytes(upload))


def test_single_des_is_refused() -> None:
    upload = sealed(BARE, "-des-cbc", "-provider", "legacy", "-provider", "default")
    with pytest.raises(BadServerToken, match="too weak"):
        read(upload)


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        (BARE[len(HEADERS) :], "already decrypted"),
        (b"", "not a server token"),
        (b"<html>Sign in</html>", "not a server token"),
        (b"\x30\x03\x02\x01\x00", "not a server token"),
        (b"x" * (server_token.MAX_SIZE + 1), "too long"),
        (openssl.sign(BARE, OURS, "-nodetach"), "not a server token"),
    ],
)
def test_what_is_no_token_is_refused_with_what_to_do(upload: bytes, why: str) -> None:
    with pytest.raises(BadServerToken, match=why):
        read(upload)


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
@pytest.mark.parametrize("value", [None, 7, "", "with space", "\u00fc", "x" * 1025])
def test_every_value_must_be_there_and_be_plain(name: str, value: object) -> None:
    with pytest.raises(BadServerToken, match=name):
        server_token.parse(json.dumps({**CREDENTIALS, name: value}).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}}", b'{"a":' * 5000 + b"}"])
def test_a_text_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BadServerToken):
        server_token.parse(text)


def test_an_expiry_without_zone_is_utc_and_others_become_it() -> None:
    for value, hour in (("2027-11-14T21:27:41", 21), ("2027-11-14T21:27:41+02:00", 19)):
        text = json.dumps({**CREDENTIALS, "access_token_expiry": value}).encode()
        assert server_token.parse(text).expires_at.hour == hour


def test_printing_a_token_shows_no_secret() -> None:
    shown = repr(read(sealed()))
    assert CREDENTIALS["consumer_key"] in shown
    for name in ("consumer_secret", "access_token", "access_secret"):
        assert CREDENTIALS[name] not in shown


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(upload: bytes) -> None:
    with pytest.raises(BadServerToken):
        read(upload)
    with pytest.raises(BadServerToken):
        read(b"\x30" + upload)


def test_openssl_seals_to_the_certificate_we_make() -> None:
    key = new_rsa_key()
    der = server_token.make_certificate("Example MDM", key, at=NOW)
    place = openssl.file("public.pem", pem.certificate_pem(der).encode())
    upload = openssl.run("cms", "-encrypt", "-binary", "-outform", "DER", place, stdin=BARE)
    assert server_token.read(upload, der, key=key).consumer_key == CREDENTIALS["consumer_key"]


def test_two_certificates_around_one_key_are_told_apart() -> None:
    key = new_rsa_key()
    one, two = (server_token.make_certificate("Example MDM", key, at=NOW) for _ in range(2))
    place = openssl.file("one.pem", pem.certificate_pem(one).encode())
    upload = openssl.run("cms", "-encrypt", "-binary", "-outform", "DER", place, stdin=BARE)
    with pytest.raises(AnotherKey):
        server_token.read(upload, two, key=key)


def test_the_certificate_names_us_and_is_no_authority() -> None:
    der = server_token.make_certificate("Example MDM", new_rsa_key(), at=NOW)
    made = x509.load_der_x509_certificate(der)
    [name] = made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "Example MDM"
    assert made.not_valid_before_utc < NOW < made.not_valid_after_utc
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
