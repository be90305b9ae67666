"""Blueprints and artifacts as rows beside a fleet: for screens, which only look at them.

The services make them; what became of them on devices was never on a wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests.shelf import mobileconfig, payload
from zmdm_plugin import Actor, db
from zmdm_plugin.models import Channel, ChannelArtifact, Device
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.services import tags
from zmdm_plugin.services.artifacts import artifacts, blueprints, versions

MAKER = Actor(id="user:7", label="somebody@example.com")
MACS = ["macOS"]
PASSCODE = {
    "Type": "com.apple.configuration.passcode.settings",
    "Payload": {"RequirePasscode": True, "MinimumLength": 8},
}
OUTCOMES = ("installed", "installed", "pending", "failed")
"""What became of the first artifact on device 1, 2, 3 …, again and again."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The ids of what there is."""

    blueprint: int = 1
    wifi: int = 1
    certificate: int = 2
    passcode: int = 3
    pilot: int = 1
    lab: int = 2


def wifi(password: str, **extra: Any) -> bytes:
    """A profile with something secret in it."""
    return mobileconfig(payload(Password=password, SSID_STR="Staff", **extra))


def lay(app: Flask) -> Laid:
    """A blueprint "Staff" with a profile in two versions, one that it requires, a declaration."""
    with app.app_context(), db.transaction() as session:
        pilot, lab = tags.create("Pilot"), tags.create("Lab", color="red")
        staff = blueprints.create("Staff", collect_apps="managed")
        first = artifacts.create("profile", "Wi-Fi", platforms=["macOS", "iOS"])
        root = artifacts.create("profile", "Root certificate")
        rules = artifacts.create("configuration", "Passcode rules", platforms=MACS)
        artifacts.update(first, {}, requires=[root.id])
        versions.create(root, mobileconfig(), actor=MAKER, filename="root.mobileconfig")
        for password in ("open sesame", "hunter2hunter2"):
            versions.create(first, wifi(password), actor=MAKER, filename="wifi.mobileconfig")
        versions.create(rules, json.dumps(PASSCODE).encode(), actor=MAKER)
        scope = {
            "platforms": {"macOS": {"min": "14.0", "max": "16"}},
            "excluded_tags": [lab.id],
            "default_shard": 20,
            "tag_shards": {str(pilot.id): 100},
        }
        blueprints.link(staff, first, scope=scope)
        blueprints.link(staff, rules)
        laid = Laid(staff.id, first.id, root.id, rules.id, pilot.id, lab.id)
        session.flush()
        _deliver(laid)
    return laid


def many(app: Flask, number: int, *, start: int = 0) -> None:
    """So many more artifacts in the blueprint."""
    with app.app_context(), db.transaction():
        staff = blueprints.find(1)
        for index in range(start, start + number):
            row = artifacts.create("profile", f"Setting {index:03}", platforms=MACS)
            versions.create(row, mobileconfig(payload(Number=index)), actor=MAKER)
            blueprints.link(staff, row)


def _deliver(laid: Laid) -> None:
    """All devices have the blueprint, and the first artifact has become something on each."""
    session = db.session()
    session.execute(sa.update(Device).values(blueprint_id=laid.blueprint))
    version = versions.find_current(artifacts.find(laid.wifi))
    assert version is not None
    owned = sa.select(Channel).where(Channel.key == "", Channel.ended_at.is_(None))
    for index, channel in enumerate(session.scalars(owned.order_by(Channel.id))):
        status = OUTCOMES[index % len(OUTCOMES)]
        session.add(_outcome(channel.id, laid.wifi, version.id, status))
    session.flush()


def _outcome(channel_id: int, artifact_id: int, version_id: int, status: str) -> ChannelArtifact:
    now = utcnow()
    row = ChannelArtifact(
        uid=new_uid(),
        channel_id=channel_id,
        artifact_id=artifact_id,
        status=status,
        via="command",
        tried_version_id=version_id,
        tried_at=now - timedelta(hours=2),
    )
    if status == "installed":
        row.installed_version_id, row.installed_at = version_id, now - timedelta(hours=2)
    if status == "failed":
        row.attempts, row.next_try_at = 2, now + timedelta(hours=3)
        row.reasons = [{"code": "12021", "description": "The network could not be added"}]
    return row
