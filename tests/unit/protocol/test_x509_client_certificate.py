"""The client certificate in a proxy's header."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from tests.unit.protocol import openssl
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.client_certificate import certificate_from_header


def pem() -> str:
    return openssl.identity().certificate.read_text()


def bare() -> str:
    return base64.b64encode(openssl.identity().der).decode()


SPELLINGS = {
    "URL-escaped PEM": lambda: quote(pem(), safe=""),
    "URL-escaped PEM with plus and slash kept": lambda: quote(pem(), safe="+/="),
    "RFC 9440": lambda: f":{bare()}:",
    "RFC 9440 with parameters": lambda: f":{bare()}:; a=b",
    "PEM with spaces": lambda: pem().replace("\n", " "),
    "PEM with tabs": lambda: pem().replace("\n", "\n\t"),
    "PEM as it is": pem,
    "two certificates": lambda: quote(pem() + openssl.identity("other").certificate.read_text()),
    "bare base64": bare,
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_each_spelling_gives_the_first_certificate(spelling):
    assert certificate_from_header(spelling()) == openssl.identity().der


@pytest.mark.parametrize(
    "value",
    [
        "",
        "(null)",
        ":",
        "::",
        ":YWJj:",
        ":YWJj",
        "YWJj",
        "-----BEGIN CERTIFICATE----- YWJj",
        "-----BEGIN CERTIFICATE----- YWJj -----END CERTIFICATE-----",
        "%2D%2D%FF",
        "é",
        "A" * 70000,
    ],
)
def test_anything_else_is_refused(value):
    with pytest.raises(ProtocolError):
        certificate_from_header(value)
