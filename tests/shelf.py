"""Blueprints and artifacts on the road, put there as rows; the services that make them have
tests of their own.

shelf = Shelf(road)
blueprint = shelf.blueprint(legacy_profiles_via_ddm=False)
wifi = shelf.profile("Wi-Fi")                       # an artifact with a first version, linked
shelf.version(wifi, {"PayloadType": …})             # another one, which is the current one now
shelf.assign(mac)                                   # the last blueprint
shelf.state(mac, wifi).status                       # what became of it, detached
"""

from __future__ import annotations

import hashlib
import plistlib
import uuid
from typing import Any

import sqlalchemy as sa

from tests.road import Road
from zmdm_plugin.models import (
    Artifact,
    ArtifactRequirement,
    ArtifactVersion,
    BlueprintArtifact,
    ChannelArtifact,
    MDMBlueprint,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import variables
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Scope
from zmdm_plugin.services import vault
from zmdm_plugin.services.artifacts import revisions
from zmdm_simulator.device import SimulatedDevice

EVERYTHING = Scope.everything(tuple(Platform)).to_json()
ALL = [str(platform) for platform in Platform]


def payload(**extra: Any) -> dict[str, Any]:
    """An inner payload that no device minds."""
    return {
        "PayloadType": "com.apple.ManagedClient.preferences",
        "PayloadVersion": 1,
        "PayloadIdentifier": "org.example.inner",
        "PayloadUUID": str(uuid.uuid4()),
        **extra,
    }


def mobileconfig(*payloads: dict[str, Any], **extra: Any) -> bytes:
    """A profile as an administrator uploads it."""
    content = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "org.example.profile",
        "PayloadUUID": str(uuid.uuid4()),
        "PayloadDisplayName": "Example",
        "PayloadScope": "System",
        "PayloadContent": list(payloads or (payload(),)),
        **extra,
    }
    return plistlib.dumps(content)


class Outcome:
    """What became of artifacts on the devices of a road."""

    road: Road

    def state(self, device: SimulatedDevice, artifact_id: int, key: str = "") -> ChannelArtifact:
        """What became of an artifact on a channel; it has to be known there."""
        found = self.found(device, artifact_id, key)
        assert found is not None
        return found

    def found(
        self, device: SimulatedDevice, artifact_id: int, key: str = ""
    ) -> ChannelArtifact | None:
        """The same, or None."""
        with self.road.rows() as session:
            found = session.scalar(
                sa.select(ChannelArtifact).where(
                    ChannelArtifact.channel_id == self.road.channel(device, key).id,
                    ChannelArtifact.artifact_id == artifact_id,
                )
            )
            if found is not None:
                session.expunge(found)
            return found


class Shelf(Outcome):
    """What an administrator has made so far."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.blueprint_id = 0

    def blueprint(self, name: str = "Staff", **options: Any) -> int:
        """A new blueprint; what follows goes into it."""
        with self.road.rows() as session:
            row = MDMBlueprint(name=name, **options)
            session.add(row)
            session.flush()
            self.blueprint_id = row.id
            return row.id

    def profile(self, name: str, source: bytes | None = None, **options: Any) -> int:
        """An artifact with a profile, linked to the blueprint; returns its id."""
        with self.road.rows() as session:
            row = Artifact(
                name=name,
                identifier=f"org.example.artifact.{uuid.uuid4()}"[:64],
                **{"type": "profile", "channel": "device", "platforms": ALL, **options},
            )
            session.add(row)
            session.flush()
            artifact_id = row.id
            self._add_version(session, artifact_id, source or mobileconfig())
        self.link(artifact_id)
        return artifact_id

    def version(self, artifact_id: int, source: bytes | None = None, **options: Any) -> int:
        """A newer version, the current one from now on."""
        with self.road.rows() as session:
            row = self._add_version(session, artifact_id, source or mobileconfig(), **options)
            session.flush()
            revisions.touch_artifact(artifact_id)
            return row.id

    def _add_version(
        self, session: Any, artifact_id: int, source: bytes, **options: Any
    ) -> ArtifactVersion:
        number = (
            session.scalar(
                sa.select(sa.func.max(ArtifactVersion.number)).where(
                    ArtifactVersion.artifact_id == artifact_id
                )
            )
            or 0
        ) + 1
        row = ArtifactVersion(
            artifact_id=artifact_id,
            number=number,
            rank=number,
            **{
                "scope": EVERYTHING,
                "content": {},
                "variables": sorted(variables.used(plistlib.loads(source))),
                "sha256": hashlib.sha256(source).hexdigest(),
                "size": len(source),
                **options,
            },
        )
        vault.seal(row, "source", source)
        session.add(row)
        return row

    def link(self, artifact_id: int, scope: dict[str, Any] | None = None) -> None:
        """Bring an artifact to the blueprint's devices."""
        with self.road.rows() as session:
            session.add(
                BlueprintArtifact(
                    blueprint_id=self.blueprint_id,
                    artifact_id=artifact_id,
                    scope=scope or EVERYTHING,
                )
            )
            revisions.touch([self.blueprint_id])

    def unlink(self, artifact_id: int) -> None:
        """Bring it no longer."""
        with self.road.rows() as session:
            session.execute(
                sa.delete(BlueprintArtifact).where(BlueprintArtifact.artifact_id == artifact_id)
            )
            revisions.touch([self.blueprint_id])

    def require(self, artifact_id: int, required_id: int) -> None:
        """The first one has to wait for the second."""
        with self.road.rows() as session:
            session.add(
                ArtifactRequirement(
                    artifact_id=artifact_id, required_id=required_id, kind="requires"
                )
            )
            revisions.touch([self.blueprint_id])

    def assign(self, device: SimulatedDevice) -> SimulatedDevice:
        """Give a device the blueprint."""
        with self.road.rows():
            row = self.road.row(device)
            row.blueprint_id = self.blueprint_id
            self.road.channel(device).plan_due_at = utcnow()
        return device

    def identifier(self, artifact_id: int) -> str:
        """What devices know it by."""
        with self.road.rows() as session:
            return session.get_one(Artifact, artifact_id).identifier
