"""What tests of identities do to devices and rows, one step at a time.

A device enrolls by `device.enroll(profile)`; here are the steps apart: an identity from a profile
(`apply_for`), Authenticate and TokenUpdate with any identity, and time that has passed, written
into rows and certificates.
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.road import Road
from zmdm_plugin import clock
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import issuance
from zmdm_plugin.services import ca
from zmdm_simulator import channel, checkins, conversation, enrollment
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import load, mdm_of


def apply_for(device: SimulatedDevice, profile: bytes) -> Identity:
    """The certificate that a profile leads to; the device has said nothing with it yet."""
    device.mdm = mdm_of(load(profile))
    device.channels.setdefault("device", channel.Channel())
    return obtain(device, profile)


def obtain(device: SimulatedDevice, profile: bytes) -> Identity:
    """The certificate of another profile, for a device that goes on with the one it has."""
    loaded = load(profile)
    return enrollment.enroll_identity(device, loaded.payload(mdm_of(loaded).identity_uuid))


def authenticate(
    device: SimulatedDevice, identity: Identity | None = None, **changes: Any
) -> httpx.Response:
    body = {**checkins.authenticate(device, device.channel()), **changes}
    return device.check_in(body, identity=identity)


def token_update(
    device: SimulatedDevice, identity: Identity | None = None, **changes: Any
) -> httpx.Response:
    body = {**checkins.token_update(device, device.channel()), **changes}
    return device.check_in(body, identity=identity)


def poll(
    device: SimulatedDevice, identity: Identity | None = None, user: str | None = None
) -> httpx.Response:
    """One Idle, and whatever the server answers; nothing is carried out."""
    body = conversation.idle(device, device.channel(user))
    return device.wire.connect(body, identity=identity)


def answer(
    device: SimulatedDevice, uuid: str, identity: Identity | None = None, **keys: Any
) -> httpx.Response:
    """An answer to a command, Acknowledged unless `Status` says otherwise."""
    who = checkins.who(device, device.channel())
    body = {"Status": "Acknowledged", "CommandUUID": uuid, **who, **keys}
    return device.wire.connect(plistlib.dumps(body), identity=identity)


def command(response: httpx.Response) -> tuple[str, dict[str, Any]]:
    """CommandUUID and Command of an answer."""
    body = plistlib.loads(response.content)
    return body["CommandUUID"], body["Command"]


@contextmanager
def after(by: timedelta, *devices: SimulatedDevice) -> Iterator[None]:
    """Let so much time have passed, on the server and by these devices' clocks."""
    for device in devices:
        device.clock_skew += by
    try:
        with clock.shifted(by):
            yield
    finally:
        for device in devices:
            device.clock_skew -= by


def fall_silent(road: Road, device: SimulatedDevice) -> None:
    """Let the device and its users have been away for an hour."""
    with road.rows() as session:
        session.execute(
            sa.update(Channel)
            .where(Channel.device_id == road.row(device).id)
            .values(last_seen_at=utcnow() - timedelta(hours=1))
        )


def fall_due(road: Road, device: SimulatedDevice) -> None:
    """Let the device's identity end in ten days, and the planner look at once."""
    with road.rows():
        pinned, now = road.identities(device)[-1], utcnow()
        pinned.not_before, pinned.not_after = now - timedelta(days=355), now + timedelta(days=10)
        road.channel(device).plan_due_at = now


def expire(road: Road, device: SimulatedDevice) -> None:
    """Let the device have been away until its certificate ended, a week ago."""
    aged = aged_identity(road, device.own_identity)
    with road.rows():
        pinned = road.identities(device)[-1]
        pinned.fingerprint, pinned.certificate = aged.fingerprint, _der(aged)
        pinned.not_before = aged.certificate.not_valid_before_utc
        pinned.not_after = aged.certificate.not_valid_after_utc
        road.channel(device).plan_due_at = utcnow()
    device.identity = aged


def aged_identity(road: Road, identity: Identity) -> Identity:
    """A certificate of our CA for the same key, which ended a week ago."""
    spki = identity.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with road.rows():
        der = issuance.issue(
            spki,
            ca.issuing().authority,
            subject=[("CN", "aged")],
            at=utcnow() - timedelta(days=372),
            lifetime=timedelta(days=365),
        )
    return Identity(x509.load_der_x509_certificate(der), identity.key)


def _der(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(serialization.Encoding.DER)
