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
from zmdm_plugin.models import (
    AccountSettings,
    AdeSettings,
    DepDevice,
    DepVirtualServer,
    Device,
    EnrollmentSession,
)
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import vault

SERVICE: Final = "com.apple.maid"
_SIGNS: Final = (DepVirtualServer.uuid.is_not(None), DepVirtualServer.private_key.is_not(None))


def can_answer() -> bool:
    """Whether a service at Apple is connected: its key is what signs the token."""
    return session().scalar(sa.select(DepVirtualServer.id).where(*_SIGNS).limit(1)) is not None


def token(device: Device) -> bytes:
    """The signed token; ProtocolError (400) when no service is connected any more."""
    server = _server(device)
    if server is None:
        raise ProtocolError(f"{SERVICE} is not offered: no device management service is connected")
    kept = vault.unseal(server, "private_key")
    key = pem.kept_key(kept or b"")
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


def voucher(server_id: int | None) -> DepVirtualServer | None:
    """Who signs for devices that are no organization's, where an enrollment names this service."""
    named = DepVirtualServer.id == server_id
    query = sa.select(DepVirtualServer).where(*_SIGNS)
    return session().scalar(query.order_by(named.desc(), DepVirtualServer.id).limit(1))


def _server(device: Device) -> DepVirtualServer | None:
    """The service whose organization the device belongs to, for it vouches for its accounts.

    That is the one it is assigned to, or that its enrollment is for; of a device that is no
    organization's, the one that its enrollment names, or else that was connected first.
    """
    assigned = sa.select(DepDevice.server_id).where(
        DepDevice.serial_number == device.serial_number,
        DepDevice.deleted_at.is_(None),
        DepDevice.disowned_at.is_(None),
    )
    nearest = sa.case(
        (DepVirtualServer.id.in_(assigned), 0),
        (DepVirtualServer.id.in_(_named(AdeSettings, device)), 1),
        (DepVirtualServer.id.in_(_named(AccountSettings, device)), 1),
        else_=2,
    )
    query = sa.select(DepVirtualServer).where(*_SIGNS)
    return session().scalar(query.order_by(nearest, DepVirtualServer.id).limit(1))


def _named(
    settings: type[AdeSettings] | type[AccountSettings], device: Device
) -> sa.Select[int | None]:
    """The service that the enrollment which the device came through names."""
    came = EnrollmentSession.enrollment_id == settings.enrollment_id
    query = sa.select(settings.server_id).join(EnrollmentSession, came)
    return query.where(EnrollmentSession.id == device.session_id, settings.server_id.is_not(None))


def _part(value: object) -> bytes:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
