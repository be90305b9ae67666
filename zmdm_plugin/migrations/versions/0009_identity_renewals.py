"""How far the replacement of an identity is; a successor of the CA that lies ready

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_COLUMNS = (
    ("renewal_state", sa.String(16)),
    ("renewal_session_id", _ID),
    ("renewal_since", _MOMENT),
    ("renewal_next_at", _MOMENT),
    ("renewal_failure", sa.String(500)),
    ("renewal_overdue_at", _MOMENT),
)


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("zmdm_identity", sa.Column(name, kind, nullable=True))
    op.add_column(
        "zmdm_identity", sa.Column("renewal_attempts", _ID, server_default="0", nullable=False)
    )
    op.drop_index("ix_zmdm_identity_not_after", table_name="zmdm_identity")
    op.create_index("ix_zmdm_identity_not_after_id", "zmdm_identity", ["not_after", "id"])
    _partial("ix_zmdm_identity_renewal_state", "renewal_state", ["renewal_state"])
    _partial("ix_zmdm_identity_overdue", "renewal_overdue_at", [])
    op.add_column("zmdm_certificate_authority", sa.Column("issues_from", _MOMENT, nullable=True))


def _partial(name: str, column: str, first: list[str]) -> None:
    given = sa.text(f"{column} IS NOT NULL")
    op.create_index(
        name,
        "zmdm_identity",
        [*first, "not_after", "id"],
        postgresql_where=given,
        sqlite_where=given,
    )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_certificate_authority") as batch_op:
        batch_op.drop_column("issues_from")
    op.drop_index("ix_zmdm_identity_overdue", table_name="zmdm_identity")
    op.drop_index("ix_zmdm_identity_renewal_state", table_name="zmdm_identity")
    op.drop_index("ix_zmdm_identity_not_after_id", table_name="zmdm_identity")
    op.create_index("ix_zmdm_identity_not_after", "zmdm_identity", ["not_after"])
    with op.batch_alter_table("zmdm_identity") as batch_op:
        batch_op.drop_column("renewal_attempts")
        for name, _ in reversed(_COLUMNS):
            batch_op.drop_column(name)
