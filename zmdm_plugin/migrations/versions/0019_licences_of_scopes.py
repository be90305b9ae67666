"""Who wants a licence: a scope, an operator; and how far devices were walked for it

What is wanted so far counts as an operator's: it is never given back for a scope alone. The first
walk notes beside it what scopes want.

Revision: 0019, after 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name in ("scoped", "by_hand"):
        op.add_column(
            "zmdm_licence",
            sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    licence = sa.table(
        "zmdm_licence", sa.column("wanted", sa.Boolean()), sa.column("by_hand", sa.Boolean())
    )
    op.execute(sa.update(licence).where(licence.c.wanted).values(by_hand=True))
    op.create_table(
        "zmdm_licence_mark",
        sa.Column("serial_number", sa.String(128), nullable=False),
        sa.Column("marked_at", _MOMENT, nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("serial_number", name="pk_zmdm_licence_mark"),
    )
    op.create_table(
        "zmdm_licence_walk",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("target", _ID, nullable=False),
        sa.Column("walked", _ID, nullable=False),
        sa.Column("cursor", _ID, nullable=False),
        sa.Column("walked_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_zmdm_licence_walk"),
    )


def downgrade() -> None:
    op.drop_table("zmdm_licence_walk")
    op.drop_table("zmdm_licence_mark")
    for name in ("by_hand", "scoped"):
        op.drop_column("zmdm_licence", name)
