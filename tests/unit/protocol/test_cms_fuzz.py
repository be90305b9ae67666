"""Hostile bytes: whatever comes, a reader answers or raises ProtocolError, and nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocol import openssl, scep_client
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms, cms_envelope, csr, issuance, pem, scep, x509
from zmdm_plugin.protocol.chain import Anchor, ChainPolicy, verify_chain
from zmdm_plugin.protocol.client_certificate import certificate_from_header

# A changed certificate may have a serial number or a date that `cryptography` warns about.
pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BODY = b"<plist><dict><key>Status</key><string>Idle</string></dict></plist>"
ANY_TIME = ChainPolicy(ignore_ca_expiry=True, ignore_leaf_expiry=True, client_usage=False)


@cache
def authority() -> issuance.Authority:
    device = openssl.identity("authority")
    return issuance.Authority(device.der, device.private)


def seal(content: bytes) -> bytes:
    return scep_client.seal(content, authority().certificate)


def scep_message() -> bytes:
    request = openssl.certificate_request(openssl.identity().key, challenge="s3cret")
    return scep_client.message(seal(request), openssl.identity())


def issued() -> bytes:
    spki = x509.facts(openssl.identity().der).spki
    year = timedelta(days=365)
    return issuance.issue(spki, authority(), subject=[("CN", "x")], at=NOW, lifetime=year)


def sign(*options: str, kind: str = "rsa:2048"):
    return lambda: openssl.sign(BODY, openssl.identity("device", kind), *options)


def read_detached(data: bytes) -> None:
    cms.verify_detached(data, BODY)


def read_envelope(data: bytes) -> None:
    cms_envelope.decrypt(data, authority().certificate, key=authority().key)


def read_chain(data: bytes) -> None:
    anchors = [Anchor(certificate=authority().certificate)]
    verify_chain(data, [data, authority().certificate], anchors=anchors, at=NOW, policy=ANY_TIME)


def read_spki(data: bytes) -> None:
    issuance.issue(data, authority(), subject=[("CN", "x")], at=NOW, lifetime=timedelta(days=1))


def read_header(data: bytes) -> None:
    certificate_from_header(f":{base64.b64encode(data).decode()}:")


READERS = {
    "plain": (sign("-noattr"), read_detached),
    "BER": (sign("-noattr", "-stream"), read_detached),
    "attributes": (sign(), read_detached),
    "key id": (sign("-keyid", "-stream"), read_detached),
    "PSS": (sign("-keyopt", "rsa_padding_mode:pss"), read_detached),
    "ECDSA": (sign(kind="ec:prime256v1"), read_detached),
    "attached": (sign("-nodetach", "-stream"), cms.verify_attached),
    "envelope": (lambda: seal(b"secret"), read_envelope),
    "SCEP": (scep_message, lambda data: scep.parse_request(data, [authority()])),
    "request": (lambda: openssl.certificate_request(openssl.identity().key), csr.parse_csr),
    "facts": (lambda: openssl.identity().der, x509.facts),
    "topic": (lambda: openssl.identity().der, x509.push_topic),
    "chain": (issued, read_chain),
    "spki": (lambda: x509.facts(openssl.identity().der).spki, read_spki),
    "header": (lambda: openssl.identity().der, read_header),
    "certificates": (lambda: openssl.identity().der, pem.certificates),
    "PEM pair": (lambda: openssl.identity().key.read_bytes(), pem.pair),
    "key": (lambda: pem.private_key_der(openssl.identity().private), pem.private_key),
}
SAMPLES = cache(lambda name: READERS[name][0]())

# Edits that keep most of a structure: it takes those to come past the first few bytes.
EDIT = st.tuples(
    st.sampled_from(["set", "set", "set", "cut", "insert", "drop"]),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.sampled_from([0, 1, 5, 0x30, 0x31, 0x7F, 0x80, 0xA0, 0xFF]), st.integers(0, 255)),
)


def mutated(sample: bytes, edits: list[tuple[str, float, int]]) -> bytes:
    data = bytearray(sample)
    for kind, where, byte in edits:
        at = int(where * len(data))
        if kind == "set" and data:
            data[at] = byte
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data.insert(at, byte)
        else:
            del data[at : at + byte]
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
def test_changed_bytes_raise_nothing_but_protocol_errors(name, edits):
    sample = mutated(SAMPLES(name), edits)
    try:
        READERS[name][1](sample)
    except ProtocolError as refusal:
        assert str(refusal)


@pytest.mark.parametrize("name", READERS)
@given(data=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_protocol_errors(name, data):
    with pytest.raises(ProtocolError):
        READERS[name][1](data)


@pytest.mark.parametrize("name", READERS)
def test_the_sample_itself_is_read(name):
    if name == "PEM pair":  # a key without its certificate
        with pytest.raises(ProtocolError):
            READERS[name][1](SAMPLES(name))
    else:
        READERS[name][1](SAMPLES(name))


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x80" * 100_000,
        b"\x24\x80" * 100_000,
        b"\x30\x88" + b"\xff" * 8,
        b"\x30\xff" + b"\x01" * 200,
        b"\x30\x80" + b"\x02\x00" * 200_000 + b"\0\0",
        b"\x3f\x81\x01\x00",
        b"\x04\x80\0\0",
    ],
)
@pytest.mark.parametrize("name", READERS)
def test_shapes_that_break_parsers_are_refused(name, data):
    with pytest.raises(ProtocolError):
        READERS[name][1](data)


@given(text=st.text(max_size=100))
def test_text_raises_nothing_but_protocol_errors(text):
    for reader in (
        cms.decode_header,
        certificate_from_header,
        scep.parse_query,
        scep.decode_message,
        pem.pair,
    ):
        try:
            reader(text)
        except ProtocolError:
            continue
