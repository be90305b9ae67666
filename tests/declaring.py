"""Declarations on the road: artifacts made by the services, devices that fetch and report.

desk = Desk(road)                                   # a blueprint
passcode = desk.configuration("Passcode", PASSCODE) # an artifact with a first version, linked
desk.assign(mac)
mac.connect()                                       # told, fetches, reports
desk.state(mac, passcode).status
desk.ask(mac, "tokens")                             # one check-in, spoken by hand
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.road import Road
from tests.shelf import Outcome, mobileconfig
from zmdm_plugin.models import Artifact, ArtifactVersion, ChannelDeclarations
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.artifacts import artifacts, blueprints, versions
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.wire import dumps

PASSCODE = "com.apple.configuration.passcode.settings"
ALL = ("iOS", "iPadOS", "macOS", "tvOS", "visionOS")


class Desk(Outcome):
    """What an administrator has made so far."""

    def __init__(self, road: Road, **options: Any) -> None:
        self.road = road
        with road.rows():
            self.blueprint_id = blueprints.create("Staff", **options).id

    def artifact(
        self,
        type_: str,
        name: str,
        source: bytes,
        *,
        linked: bool = True,
        requires: Sequence[int] = (),
        **options: Any,
    ) -> int:
        """An artifact with a first version; returns its id."""
        options.setdefault("platforms", ALL)
        with self.road.rows():
            row = artifacts.create(type_, name, requires=requires, **options)
            versions.create(row, source, actor=ADMINISTRATOR)
            if linked:
                blueprints.link(blueprints.find(self.blueprint_id), row)
            return row.id

    def configuration(
        self,
        name: str,
        type_: str = PASSCODE,
        payload: dict[str, Any] | None = None,
        **options: Any,
    ) -> int:
        """A raw declaration of the kind that its Type says."""
        source = _declaration(type_, payload if payload is not None else {"MinimumLength": 8})
        kind = "asset" if type_.startswith("com.apple.asset.") else type_.split(".")[2]
        return self.artifact(kind, name, source, **options)

    def profile(self, name: str, source: bytes | None = None, **options: Any) -> int:
        """A configuration profile."""
        options.setdefault("platforms", ("macOS",))
        return self.artifact("profile", name, source or mobileconfig(), **options)

    def version(self, artifact_id: int, source: bytes) -> int:
        """A newer version, the current one from now on."""
        with self.road.rows():
            return versions.create(artifacts.find(artifact_id), source, actor=ADMINISTRATOR).id

    def wording(self, artifact_id: int, payload: dict[str, Any], type_: str = PASSCODE) -> int:
        """A newer version of a raw declaration."""
        return self.version(artifact_id, _declaration(type_, payload))

    def unlink(self, artifact_id: int) -> None:
        """Bring it no longer."""
        with self.road.rows():
            blueprint = blueprints.find(self.blueprint_id)
            blueprints.unlink(blueprints.find_link(blueprint, artifacts.find(artifact_id)))

    def change(self, **changes: Any) -> None:
        """Change the blueprint."""
        with self.road.rows():
            blueprints.update(blueprints.find(self.blueprint_id), changes)

    def assign(
        self, device: SimulatedDevice, *keys: str, blueprint: bool = True
    ) -> SimulatedDevice:
        """Give a device the blueprint, or take it away."""
        with self.road.rows():
            self.road.row(device).blueprint_id = self.blueprint_id if blueprint else None
            for key in ("", *keys):
                self.road.channel(device, key).plan_due_at = utcnow()
        return device

    def due(self, device: SimulatedDevice, key: str = "") -> None:
        """Have the planner look at the next occasion."""
        with self.road.rows():
            self.road.channel(device, key).plan_due_at = utcnow()

    def held(self, device: SimulatedDevice, key: str = "") -> ChannelDeclarations:
        """The declarative side of a channel, detached."""
        with self.road.rows() as session:
            everything = [sa.orm.undefer("*")]
            found = session.get_one(
                ChannelDeclarations, self.road.channel(device, key).id, options=everything
            )
            session.expunge(found)
            return found

    def identifier(self, artifact_id: int) -> str:
        """What devices know it by."""
        with self.road.rows() as session:
            return session.get_one(Artifact, artifact_id).identifier

    def uid(self, version_id: int) -> str:
        """What the tokens of a version begin with."""
        with self.road.rows() as session:
            return session.get_one(ArtifactVersion, version_id).uid

    def ask(
        self, device: SimulatedDevice, endpoint: str, data: Any = None, *, user: str | None = None
    ) -> httpx.Response:
        """One check-in about declarations, spoken by hand."""
        channel = device.channel(user)
        body = data if isinstance(data, bytes | None) else json.dumps(data).encode()
        said = checkins.declarative_management(device, channel, endpoint, body)
        return device.wire.check_in(dumps(said))

    def items(self, device: SimulatedDevice, *, user: str | None = None) -> dict[str, str]:
        """Identifier -> ServerToken of everything that is listed."""
        lists = self.ask(device, "declaration-items", user=user).json()["Declarations"]
        return {one["Identifier"]: one["ServerToken"] for found in lists.values() for one in found}


def _declaration(type_: str, payload: dict[str, Any]) -> bytes:
    return json.dumps({"Type": type_, "Payload": payload}).encode()
