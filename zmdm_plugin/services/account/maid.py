"""GetToken com.apple.maid: our word to Apple for a Managed Apple Account on a device of ours.

https://developer.apple.com/documentation/devicemanagement/gettokenresponse
"""

from __future__ import annotations

import base64
import json
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.models import DepVirtualServer, Device
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import vault

SERVICE: Final = "com.apple.maid"


def can_answer() -> bool:
    """Whether a service at Apple is connected: its key is what signs the token."""
    return _server() is not None


def token(_device: Device) -> bytes:
    """The signed token; ProtocolError (400) when no service is connected any more."""
    server = _server()
    if server is None:
        raise ProtocolError(f"{SERVICE} is not offered: no device management service is connected")
    kept = vault.unseal(server, "private_key")
    key = pem.private_key(kept or b"")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ProtocolError(f"{SERVICE} is not offered: the service's key is no RSA key")
    claims = {
        "iss": server.uuid,
        "iat": int(utcnow().timestamp()),
        "jti": new_uid(),
        "service_type": SERVICE,
    }
    signed = b".".join(map(_part, ({"alg": "RS256", "typ": "JWT"}, claims)))
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return signed + b"." + _base64(signature)


def _server() -> DepVirtualServer | None:
    """The service that was connected first; Managed Apple Accounts belong to its organization."""
    return session().scalar(
        sa.select(DepVirtualServer)
        .where(DepVirtualServer.uuid.is_not(None), DepVirtualServer.private_key.is_not(None))
        .order_by(DepVirtualServer.id)
        .limit(1)
    )


def _part(value: object) -> bytes:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
