"""SCEP by GET, and what the authority says about itself."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from tests.unit.protocol import openssl, scep_client
from zmdm_plugin.protocol import issuance, scep, scep_reply

MESSAGE = bytes(range(256)) * 5 + b"\xfb\xff\xfe"  # base64 with plus signs and slashes
STANDARD = base64.b64encode(MESSAGE).decode()
URL_SAFE = base64.urlsafe_b64encode(MESSAGE).decode()

SPELLINGS = {
    "standard, escaped": quote(STANDARD, safe=""),
    "standard, raw": STANDARD,
    "standard, slashes raw": quote(STANDARD),
    "standard without padding": STANDARD.rstrip("="),
    "URL-safe": URL_SAFE,
    "URL-safe without padding": URL_SAFE.rstrip("="),
    "plus signs made spaces by a proxy": quote(STANDARD.replace("+", " "), safe=""),
    "in lines": quote(base64.encodebytes(MESSAGE).decode(), safe=""),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_each_spelling_of_a_message_is_read(spelling):
    query = scep.parse_query(f"operation=PKIOperation&message={spelling}")
    assert query.operation == "PKIOperation"
    assert scep.decode_message(query.message or "") == MESSAGE


def test_an_operation_may_stand_alone():
    assert scep.parse_query("operation=GetCACaps") == scep.ScepQuery("GetCACaps", None)


@pytest.mark.parametrize("raw", ["", "message=x", "operation=a&operation=b", "&&", "a=1&a=2"])
def test_an_ambiguous_query_is_refused(raw):
    with pytest.raises(scep.BadScepMessage):
        scep.parse_query(raw)


@pytest.mark.parametrize("message", ["!", "é", "A", "A" * 200_000])
def test_a_message_that_is_not_base64_is_refused(message):
    with pytest.raises(scep.BadScepMessage):
        scep.decode_message(message)


def test_weak_algorithms_are_advertised_only_where_they_are_allowed():
    strong = scep.capabilities().split()
    weak = scep.capabilities(allow_weak=True).split()
    assert {"AES", "POSTPKIOperation", "SHA-256", "SCEPStandard"} <= set(strong)
    assert set(weak) - set(strong) == {"DES3", "SHA-1"}


def test_one_authority_certificate_goes_bare():
    certificate = openssl.identity().der
    assert scep_reply.ca_certificates([certificate]) == (
        "application/x-x509-ca-cert",
        certificate,
    )


def test_several_authority_certificates_go_as_a_bundle_in_order():
    certificates = [openssl.identity("other").der, openssl.identity().der]
    kind, body = scep_reply.ca_certificates(certificates)
    assert kind == "application/x-x509-ca-ra-cert"
    assert scep_client.certificates_of(body) == certificates
    printed = openssl.run("pkcs7", "-inform", "DER", "-print_certs", "-noout", stdin=body)
    assert printed.count(b"subject=") == 2


def test_openssl_takes_the_authority_apart():
    key = issuance.new_rsa_key()
    made = issuance.make_ca([("CN", "Lab CA")], key, at=datetime(2026, 6, 1, tzinfo=UTC))
    printed = openssl.run("asn1parse", "-inform", "DER", stdin=made)
    assert b":Lab CA" in printed
