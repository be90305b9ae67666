"""Alembic's way into our scripts; zmdm_plugin.migrate hands in the connection."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from zmdm_plugin.models import metadata
from zmdm_plugin.models.base import UtcDateTime


def _ours(name: str | None, type_: str, _parents: object) -> bool:
    return type_ != "table" or (name is not None and name.startswith("zmdm_"))


def _plain(type_: str, item: Any, _autogen: object) -> str | Literal[False]:
    """Frozen history imports nothing of ours: write the plain SQLAlchemy types."""
    if type_ == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if type_ == "type" and isinstance(item, sa.JSON):
        return 'sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")'
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table="zmdm_alembic_version",
    include_name=_ours,
    render_item=_plain,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
