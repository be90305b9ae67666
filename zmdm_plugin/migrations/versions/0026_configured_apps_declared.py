"""Apps with a configuration may go by declaration, which names it as an asset

Revision: 0026, after 0025
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_VERSION = sa.table(
    "zmdm_artifact_version",
    sa.column("id", sa.BigInteger),
    sa.column("content", sa.JSON().with_variant(JSONB(), "postgresql")),
    sa.column("location_asset_id", sa.BigInteger),
    sa.column("package_id", sa.BigInteger),
)


def upgrade() -> None:
    _declarable(lambda content: bool(content.get("remove_on_unenroll")))


def downgrade() -> None:
    _declarable(lambda content: False)


def _declarable(rule: Any) -> None:
    """Of apps with a configuration, installers for Macs apart, which have to be managed for it."""
    of_apps = sa.or_(_VERSION.c.location_asset_id.is_not(None), _VERSION.c.package_id.is_not(None))
    connection = op.get_bind()
    rows = connection.execute(sa.select(_VERSION.c.id, _VERSION.c.content).where(of_apps)).all()
    for id_, content in rows:
        if content.get("configured") and content.get("kind") != "pkg":
            changed = {**content, "declarable": rule(content)}
            connection.execute(
                sa.update(_VERSION).where(_VERSION.c.id == id_).values(content=changed)
            )
