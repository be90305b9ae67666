"""What simulated devices sign and encrypt, with OpenSSL's command line as the other side."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from zmdm_simulator import cms, envelope, pki
from zmdm_simulator.errors import WireError

CONTENT = b"<plist>\r\n" + bytes(range(256)) * 9
STYLES = [
    cms.REAL_DEVICE,
    cms.DER_STYLE,
    cms.OLD_DEVICE,
    cms.Style(ber=True, attributes=True),
    cms.Style(ber=False, attributes=False),
]
FLAGS = {"des": "-des", "3des": "-des3", "aes128": "-aes128", "aes256": "-aes256"}
# OpenSSL 3 keeps single DES in its legacy provider.
LEGACY = ("-provider", "legacy", "-provider", "default")


@pytest.fixture(scope="module")
def identity() -> pki.Identity:
    return pki.self_signed([("CN", "A device")], key=pki.new_key())


@pytest.fixture
def folder(tmp_path: Path, identity: pki.Identity) -> Path:
    (tmp_path / "identity.pem").write_text(identity.to_pem())
    (tmp_path / "content").write_bytes(CONTENT)
    return tmp_path


def openssl(folder: Path, *words: str) -> bytes:
    done = subprocess.run(
        ["openssl", "cms", *words], cwd=folder, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_openssl_verifies_a_detached_signature(
    folder: Path, identity: pki.Identity, style: cms.Style
) -> None:
    (folder / "signed").write_bytes(cms.sign_detached(CONTENT, identity, style=style))
    words = ("-verify", "-binary", "-inform", "DER", "-noverify", "-in", "signed")
    assert openssl(folder, *words, "-content", "content") == CONTENT


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_openssl_reads_an_attached_signature(
    folder: Path, identity: pki.Identity, style: cms.Style
) -> None:
    (folder / "signed").write_bytes(cms.sign_attached(CONTENT, identity, style=style))
    words = ("-verify", "-binary", "-inform", "DER", "-noverify", "-in", "signed")
    assert openssl(folder, *words) == CONTENT


def test_a_real_devices_signature_is_ber_and_signs_the_body_itself(identity: pki.Identity) -> None:
    signed = cms.sign_detached(CONTENT, identity)
    assert signed[:2] == b"\x30\x80"
    assert not cms.verify_detached(signed, CONTENT).attributes


@pytest.mark.parametrize("more", [(), ("-noattr",), ("-stream", "-noattr")], ids=str)
def test_what_openssl_signed_is_read(folder: Path, more: tuple[str, ...]) -> None:
    words = ("-sign", "-binary", "-nodetach", "-signer", "identity.pem", "-outform", "DER")
    signed = openssl(folder, *words, "-in", "content", *more)
    assert cms.verify_attached(signed).content == CONTENT


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_another_body_does_not_verify(identity: pki.Identity, style: cms.Style) -> None:
    signed = cms.sign_detached(CONTENT, identity, style=style)
    with pytest.raises(WireError):
        cms.verify_detached(signed, CONTENT + b" ")


@pytest.mark.parametrize("cipher", envelope.CIPHERS)
def test_openssl_opens_an_envelope(folder: Path, identity: pki.Identity, cipher: str) -> None:
    sealed = envelope.encrypt(CONTENT, identity.certificate, cipher=cipher)
    (folder / "sealed").write_bytes(sealed)
    keys = ("-recip", "identity.pem", "-inkey", "identity.pem")
    words = ("-decrypt", *LEGACY, "-binary", "-inform", "DER", "-in", "sealed", *keys)
    assert openssl(folder, *words) == CONTENT


@pytest.mark.parametrize("cipher", envelope.CIPHERS)
def test_an_envelope_of_openssl_is_opened(
    folder: Path, identity: pki.Identity, cipher: str
) -> None:
    words = ("-encrypt", *LEGACY, "-binary", "-stream", "-outform", "DER", FLAGS[cipher])
    sealed = openssl(folder, *words, "-in", "content", "identity.pem")
    assert envelope.decrypt(sealed, identity) == CONTENT


def test_an_envelope_for_somebody_else_stays_closed(identity: pki.Identity) -> None:
    other = pki.self_signed([("CN", "Another device")], key=pki.new_key())
    with pytest.raises(WireError):
        envelope.decrypt(envelope.encrypt(CONTENT, other.certificate), identity)
