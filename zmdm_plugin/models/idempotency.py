"""Requests that programs may repeat without repeating what they did."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Row, sealed


class IdempotentRequest(Row):
    """An `Idempotency-Key`: written in the transaction of the action, its answer right after.

    A row without an answer: the action was done, but the process died before it could say so.
    """

    __tablename__ = "zmdm_idempotent_request"
    __table_args__ = (
        sa.UniqueConstraint("token_id", "key"),
        sa.Index("ix_zmdm_idempotent_request_created_at", "created_at"),
    )

    token_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_api_token.id"))
    key: Mapped[str] = mapped_column(sa.String(255))
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of method, path, arguments and body, hex."""
    status: Mapped[int | None]
    content_type: Mapped[str | None] = mapped_column(sa.String(128))
    answer: Mapped[str | None] = sealed("idempotent_request.answer")
    """The body; sealed, for the answer to a new token holds its text."""
