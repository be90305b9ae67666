"""What is tried again by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.api.world import add_device
from tests.services.test_artifacts import profile, wifi
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import devices
from zmdm_plugin.services.artifacts import again, assignment, blueprints, versions


@pytest.fixture
def mac(app: Flask) -> Iterator[Device]:
    """A Mac with a blueprint, in an open transaction; nothing is due on it."""
    device_id = add_device(app)
    with app.app_context(), db.transaction() as session:
        device = session.get_one(Device, device_id)
        assignment.choose(device, blueprints.create("Office"), actor=SYSTEM)
        channel(device).plan_due_at = None
        yield device


def channel(mac: Device) -> Channel:
    return devices.channel(mac.id)


def became(mac: Device, artifact: Artifact, **values: Any) -> ChannelArtifact:
    later = utcnow() + timedelta(days=1)
    row = ChannelArtifact(
        channel_id=channel(mac).id,
        artifact_id=artifact.id,
        **{"via": "command", "attempts": 4, "next_try_at": later, "retry_count": 0, **values},
    )
    db.session().add(row)
    db.session().flush()
    return row


def link(artifact: Artifact) -> None:
    office = blueprints.named("Office")
    assert office is not None
    blueprints.link(office, artifact)


def test_a_removal_is_tried_again_and_what_is_there_is_not_forgotten(mac: Device) -> None:
    artifact = profile()
    version = versions.find_current(artifact)
    assert version is not None
    row = became(mac, artifact, status="removal_failed", installed_version_id=version.id)
    again.retry(mac, artifact)
    assert (row.next_try_at, row.installed_version_id) == (None, version.id)
    assert channel(mac).plan_due_at is not None


def test_the_older_version_is_not_forgotten_while_the_newer_is_tried_again(mac: Device) -> None:
    artifact = profile()
    link(artifact)
    older = versions.find_current(artifact)
    newer = versions.create(artifact, wifi("New"), actor=SYSTEM)
    assert older is not None
    row = became(
        mac,
        artifact,
        status="failed",
        installed_version_id=older.id,
        tried_version_id=newer.id,
    )
    again.retry(mac, artifact)
    assert (row.installed_version_id, row.tried_version_id) == (older.id, None)
    assert (row.attempts, row.next_try_at, row.retry_count) == (0, None, 1)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_as_it_should_be_is_left_alone(mac: Device, wanted: bool) -> None:
    artifact = profile()
    version = versions.find_current(artifact)
    assert version is not None
    if wanted:
        link(artifact)
        became(mac, artifact, status="installed", installed_version_id=version.id)
    with pytest.raises(Conflict, match="nothing to try again"):
        again.retry(mac, artifact)
    assert channel(mac).plan_due_at is None
