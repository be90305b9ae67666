"""Blueprints: what a group of devices should have, as links to artifacts with a scope each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Row

PREFIX = "blueprint:"
"""Of the names of revisions."""
COLLECT = ("no", "managed", "all")


class MDMBlueprint(Row):
    """What devices should have; its revision is the `zmdm_revision` row `blueprint:<id>`."""

    __tablename__ = "zmdm_blueprint"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    inventory_interval: Mapped[int] = mapped_column(default=86400)
    """Seconds between two inventories of a device, 14400 to 604800."""
    collect_apps: Mapped[str] = mapped_column(sa.String(8), default="no")
    """no | managed | all, as the two that follow"""
    collect_certificates: Mapped[str] = mapped_column(sa.String(8), default="no")
    collect_profiles: Mapped[str] = mapped_column(sa.String(8), default="no")
    legacy_profiles_via_ddm: Mapped[bool] = mapped_column(default=True)
    """Configuration profiles go by declaration where the device knows them, else by command."""
    apps_via_ddm: Mapped[bool] = mapped_column(default=False)
    """Apps and packages likewise, where the device knows such declarations."""
    filevault_config_id: Mapped[int | None] = mapped_column(index=True)
    recovery_password_config_id: Mapped[int | None] = mapped_column(index=True)
    """No foreign keys: SQLite would have to rebuild this table, which deletes what hangs on it; a
    configuration is deleted only while no blueprint has it."""
    admin_password_rotation_interval_days: Mapped[int] = mapped_column(
        default=0, server_default=sa.text("0")
    )
    """Of the administrator that Setup Assistant makes; 0: never."""
    admin_password_reveal_rotation_delay: Mapped[int] = mapped_column(
        default=60, server_default=sa.text("60")
    )
    """Minutes after a reveal; 0: not for that. The enrollment that made the administrator, if it
    was one of Automated Device Enrollment, says it first."""

    @property
    def revision_name(self) -> str:
        return revision_name(self.id)


class BlueprintArtifact(Row):
    """An artifact in a blueprint, and which of the blueprint's devices get it."""

    __tablename__ = "zmdm_blueprint_artifact"
    __table_args__ = (sa.UniqueConstraint("blueprint_id", "artifact_id"),)

    blueprint_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_blueprint.id"))
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_artifact.id"), index=True)
    scope: Mapped[dict[str, Any]]
    """See protocol.scope.Scope."""


def revision_name(blueprint_id: int) -> str:
    """Under which name the revision of a blueprint is counted."""
    return f"{PREFIX}{blueprint_id}"


def blueprint_of(revision: str) -> int:
    """The other way round."""
    return int(revision.removeprefix(PREFIX))
