"""A fleet as rows: devices of every kind and in every state, for screens and lists.

Nothing here went over a wire; what the wire does is tested elsewhere.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from zmdm_plugin import db
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    Enrollment,
    EnrollmentSession,
    Event,
    Identity,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import plist
from zmdm_plugin.services import vault

KINDS = (
    # name, model, model name, platform, OS, Apple silicon
    ("MacBook Pro of {}", "Mac15,3", "MacBook Pro", "macOS", "15.1", True),
    ("iMac of {}", "iMac19,1", "iMac", "macOS", "14.7.1", False),
    ("{}’s iPhone", "iPhone16,1", "iPhone 15 Pro", "iOS", "18.1", None),
    ("{}’s iPad", "iPad14,3", "iPad Pro (11-inch)", "iPadOS", "17.6", None),
    ("Apple TV {}", "AppleTV14,1", "Apple TV 4K", "tvOS", "18.0", None),
    ("MacBook Air of {}", "MacBookAir10,1", "MacBook Air", "macOS", "15.1", True),
)
PEOPLE = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Margaret", "Linus", "Radia")
PEOPLE += ("Frances", "Tony", "Adele", "Niklaus", "Shafi", "Leslie", "Katherine", "Ken", "Lynn")
PEOPLE += ("Dennis", "Jean", "Robin", "Anita", "Vint", "Mary", "Bjarne", "Sophie", "John")
_CHUNK = 5000


def base(session: Session) -> Enrollment:
    """What every fleet needs: a push certificate, an issuer and an enrollment."""
    now = utcnow()
    push = PushCertificate(
        name="Example Ltd",
        topic="com.apple.mgmt.External.6ad3a1a4",
        not_before=now - timedelta(days=343),
        not_after=now + timedelta(days=22),
    )
    issuer = ScepIssuer(name="Built-in", kind="builtin")
    session.add_all([push, issuer])
    session.flush()
    enrollment = Enrollment(
        kind="ota",
        name="Staff",
        display_name="Example Ltd – staff devices",
        push_certificate_id=push.id,
        scep_issuer_id=issuer.id,
        secret_hash="0" * 64,
    )
    session.add(enrollment)
    session.flush()
    return enrollment


def seen_at(number: int, now: datetime) -> datetime:
    """Within two days, but every ninth has been silent for two weeks."""
    return now - timedelta(minutes=number * 7 % 2880 + (0 if number % 9 else 20000))


def device_row(number: int, enrollment_session: int | None, now: datetime) -> dict[str, Any]:
    """One device; every tenth is not simply enrolled."""
    name, model, model_name, platform, os_version, silicon = KINDS[number % len(KINDS)]
    seen = seen_at(number, now)
    return {
        "id": number + 1,
        "uid": new_uid(),
        "udid": f"{number:08X}-001C-4D12-A5B0-{number:012X}",
        "serial_number": f"C02{number * 7919 % 0xFFFFFF:06X}{number % 36:02d}",
        "name": name.format(PEOPLE[number % len(PEOPLE)])
        + (f" {number}" if number >= len(PEOPLE) else ""),
        "model": model,
        "model_name": model_name,
        "platform": platform,
        "os_version": os_version,
        "apple_silicon": silicon,
        "supervised": platform != "macOS" or number % 2 == 0,
        "session_id": enrollment_session,
        "payload": {"access_rights": 8191},
        "enrolled_at": None if number % 31 == 30 else now - timedelta(days=number % 400 + 1),
        "checkout_at": now - timedelta(days=2) if number % 29 == 10 else None,
        "blocked_at": now - timedelta(hours=5) if number % 37 == 7 else None,
        "seen_hour": seen.replace(minute=0, second=0, microsecond=0),
        "declarative_management": False,
        "unlock_token_escrowed": False,
        "bootstrap_token_escrowed": platform == "macOS",
        "created_at": now,
        "updated_at": now,
    }


def channel_row(device: dict[str, Any], number: int, now: datetime) -> dict[str, Any]:
    """Its own channel; some cannot be pushed."""
    gone = device["checkout_at"] or device["blocked_at"]
    refused = number % 23 == 5
    return {
        "id": number + 1,
        "uid": new_uid(),
        "device_id": device["id"],
        "kind": "device",
        "key": "",
        "enrolled_at": device["enrolled_at"],
        "ended_at": gone,
        "last_seen_at": seen_at(number, now),
        "planned_revision": 0,
        "push_token": None if device["enrolled_at"] is None else number.to_bytes(32, "big"),
        "push_magic": "magic",
        "push_token_at": device["enrolled_at"],
        "push_due_at": now if number % 41 == 3 else None,
        "push_bulk": False,
        "push_attempts": 0,
        "pushed_at": seen_at(number, now) - timedelta(seconds=20),
        "push_status": 410 if refused else 200,
        "push_reason": "Unregistered" if refused else None,
        "push_dead_at": now - timedelta(days=3) if refused else None,
        "created_at": now,
        "updated_at": now,
    }


def fill(app: Flask, count: int) -> None:
    """`count` devices with ids from 1 on, in bulk."""
    with app.app_context(), db.transaction() as session:
        enrollment, now = base(session), utcnow()
        came = EnrollmentSession(
            enrollment_id=enrollment.id, kind="ota", state="completed", completed_at=now
        )
        session.add(came)
        session.flush()
        for numbers in _chunks(count):
            devices = [device_row(number, came.id, now) for number in numbers]
            channels = [
                channel_row(device, number, now)
                for device, number in zip(devices, numbers, strict=True)
            ]
            session.execute(sa.insert(Device), devices)
            session.execute(sa.insert(Channel), channels)
        _continue_sequences(session)


def _continue_sequences(session: Session) -> None:
    """PostgreSQL does not count ids that were given."""
    if session.get_bind().dialect.name == "postgresql":
        for table in ("zmdm_device", "zmdm_channel"):
            session.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
            )


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, _CHUNK):
        yield range(start, min(start + _CHUNK, count))


def live(app: Flask, device_id: int = 1) -> None:
    """Give one device a past: commands in every state, events, users and what is installed."""
    with app.app_context(), db.transaction() as session:
        device, channel = session.get_one(Device, device_id), session.get_one(Channel, device_id)
        now = utcnow()
        _facts(device, now)
        session.add(
            Channel(
                device_id=device.id,
                kind="user",
                key="U1",
                user_id="U1",
                user_short_name="ada",
                user_long_name="Ada Lovelace",
                enrolled_at=now,
                last_seen_at=now,
                push_token=b"user",
            )
        )
        session.add(
            Identity(
                device_id=device.id,
                fingerprint="ab" * 32,
                certificate=b"",
                state="active",
                not_before=now,
                not_after=now + timedelta(days=300),
            )
        )
        _commands(session, channel, now)
        _events(session, device, now)
        _installed(session, channel)


def _facts(device: Device, now: datetime) -> None:
    device.device_information = {
        "DeviceName": device.name,
        "OSVersion": device.os_version,
        "BatteryLevel": 0.83,
        "IsSupervised": True,
        "OrganizationInfo": {"OrganizationName": "Example Ltd"},
    }
    device.security_info = {"FDE_Enabled": True, "FirewallSettings": {"FirewallEnabled": True}}
    device.device_information_at = device.security_info_at = now - timedelta(minutes=12)
    device.filevault_enabled, device.passcode_present, device.sip_enabled = True, True, True
    device.firewall_enabled, device.user_approved_enrollment = False, True
    device.capacity, device.capacity_available = 494.4, 201.7
    device.host_name, device.build_version = "ada.local", "24B83"
    device.applications_at = device.profiles_at = device.certificates_at = now


def _commands(session: Session, channel: Channel, now: datetime) -> None:
    def add(name: str, state: str, **values: Any) -> ChannelCommand:
        command = ChannelCommand(
            channel_id=channel.id,
            device_id=channel.device_id,
            name=name,
            request_type=name,
            args=values.pop("args", {}),
            state=state,
            actor_label="admin@example.com",
            created_at=now - timedelta(minutes=values.pop("minutes", 9)),
            **values,
        )
        session.add(command)
        session.flush()
        return command

    done = {"finished_at": now - timedelta(minutes=5), "answered_at": now, "delivered_at": now}
    information = add("DeviceInformation", "acknowledged", status="Acknowledged", **done)
    body = {"Status": "Acknowledged", "QueryResponses": {"DeviceName": "Ada’s Mac", "Token": b"x"}}
    vault.seal(information, "result", zlib.compress(plist.dumps(body)))
    error = {"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain"}
    error |= {"LocalizedDescription": "The command is not known to this device."}
    add("SecurityInfo", "error", status="Error", error_chain=[error], **done)
    add("RestartDevice", "cancelled", failure="cancelled by an operator", finished_at=now)
    add("InstalledApplicationList", "delivered", delivered_at=now, delivery_count=1)
    add("ProfileList", "not_now", not_now_at=now - timedelta(hours=2), not_now_count=3, minutes=130)
    add("CertificateList", "queued", args={"managed_only": True})


def _events(session: Session, device: Device, now: datetime) -> None:
    kinds = (
        ("device.enrolled", {"enrollment": "Staff"}),
        ("device.name_changed", {"before": "Mac", "after": device.name}),
        ("push.refused", {"reason": "TooManyRequests"}),
        ("command.acknowledged", {"command": "DeviceInformation"}),
    )
    for number, (kind, payload) in enumerate(kinds):
        moment = now - timedelta(hours=30 - 9 * number)
        session.add(Event(kind=kind, device_id=device.id, payload=payload, created_at=moment))


def _installed(session: Session, channel: Channel) -> None:
    draw = random.Random(7)
    names = ("Safari", "Mail", "Numbers", "Slack", "Firefox", "Xcode", "Terminal", "Keynote")
    for number in range(60):
        name = names[number % len(names)] + (f" Helper {number}" if number >= len(names) else "")
        session.add(
            InstalledApplication(
                channel_id=channel.id,
                identifier=f"com.example.{name.lower().replace(' ', '-')}",
                name=name,
                short_version=f"{draw.randint(1, 20)}.{draw.randint(0, 9)}",
                bundle_size=draw.randint(10**6, 10**9),
            )
        )
    session.add(
        InstalledProfile(
            channel_id=channel.id,
            identifier="com.example.wifi",
            display_name="Office Wi-Fi",
            is_managed=True,
            removal_disallowed=True,
            payloads=[{"PayloadType": "com.apple.wifi.managed"}],
        )
    )
    session.add(
        InstalledCertificate(
            channel_id=channel.id,
            common_name="Example Ltd Root CA",
            is_identity=False,
            fingerprint="cd" * 32,
            issuer="CN=Example Ltd Root CA",
            not_after=utcnow() + timedelta(days=3000),
        )
    )
