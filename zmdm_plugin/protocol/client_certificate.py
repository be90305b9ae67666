"""The client certificate as TLS proxies hand it on, in the spellings that exist."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import unquote

from cryptography import x509

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.boundary import refuses

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_MAX_HEADER: Final = 65536  # characters


class BadClientCertificate(ProtocolError):
    """The header of the proxy holds no certificate."""


@refuses(BadClientCertificate, "the client certificate header holds no certificate")
def certificate_from_header(value: str) -> bytes:
    """The certificate (DER) in a proxy's header.

    Known spellings: `:base64:` (RFC 9440), URL-escaped PEM (nginx), PEM whose line ends became
    spaces or tabs (nginx `$ssl_client_cert`, Apache), and bare base64 (Traefik).
    """
    value = value.strip()
    if len(value) > _MAX_HEADER:
        raise BadClientCertificate("the client certificate header is too long")
    if value.startswith(":"):
        body, mark, _ = value[1:].partition(":")
        if not mark:
            raise BadClientCertificate("the client certificate header lacks its closing colon")
    else:
        body = _pem_body(unquote(value) if "%" in value else value)
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadClientCertificate("the client certificate header is not base64") from None
    x509.load_der_x509_certificate(der)
    return der


def _pem_body(text: str) -> str:
    """What stands between the first pair of marks; the whole text when there are none."""
    if _BEGIN not in text:
        return text
    body, end, _ = text.partition(_BEGIN)[2].partition(_END)
    if not end:
        raise BadClientCertificate("the client certificate header is cut short")
    return body
