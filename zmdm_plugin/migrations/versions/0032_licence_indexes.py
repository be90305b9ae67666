"""A licence that is ordered and booked has fewer indexes to be entered in, and no order to look up

Devices are found by the same index as licences; who waits to be told is entered once it has come.

Revision: 0032, after 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TABLE, _ORDER = "zmdm_licence", "fk_zmdm_licence_request_id"
_UNTOLD, _SERIAL = "ix_zmdm_licence_untold", "ix_zmdm_licence_serial_number"
_BEFORE = "uq_zmdm_licence_location_asset_id_serial_number"
_AFTER = "uq_zmdm_licence_serial_number_location_asset_id"


def upgrade() -> None:
    op.drop_index(_UNTOLD, table_name=_TABLE)
    op.drop_index(_SERIAL, table_name=_TABLE)
    with op.batch_alter_table(_TABLE) as batch:
        batch.drop_constraint(_ORDER, type_="foreignkey")
        batch.drop_constraint(_BEFORE, type_="unique")
        batch.create_unique_constraint(_AFTER, ["serial_number", "location_asset_id"])
    _untold("untold AND held")


def downgrade() -> None:
    op.drop_index(_UNTOLD, table_name=_TABLE)
    with op.batch_alter_table(_TABLE) as batch:
        batch.drop_constraint(_AFTER, type_="unique")
        batch.create_unique_constraint(_BEFORE, ["location_asset_id", "serial_number"])
        batch.create_foreign_key(_ORDER, "zmdm_licence_request", ["request_id"], ["id"])
    op.create_index(_SERIAL, _TABLE, ["serial_number"])
    _untold("untold")


def _untold(which: str) -> None:
    where = sa.text(which)
    op.create_index(_UNTOLD, _TABLE, ["id"], postgresql_where=where, sqlite_where=where)
