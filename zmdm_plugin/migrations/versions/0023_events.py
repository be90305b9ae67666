"""Events know their version, their actor and their request, and are found by them

Revision: 0023, after 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = ("version", "actor_id", "actor_label", "request_id")


def upgrade() -> None:
    op.add_column("zmdm_event", sa.Column("version", _ID, nullable=False, server_default="1"))
    op.add_column("zmdm_event", sa.Column("actor_id", sa.String(128), nullable=True))
    op.add_column("zmdm_event", sa.Column("actor_label", sa.String(256), nullable=True))
    op.add_column("zmdm_event", sa.Column("request_id", sa.String(64), nullable=True))
    op.create_index("ix_zmdm_event_kind_id", "zmdm_event", ["kind", "id"])
    op.drop_index("ix_zmdm_event_kind", "zmdm_event")
    for column in ("actor_id", "actor_label"):
        _some(f"ix_zmdm_event_{column}_id", [column, "id"], "actor_id IS NOT NULL")
    _some("ix_zmdm_event_session_id", ["session_id"], "session_id IS NOT NULL")
    op.create_index(
        "ix_zmdm_enrollment_session_created_at", "zmdm_enrollment_session", ["created_at"]
    )
    op.create_index(
        "ix_zmdm_enrollment_session_kind_state", "zmdm_enrollment_session", ["kind", "state"]
    )
    waiting = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_zmdm_command_waiting_state",
        "zmdm_command",
        ["state"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    op.create_table(
        "zmdm_counter",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("value", _ID, nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name="pk_zmdm_counter"),
    )


def _some(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "zmdm_event", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_table("zmdm_counter")
    op.drop_index("ix_zmdm_command_waiting_state", "zmdm_command")
    op.drop_index("ix_zmdm_enrollment_session_kind_state", "zmdm_enrollment_session")
    op.drop_index("ix_zmdm_enrollment_session_created_at", "zmdm_enrollment_session")
    for name in ("session_id", "actor_label_id", "actor_id_id"):
        op.drop_index(f"ix_zmdm_event_{name}", "zmdm_event")
    op.create_index("ix_zmdm_event_kind", "zmdm_event", ["kind"])
    op.drop_index("ix_zmdm_event_kind_id", "zmdm_event")
    for column in reversed(_COLUMNS):
        op.drop_column("zmdm_event", column)
