"""Blueprints, artifacts and versions: what is refused, and what a change sets in motion."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, Device, MDMBlueprint
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts
from zmdm_plugin.services import tags
from zmdm_plugin.services.artifacts import artifacts, blueprints, catalog, revisions, versions

MAC = Facts(platform=Platform.MACOS, os_version="14.2", serial_number="C02", declarations=True)
ONLY_14 = {"platforms": {"macOS": {"min": "14"}}}


@pytest.fixture
def work(app: Flask) -> Iterator[None]:
    """An open transaction on a host."""
    with app.app_context(), db.transaction():
        yield


def wifi(ssid: str = "Office", **top: Any) -> bytes:
    """A profile with one payload."""
    payload = {
        "PayloadType": "com.apple.wifi.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.wifi.1",
        "PayloadUUID": "6E0C2B43-5D8A-4B6E-8E39-6B4D2B6D6F01",
        "SSID_STR": ssid,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": "com.example.wifi",
            "PayloadUUID": "6E0C2B43-5D8A-4B6E-8E39-6B4D2B6D6F00",
            "PayloadDisplayName": "Wi-Fi",
            "PayloadContent": [payload],
            **top,
        }
    )


def declaration(type_name: str, payload: dict[str, Any], **more: str) -> bytes:
    return json.dumps({"Type": type_name, "Payload": payload, **more}).encode()


def profile(name: str = "Wi-Fi", **settings: Any) -> Artifact:
    """A profile for all Macs with one version."""
    made = artifacts.create("profile", name, platforms=["macOS"], **settings)
    versions.create(made, wifi(), actor=SYSTEM)
    return made


def revision(blueprint: MDMBlueprint) -> int:
    return revisions.of(blueprint.id)


def chosen(blueprint: MDMBlueprint, facts: Facts = MAC) -> list[tuple[str, int]]:
    """Names and version numbers of what a channel should have."""
    compiled = catalog.compiled(blueprint.id)
    assert compiled is not None
    _, found = catalog.resolution(compiled, facts)
    return [(one.item.name, one.version.number) for one in found.chosen]


def test_an_uploaded_profile_in_a_blueprint_is_what_its_devices_should_have(work: None) -> None:
    blueprint = blueprints.create("Office")
    blueprints.link(blueprint, profile())
    assert chosen(blueprint) == [("Wi-Fi", 1)]


def test_an_older_version_is_made_current_again(work: None) -> None:
    blueprint, artifact = blueprints.create("Office"), profile()
    blueprints.link(blueprint, artifact)
    versions.create(artifact, wifi("New"), actor=SYSTEM)
    assert chosen(blueprint) == [("Wi-Fi", 2)]
    before = revision(blueprint)
    versions.make_current(versions.page(artifact).items[1])
    assert chosen(blueprint) == [("Wi-Fi", 1)]
    assert revision(blueprint) == before + 1


def test_the_current_source_again_is_refused_but_its_scope_can_be_changed(work: None) -> None:
    blueprint, artifact = blueprints.create("Office"), profile()
    blueprints.link(blueprint, artifact)
    with pytest.raises(Refused, match="same as that of version 1"):
        versions.create(artifact, wifi(), actor=SYSTEM)
    current = versions.find_current(artifact)
    assert current is not None
    versions.change_scope(current, {"platforms": {"macOS": {"min": "15"}}})
    assert chosen(blueprint) == []


def test_a_profile_with_an_error_is_refused_by_its_place(work: None) -> None:
    artifact = artifacts.create("profile", "Wi-Fi", platforms=["macOS"])
    with pytest.raises(Refused, match="PayloadScope: is User") as refusal:
        versions.create(artifact, wifi(PayloadScope="User"), actor=SYSTEM)
    assert refusal.value.field == "source"


def test_the_variables_of_a_profile_are_known(work: None) -> None:
    artifact = artifacts.create("profile", "Wi-Fi")
    made = versions.create(artifact, wifi("$ENROLLED_DEVICE.SERIAL_NUMBER"), actor=SYSTEM)
    assert made.variables == ["$ENROLLED_DEVICE.SERIAL_NUMBER"]


def test_a_circle_of_requirements_is_refused_and_named(work: None) -> None:
    first, second = profile("One"), profile("Two")
    artifacts.update(first, {}, requires=[second.id])
    with pytest.raises(Refused, match="“Two” needs “One” needs “Two”"):
        artifacts.update(second, {}, requires=[first.id])
    with pytest.raises(Refused, match="circle"):
        artifacts.update(first, {}, requires=[first.id])


def test_another_channel_cannot_be_required(work: None) -> None:
    other = artifacts.create("profile", "Mine", channel="user")
    with pytest.raises(Refused, match="is for user channels"):
        artifacts.create("profile", "Yours", requires=[other.id])


def test_every_change_of_what_is_required_reaches_the_blueprint(work: None) -> None:
    blueprint, needed = blueprints.create("Office"), profile("Needed")
    blueprints.link(blueprint, profile("Linked", requires=[needed.id]))
    before = revision(blueprint)
    versions.create(needed, wifi("New"), actor=SYSTEM)
    artifacts.update(needed, {"reinstall_interval": 30})
    assert revision(blueprint) == before + 2
    assert chosen(blueprint) == [("Needed", 2), ("Linked", 1)]


def test_links_are_scoped_and_each_change_makes_a_revision(work: None) -> None:
    blueprint, artifact = blueprints.create("Office"), profile()
    link = blueprints.link(blueprint, artifact, scope={"platforms": {"macOS": {"min": "15"}}})
    assert chosen(blueprint) == []
    before = revision(blueprint)
    blueprints.change_link(link, ONLY_14)
    assert chosen(blueprint) == [("Wi-Fi", 1)]
    blueprints.unlink(link)
    assert chosen(blueprint) == []
    assert revision(blueprint) == before + 2


@pytest.mark.parametrize(
    "scope",
    [
        {"platforms": {"iOS": {}}},
        {"platforms": {"macOS": {}}, "excluded_tags": [77]},
        {"platforms": {"macOS": {}}, "tag_shards": {"77": 5}},
    ],
)
def test_a_scope_names_platforms_of_the_artifact_and_tags_that_exist(
    work: None, scope: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        blueprints.link(blueprints.create("Office"), profile(), scope=scope)


def test_a_tag_in_a_scope_cannot_be_deleted(work: None) -> None:
    tag = tags.create("Lab")
    scope = {"platforms": {"macOS": {}}, "excluded_tags": [tag.id]}
    blueprints.link(blueprints.create("Office"), profile(), scope=scope)
    with pytest.raises(Conflict, match="“Wi-Fi” in the blueprint “Office”"):
        tags.delete(tag)


def test_what_is_in_use_cannot_be_deleted_and_says_by_what(work: None) -> None:
    blueprint, artifact = blueprints.create("Office"), profile()
    link = blueprints.link(blueprint, artifact)
    db.session().add(Device(udid="A", blueprint_id=blueprint.id))
    with pytest.raises(Conflict, match="used by the blueprint “Office”"):
        artifacts.delete(artifact)
    with pytest.raises(Conflict, match="used by 1 device"):
        blueprints.delete(blueprint)
    blueprints.unlink(link)
    artifacts.delete(artifact)
    assert db.session().scalar(sa.select(sa.func.count(ArtifactVersion.id))) == 0


def test_a_deleted_blueprint_lets_go_and_is_never_taken_for_the_next(work: None) -> None:
    blueprint, artifact = blueprints.create("Office"), profile()
    blueprints.link(blueprint, artifact)
    last = revision(blueprint)
    blueprints.delete(blueprint)
    assert artifacts.usages(artifact).words == ""
    following = blueprints.create("Lab")
    assert following.id != blueprint.id or revision(following) > last


def test_the_identifier_on_devices_is_the_artifacts_own_for_ever(work: None) -> None:
    artifact = profile()
    before = artifact.identifier
    artifacts.update(artifact, {"name": "Another name"})
    assert artifact.identifier == before
    assert len(before) <= 64


def test_a_platform_that_a_scope_names_cannot_be_taken_from_the_artifact(work: None) -> None:
    artifact = artifacts.create("profile", "Both", platforms=["macOS", "iOS"])
    blueprints.link(blueprints.create("Office"), artifact)
    with pytest.raises(Refused, match="a scope of this artifact names iOS"):
        artifacts.update(artifact, {"platforms": ["macOS"]})
