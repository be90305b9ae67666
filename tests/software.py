"""Apps on the road: packages that were uploaded, store apps with licences, devices that install.

counter = Counter(road)                              # a blueprint, as with a Desk
package = counter.package(PKG)                       # uploaded
editor = counter.enterprise("Editor", package, platforms=["macOS"])
notes = counter.store_app("Notes", 361285480)        # an artifact of a location's asset
counter.grant(phone, notes)                          # its licence arrived
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from tests.declaring import Desk
from tests.hosts import ADMINISTRATOR
from tests.road import Road
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import ArtifactVersion, Asset, Licence, Location, LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import wake
from zmdm_plugin.services.apps_books import licences
from zmdm_plugin.web import packages
from zmdm_simulator import packages as built
from zmdm_simulator import pki
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.packages import App
from zmdm_simulator.pki import Identity

EDITOR = App("org.example.editor.app", "Corporate Editor", "4.2.1")
PHONE = ("iPhone", "iOS")


@cache
def signer() -> Identity:
    """Who signs installers in this process."""
    subject = pki.name([("CN", "Developer ID Installer: Example")])
    return pki.self_signed(subject, key=pki.new_key())


def pkg(*apps: App, **options: Any) -> bytes:
    """A signed installer."""
    return built.pkg(*(apps or (EDITOR,)), **{"signer": signer(), **options})


class Counter(Desk):
    """What an administrator has made so far."""

    def __init__(self, road: Road, **options: Any) -> None:
        super().__init__(road, **options)
        self.licensed: dict[int, int] = {}

    def package(self, data: bytes, filename: str = "package.pkg") -> int:
        """Upload a package; returns its id."""
        with self.road.app.app_context():
            return packages.take([data], actor=ADMINISTRATOR, filename=filename)

    def enterprise(
        self,
        name: str,
        package: int,
        *,
        platforms: tuple[str, ...] = ("macOS",),
        linked: bool = True,
        **options: Any,
    ) -> int:
        """An artifact that installs a package."""
        source = json.dumps({"package": package, **options}).encode()
        return self.artifact("enterprise_app", name, source, platforms=platforms, linked=linked)

    def store_app(
        self,
        name: str,
        adam_id: int,
        *,
        platforms: tuple[str, ...] = ("iOS", "iPadOS"),
        bundle_id: str | None = "",
        linked: bool = True,
        **options: Any,
    ) -> int:
        """An artifact of a store app, of which a location has licences."""
        licensed = self.licence(name, adam_id, platforms=platforms, bundle_id=bundle_id)
        source = json.dumps({"location_asset": licensed, **options}).encode()
        made = self.artifact("store_app", name, source, platforms=platforms, linked=linked)
        self.licensed[made] = licensed
        return made

    def licence(
        self,
        name: str,
        adam_id: int,
        *,
        platforms: tuple[str, ...] = ("iOS", "iPadOS"),
        bundle_id: str | None = "",
    ) -> int:
        """An asset of the location, by its id there."""
        with self.road.rows() as session:
            location = session.scalar(sa.select(Location)) or _location()
            asset = Asset(
                adam_id=str(adam_id),
                pricing_param="STDQ",
                product_type="App",
                device_assignable=True,
                revocable=True,
                supported_platforms=list(platforms),
                name=name,
                bundle_id=f"com.example.store.app{adam_id}" if bundle_id == "" else bundle_id,
            )
            session.add_all([location, asset])
            session.flush()
            row = LocationAsset(
                location_id=location.id, asset_id=asset.id, total_count=9, available_count=9
            )
            session.add(row)
            session.flush()
            return row.id

    def grant(self, device: SimulatedDevice, artifact: int) -> None:
        """Apple has assigned the licence, and the device is woken for it."""
        serial = device.facts.serial
        with self.road.rows() as session:
            licences.need(self.licensed[artifact], [serial])
            session.execute(
                sa.update(Licence)
                .where(
                    Licence.location_asset_id == self.licensed[artifact],
                    Licence.serial_number == serial,
                )
                .values(held=True, ours=True, todo=None, untold=False)
            )
            channel = self.road.channel(device)
            channel.plan_due_at = utcnow()
            wake.channel(channel)

    def walk(self) -> None:
        """What a job does about licences after each change of a scope."""
        with self.road.app.app_context():
            jobs.walk_scopes()

    def document(self, artifact: int, **options: Any) -> int:
        """A newer version of an app, with other options than the one before."""
        with self.road.rows() as session:
            row = session.scalars(
                sa.select(ArtifactVersion)
                .where(ArtifactVersion.artifact_id == artifact)
                .order_by(ArtifactVersion.rank.desc())
            ).first()
            assert row is not None
            named = (
                {"package": row.package_id}
                if row.package_id
                else {"location_asset": row.location_asset_id}
            )
        return self.version(artifact, json.dumps({**named, **options}).encode())


def _location() -> Location:
    return Location(
        name="Lab",
        organization_name="Example",
        country_code="DE",
        library_uid="1dc05825-af1d-422a-9b26-72a2f8c2aae5",
        platform="enterprisestore",
        website_url="https://business.apple.com",
        server_token_hash="0" * 64,
        server_token_expiration_date=utcnow() + timedelta(days=300),
        mdm_info_id="f42d9d70-d304-4ac1-83db-b045fa4bc623",
    )
