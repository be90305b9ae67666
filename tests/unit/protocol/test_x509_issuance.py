"""The built-in authority, judged by openssl."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.unit.protocol import openssl
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import chain, issuance, pem
from zmdm_plugin.protocol.issuance import Authority
from zmdm_plugin.protocol.x509 import facts

NOW = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
YEAR = timedelta(days=365)


@cache
def authority(bits: int = 2048) -> Authority:
    key = issuance.new_rsa_key(bits)
    return Authority(issuance.make_ca([("CN", "Lab CA"), ("O", "Example")], key, at=NOW), key)


def spki(name: str = "device", kind: str = "rsa:2048") -> bytes:
    return facts(openssl.identity(name, kind).der).spki


def leaf(**changes) -> bytes:
    arguments = {"subject": [("CN", "MDM$1")], "at": NOW, "lifetime": YEAR, **changes}
    key = arguments.pop("spki", None) or spki()
    return issuance.issue(key, arguments.pop("authority", authority()), **arguments)


def verified_by_openssl(certificate: bytes, issuer: bytes, at: datetime) -> bool:
    anchor = openssl.file("anchor.pem", pem.certificate_pem(issuer).encode())
    candidate = openssl.file("candidate.pem", pem.certificate_pem(certificate).encode())
    when = str(int(at.timestamp()))
    out = openssl.run(
        "verify", "-x509_strict", "-purpose", "sslclient", "-attime", when, "-CAfile", anchor,
        candidate,
    )  # fmt: skip
    return b": OK" in out


def test_openssl_trusts_what_the_authority_issues():
    assert verified_by_openssl(leaf(), authority().certificate, NOW)


def test_subject_and_validity_are_those_of_the_arguments():
    issued = facts(leaf(subject=[("CN", "MDM$x"), ("O", "Example"), ("serialNumber", "C02")]))
    assert issued.subject == (("CN", "MDM$x"), ("O", "Example"), ("serialNumber", "C02"))
    assert issued.not_before == datetime(2026, 6, 1, 11, 50, tzinfo=UTC)
    assert issued.not_after == datetime(2027, 6, 1, 12, 0, tzinfo=UTC)


def test_a_leaf_signs_and_identifies_clients_only():
    issued = facts(leaf())
    assert issued.key_usage == {"digital_signature", "key_encipherment"}
    assert issued.extended_key_usage == {"1.3.6.1.5.5.7.3.2"}
    assert not issued.is_ca


def test_an_elliptic_curve_leaf_enciphers_no_keys():
    issued = facts(leaf(spki=spki("curve", "ec:prime256v1")))
    assert (issued.key_type, issued.key_usage) == ("ec", {"digital_signature"})


def test_a_leaf_never_outlives_its_authority():
    issued = facts(leaf(lifetime=timedelta(days=9000)))
    assert issued.not_after == facts(authority().certificate).not_after


def test_serial_numbers_differ():
    assert facts(leaf()).serial != facts(leaf()).serial


@pytest.mark.parametrize("bits", [2048, 4096])
def test_scep_clients_may_seal_to_the_authority(bits):
    made = facts(authority(bits).certificate)
    assert (made.key_bits, made.is_ca) == (bits, True)
    assert {"key_encipherment", "key_cert_sign"} <= (made.key_usage or set())


def test_the_authority_has_no_authorities_below():
    loaded = x509.load_der_x509_certificate(authority().certificate)
    constraints = loaded.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 0)


def test_a_renewed_authority_verifies_what_the_former_issued():
    old = authority()
    later = NOW + timedelta(days=3000)
    renewed = issuance.renew_ca(old.certificate, old.key, at=later)
    assert verified_by_openssl(leaf(lifetime=timedelta(days=3500)), renewed, later)


def test_both_generations_are_trusted_when_the_key_changes():
    old = authority()
    key = issuance.new_rsa_key()
    new = Authority(issuance.renew_ca(old.certificate, key, at=NOW), key)
    anchors = [chain.Anchor(certificate=one.certificate) for one in (new, old)]
    for issuer in (old, new):
        issued = leaf(authority=issuer)
        found = chain.verify_chain(issued, [], anchors=anchors, at=NOW)
        assert found == (issued, issuer.certificate)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": [("CN", "x" * 65)]},
        {"subject": [("CN", "")]},
        {"subject": [("nonsense", "x")]},
        {"subject": [("C", "too long")]},
        {"at": NOW.replace(tzinfo=None)},
        {"spki": b"junk"},
        {"spki": spki("factory", "rsa:1024")},
    ],
)  # fmt: skip
def test_what_cannot_be_issued_is_a_protocol_error(changes):
    with pytest.raises(ProtocolError):
        leaf(**changes)


def test_the_key_id_of_the_issuer_is_the_one_that_it_carries():
    issued = x509.load_der_x509_certificate(leaf())
    issuer = x509.load_der_x509_certificate(authority().certificate)
    named = issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert named.key_identifier == own.digest
    assert (
        issued.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        == spki()
    )
