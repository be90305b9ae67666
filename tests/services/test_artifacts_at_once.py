"""Operators who change the same things at the same moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.services.test_artifacts import profile, wifi
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.errors import Conflict, ZmdmError
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    BlueprintArtifact,
    Channel,
    ChannelDeclarations,
    Device,
    Manifest,
)
from zmdm_plugin.services import issuers
from zmdm_plugin.services.artifacts import artifacts, blueprints, catalog, revisions, versions


def at_once(app: Flask, *works: Callable[[], object]) -> list[str]:
    """Do these in transactions that begin together; what was refused, in words."""
    barrier = Barrier(len(works))

    def do(work: Callable[[], object]) -> str:
        with app.app_context():
            try:
                with db.transaction():
                    barrier.wait(20)
                    work()
            except ZmdmError as error:
                return str(error)
        return ""

    with ThreadPoolExecutor(len(works)) as threads:
        return [said for said in threads.map(do, works) if said]


def lay(app: Flask) -> tuple[int, int]:
    """An artifact in no blueprint, and a blueprint."""
    with app.app_context(), db.transaction():
        return profile().id, blueprints.create("Office").id


def test_versions_uploaded_at_once_are_numbered_one_after_the_other(pg_app: Flask) -> None:
    artifact_id, _ = lay(pg_app)

    def upload(ssid: str) -> Callable[[], object]:
        return lambda: versions.create(artifacts.find(artifact_id), wifi(ssid), actor=SYSTEM)

    assert at_once(pg_app, *(upload(f"Net {number}") for number in range(4))) == []
    with pg_app.app_context():
        numbers = sa.select(ArtifactVersion.number).order_by(ArtifactVersion.number)
        assert list(db.session().scalars(numbers)) == [1, 2, 3, 4, 5]
        assert list(db.session().scalars(numbers.with_only_columns(ArtifactVersion.rank))) == [
            1,
            2,
            3,
            4,
            5,
        ]


def test_an_artifact_is_deleted_or_linked_but_not_both(pg_app: Flask) -> None:
    artifact_id, blueprint_id = lay(pg_app)

    def link() -> None:
        blueprints.link(blueprints.find(blueprint_id), artifacts.find(artifact_id))

    refused = at_once(pg_app, lambda: artifacts.delete(artifacts.find(artifact_id)), link)
    assert len(refused) == 1
    with pg_app.app_context():
        left = db.session().scalar(sa.select(sa.func.count(Artifact.id)))
        linked = db.session().scalar(sa.select(sa.func.count(BlueprintArtifact.id)))
        assert left == linked


def test_changes_at_once_are_as_many_revisions_and_nobody_keeps_an_old_one(pg_app: Flask) -> None:
    artifact_id, blueprint_id = lay(pg_app)
    with pg_app.app_context(), db.transaction():
        blueprints.link(blueprints.find(blueprint_id), artifacts.find(artifact_id))
        before = revisions.of(blueprint_id)

    def rename(number: int) -> Callable[[], object]:
        change = {"reinstall_interval": number}
        return lambda: artifacts.update(artifacts.find(artifact_id), change)

    assert at_once(pg_app, *(rename(number) for number in range(1, 5))) == []
    with pg_app.app_context():
        assert revisions.of(blueprint_id) == before + 4
        compiled = catalog.compiled(blueprint_id)
        assert compiled is not None
        stored = db.session().get_one(Artifact, artifact_id).reinstall_interval
        assert compiled.items[artifact_id].reinstall_interval == stored


def test_what_is_in_use_is_found_in_json_as_well(pg_app: Flask) -> None:
    with pg_app.app_context(), db.transaction() as session:
        issuer = issuers.create("Elsewhere", "https://scep.example.com/")
        asset = artifacts.create("cert_asset", "Certificate")
        given = {"scep_issuer": issuer.id, "subject": [{"type": "CN", "value": "x"}]}
        version = versions.create(asset, json.dumps(given).encode(), actor=SYSTEM)
        with pytest.raises(Conflict, match="certificate asset “Certificate”"):
            issuers.delete(issuer)
        manifest = Manifest(digest="d", entries=[["asset", "a", "t", version.uid, {}]])
        device = Device(udid="A")
        session.add_all([manifest, device])
        session.flush()
        channel = Channel(device_id=device.id, kind="device", key="")
        session.add(channel)
        session.flush()
        session.add(ChannelDeclarations(channel_id=channel.id, manifest_id=manifest.id))
        with pytest.raises(Conflict, match="offered to a device"):
            versions.delete(version)
