"""Explain: every rule in order, and the first that stands in the way."""

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
from zmdm_plugin.models import (
    Artifact,
    Channel,
    ChannelArtifact,
    ChannelCommand,
    Device,
    MDMBlueprint,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import tags
from zmdm_plugin.services.artifacts import artifacts, assignment, blueprints, versions
from zmdm_plugin.services.artifacts.explain import Explanation, Step, explain

MACS = {"macOS": {}}


@pytest.fixture
def mac(app: Flask) -> Iterator[Device]:
    """A Mac with macOS 14.2.1 and without declarations, in an open transaction."""
    device_id = add_device(app, os_version="12.6")
    with app.app_context(), db.transaction() as session:
        yield session.get_one(Device, device_id)


@pytest.fixture
def office(mac: Device) -> MDMBlueprint:
    """Its blueprint."""
    blueprint = blueprints.create("Office")
    assignment.choose(mac, blueprint, actor=SYSTEM)
    return blueprint


def obstacle(mac: Device, artifact: Artifact) -> Step:
    found = explain(mac, artifact).obstacle
    assert found is not None
    return found


def rules(explanation: Explanation) -> list[tuple[str, bool | None]]:
    return [(step.rule, step.ok) for step in explanation.steps]


def became(mac: Device, artifact: Artifact, **values: Any) -> ChannelArtifact:
    """What was done about it."""
    channel = db.session().query(Channel).filter_by(device_id=mac.id).one()
    row = ChannelArtifact(channel_id=channel.id, artifact_id=artifact.id, via="command", **values)
    db.session().add(row)
    db.session().flush()
    return row


def queued(mac: Device, artifact: Artifact, **values: Any) -> None:
    channel = db.session().query(Channel).filter_by(device_id=mac.id).one()
    command = ChannelCommand(
        channel_id=channel.id,
        device_id=mac.id,
        name="InstallArtifactProfile",
        request_type="InstallProfile",
        args={"artifact": artifact.id, "version": 1},
        **{"state": "queued", **values},
    )
    db.session().add(command)
    db.session().flush()


def test_a_device_without_a_blueprint_gets_nothing(mac: Device) -> None:
    assert obstacle(mac, profile()) == Step("blueprint", False, "The device has no blueprint.")


def test_an_artifact_that_is_not_in_the_blueprint(mac: Device, office: MDMBlueprint) -> None:
    assert obstacle(mac, profile()).rule == "linked"


@pytest.mark.parametrize(
    ("scope", "rule", "words"),
    [
        ({"platforms": {"macOS": {"min": "13"}}}, "link.os", "It needs 13 or newer"),
        ({"platforms": MACS, "default_shard": 0}, "link.shard", "is not below 0"),
    ],
)
def test_the_rule_of_the_link_that_keeps_it_out_is_named(
    mac: Device, office: MDMBlueprint, scope: dict[str, Any], rule: str, words: str
) -> None:
    artifact = profile()
    blueprints.link(office, artifact, scope=scope)
    found = obstacle(mac, artifact)
    assert found.rule == rule
    assert words in found.words


def test_an_excluded_tag_is_called_by_its_name(mac: Device, office: MDMBlueprint) -> None:
    artifact, lab = profile(), tags.create("Lab")
    tags.put(mac, lab)
    blueprints.link(office, artifact, scope={"platforms": MACS, "excluded_tags": [lab.id]})
    assert obstacle(mac, artifact).words == "The device has the tag “Lab”, which is excluded."


def test_every_version_that_is_not_for_it_is_told(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    blueprints.link(office, artifact)
    current = versions.find_current(artifact)
    assert current is not None
    versions.change_scope(current, {"platforms": {"macOS": {"min": "15"}}})
    found = obstacle(mac, artifact)
    assert (found.rule, "15 or newer" in found.words) == ("version", True)


def test_a_declaration_is_not_for_an_old_os(mac: Device, office: MDMBlueprint) -> None:
    artifact = artifacts.create("configuration", "Passcode", platforms=["macOS"])
    blueprints.link(office, artifact)
    assert obstacle(mac, artifact).rule == "declarations"


def test_what_is_required_comes_with_what_needs_it(mac: Device, office: MDMBlueprint) -> None:
    needed = profile("Certificate")
    artifact = profile("Wi-Fi", requires=[needed.id])
    blueprints.link(office, artifact)
    assert "comes with “Wi-Fi”" in explain(mac, needed).steps[2].words
    assert obstacle(mac, artifact) == Step(
        "prerequisites", False, "It waits for “Certificate” to be there."
    )


def test_a_variable_without_a_value_is_named(mac: Device, office: MDMBlueprint) -> None:
    artifact = artifacts.create("profile", "Mail", platforms=["macOS"])
    versions.create(artifact, wifi("$REALM_USER.EMAIL"), actor=SYSTEM)
    blueprints.link(office, artifact)
    found = obstacle(mac, artifact)
    assert found.words == "The device has no value for $REALM_USER.EMAIL."


def test_what_failed_says_why_and_when_it_is_tried_again(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    blueprints.link(office, artifact)
    reasons = [{"code": 4001, "description": "The profile is invalid"}]
    later = utcnow() + timedelta(hours=2, minutes=1)
    became(mac, artifact, status="failed", attempts=2, reasons=reasons, next_try_at=later)
    found = obstacle(mac, artifact)
    assert found.rule == "retries"
    assert found.words == "It failed 2 times: The profile is invalid; tried again in 2 hours."


def test_a_queued_command_says_what_the_push_does(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    blueprints.link(office, artifact)
    became(mac, artifact, status="pending")
    queued(mac, artifact)
    found = obstacle(mac, artifact)
    assert (found.rule, found.words[:14]) == ("pushed", "Not pushed yet")


def test_a_command_that_was_put_off_says_so(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    blueprints.link(office, artifact)
    now = utcnow()
    queued(mac, artifact, state="not_now", not_now_at=now, not_now_count=3, last_not_now_at=now)
    found = obstacle(mac, artifact)
    assert found.rule == "not_now"
    assert "said NotNow 3 times" in found.words


def test_nothing_stands_in_the_way_of_what_is_there(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    blueprints.link(office, artifact)
    current = versions.find_current(artifact)
    assert current is not None
    became(
        mac,
        artifact,
        status="installed",
        installed_version_id=current.id,
        installed_at=utcnow(),
    )
    found = explain(mac, artifact)
    assert found.obstacle is None
    assert [rule for rule, _ in rules(found)] == [
        "enrolled",
        "blueprint",
        "linked",
        "link.platform",
        "link.os",
        "link.tags",
        "link.shard",
        "channel",
        "platform",
        "version",
        "way",
        "variables",
        "present",
    ]


def test_what_is_there_without_being_wanted_goes(mac: Device, office: MDMBlueprint) -> None:
    artifact = profile()
    became(mac, artifact, status="installed", installed_version_id=None)
    assert explain(mac, artifact).steps[-1].words.startswith("It is still on the device")
