"""Whom a certificate chains to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.unit.protocol import openssl
from zmdm_plugin.protocol import apple_trust
from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm
from zmdm_plugin.protocol.chain import Anchor, ChainPolicy, UntrustedCertificate, verify_chain
from zmdm_plugin.protocol.x509 import facts

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CA = x509.BasicConstraints(ca=True, path_length=None)


@cache
def key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def usage(*names: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: name in names for name in every.split()})


def purposes(*oids) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(oids)


def certify(subject: str, issuer: str, *extensions, until=NOW + timedelta(days=90), **changes):
    """A certificate (DER) of `subject` by the key of `issuer`."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (subject, issuer)]
    builder = (
        x509.CertificateBuilder(*reversed(names))
        .public_key(key(subject, changes.get("bits", 2048)).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=900))
        .not_valid_after(until)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, changes.get("critical", True))
    signer = key(issuer, changes.get("issuer_bits", 2048))
    signed = builder.sign(signer, changes.get("digest", hashes.SHA256()))
    return signed.public_bytes(serialization.Encoding.DER)


def root(**changes) -> bytes:
    return certify("root", "root", CA, **changes)


def chain(leaf: bytes, *intermediates: bytes, anchor: bytes | None = None, at=NOW, **policy):
    anchors = [Anchor(certificate=anchor or root())]
    return verify_chain(leaf, intermediates, anchors=anchors, at=at, policy=ChainPolicy(**policy))


def refusal(*arguments, **named) -> str:
    with pytest.raises(UntrustedCertificate) as refused:
        chain(*arguments, **named)
    return str(refused.value)


def test_a_leaf_of_the_anchor_is_trusted():
    anchor = root()
    leaf = certify("device", "root")
    assert chain(leaf, anchor=anchor) == (leaf, anchor)


def test_intermediates_may_come_in_any_order_with_strangers_between():
    anchor = root()
    top, low = certify("top", "root", CA), certify("low", "top", CA)
    leaf = certify("device", "low")
    assert chain(leaf, low, certify("x", "y", CA), leaf, top, anchor=anchor) == (
        leaf, low, top, anchor,
    )  # fmt: skip


def test_a_stranger_is_refused():
    assert "not issued by anyone" in refusal(certify("device", "stranger"))


def test_the_name_alone_proves_nothing():
    forged = certify("device", "root", issuer_bits=2049)
    assert "not issued by anyone" in refusal(forged)


def test_a_bare_key_is_an_anchor_whatever_its_certificate_says():
    leaf = certify("device", "root")
    anchor = Anchor(spki=facts(root()).spki)
    assert verify_chain(leaf, [], anchors=[anchor], at=NOW) == (leaf,)


@pytest.mark.parametrize("at", [NOW - timedelta(days=901), NOW + timedelta(days=91)])
def test_a_leaf_out_of_its_dates_is_refused(at):
    leaf = certify("device", "root")
    with pytest.raises(UntrustedCertificate, match=r"expired|not valid yet"):
        chain(leaf, at=at)
    assert chain(leaf, at=at, ignore_leaf_expiry=True, ignore_ca_expiry=True)


def test_an_expired_authority_is_refused_unless_its_dates_are_ignored():
    past = NOW - timedelta(days=1)
    low = certify("low", "root", CA, until=past)
    leaf = certify("device", "low")
    assert "expired" in refusal(leaf, low)
    assert chain(leaf, low, anchor=root(until=past), ignore_ca_expiry=True)


def test_ignoring_authorities_keeps_the_dates_of_the_leaf():
    leaf = certify("device", "root", until=NOW - timedelta(days=1))
    assert "expired" in refusal(leaf, ignore_ca_expiry=True)


@pytest.mark.parametrize(
    ("extensions", "why"),
    [
        ((), "no certificate authority"),
        ((x509.BasicConstraints(ca=False, path_length=None),), "no certificate authority"),
        ((CA, usage("digital_signature")), "may not sign certificates"),
        ((CA, purposes(ExtendedKeyUsageOID.SERVER_AUTH)), "not meant for clients"),
        ((CA, x509.InhibitAnyPolicy(0)), "limit that we do not understand"),
    ],
)
def test_not_everyone_may_issue(extensions, why):
    assert why in refusal(certify("device", "low"), certify("low", "root", *extensions))


def test_a_chain_longer_than_allowed_is_refused():
    short = x509.BasicConstraints(ca=True, path_length=0)
    top, low = certify("top", "root", short), certify("low", "top", CA)
    assert chain(certify("device", "top"), top)
    assert "longer than" in refusal(certify("device", "low"), low, top)


@pytest.mark.parametrize(
    ("extension", "why"),
    [
        (purposes(ExtendedKeyUsageOID.SERVER_AUTH), "not meant for clients"),
        (purposes(ExtendedKeyUsageOID.CODE_SIGNING), "not meant for clients"),
        (usage("key_encipherment"), "may not sign"),
        (x509.InhibitAnyPolicy(0), "limit that we do not understand"),
    ],
)
def test_a_leaf_for_other_purposes_is_refused(extension, why):
    assert why in refusal(certify("device", "root", extension))


@pytest.mark.parametrize(
    "extension",
    [
        purposes(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
        purposes(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        usage("digital_signature"),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113635.100.6.99"), b"\x05\x00"),
    ],
)
def test_a_leaf_for_clients_is_trusted(extension):
    assert chain(certify("device", "root", extension))


def test_a_short_leaf_key_is_refused_unless_allowed():
    leaf = certify("factory", "root", bits=1024)
    with pytest.raises(UnsupportedAlgorithm, match="1024"):
        chain(leaf)
    assert chain(leaf, minimum_rsa_bits=1024)


def test_sha1_below_an_authority_is_refused_unless_allowed():
    issuer = openssl.identity("issuer")
    request = openssl.file("sha1.csr", openssl.certificate_request(openssl.identity().key))
    leaf = openssl.run(
        "x509", "-req", "-inform", "DER", "-in", request, "-CA", issuer.certificate, "-CAkey",
        issuer.key, "-CAcreateserial", "-sha1", "-outform", "DER",
    )  # fmt: skip
    anywhen = {"ignore_leaf_expiry": True, "ignore_ca_expiry": True, "anchor": issuer.der}
    assert "SHA-1" in refusal(leaf, **anywhen)
    assert chain(leaf, allow_sha1=True, **anywhen)


def test_a_circle_of_authorities_ends():
    ring = [certify(one, other, CA) for one, other in ("ab", "bc", "ca")]
    assert "not issued by anyone" in refusal(certify("device", "a"), *ring)


def test_a_bag_of_look_alikes_costs_a_bounded_number_of_checks():
    bag = [certify("a", "a", CA, until=NOW + timedelta(days=day)) for day in range(80)]
    assert "too many" in refusal(certify("device", "a"), *bag)


def test_the_published_keys_of_apple_load_with_their_sizes():
    sizes = {
        anchor.label: serialization.load_der_public_key(anchor.spki).key_size
        for anchor in apple_trust.DEVICE_ANCHORS
    }
    assert sizes == {
        "Apple iPhone Device CA": 1024,
        "Apple iPhone Certification Authority": 2048,
        "Apple Root CA": 2048,
    }


def test_a_stranger_is_no_device_of_apple():
    with pytest.raises(UntrustedCertificate):
        verify_chain(
            certify("device", "Apple iPhone Device CA"), [], anchors=apple_trust.DEVICE_ANCHORS,
            at=NOW, policy=apple_trust.DEVICE_POLICY,
        )  # fmt: skip
