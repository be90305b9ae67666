"""What the house needs to run: API tokens, leases, long jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row, sealed


class ApiToken(Row):
    """A program's credential; only its SHA-256 is kept, for 256 random bits need no more."""

    __tablename__ = "zmdm_api_token"

    name: Mapped[str] = mapped_column(sa.String(128))
    prefix: Mapped[str] = mapped_column(sa.String(16))
    """The first characters, to tell tokens apart in lists."""
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    owner_id: Mapped[str] = mapped_column(sa.String(128), index=True)
    owner_label: Mapped[str] = mapped_column(sa.String(256))
    permissions: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class Lease(Base):
    """Makes sure that one process alone does a thing (the scheduler) until it stops renewing."""

    __tablename__ = "zmdm_lease"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(sa.String(128))
    until: Mapped[datetime]


class Heartbeat(Base):
    """When a worker or scheduler last said that it lives; the doctor reads it."""

    __tablename__ = "zmdm_heartbeat"

    name: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    seen_at: Mapped[datetime]


class JobRun(Row):
    """A job that takes time: who asked for it, how far it is, what came of it.

    States: queued -> running -> done | failed | cancelled; running -> queued when its worker died.
    """

    __tablename__ = "zmdm_job_run"
    __table_args__ = (
        sa.Index(
            "ix_zmdm_job_run_due",
            "due_at",
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index(
            "ix_zmdm_job_run_finished_at",
            "finished_at",
            postgresql_where=sa.text("finished_at IS NOT NULL"),
            sqlite_where=sa.text("finished_at IS NOT NULL"),
        ),
    )

    name: Mapped[str] = mapped_column(sa.String(128), index=True)
    """The job in jobs.JOBS that is given this run's uid."""
    title: Mapped[str] = mapped_column(sa.String(200))
    """What it does, for people."""
    state: Mapped[str] = mapped_column(sa.String(16))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    message: Mapped[str | None] = mapped_column(sa.String(500))
    arguments: Mapped[dict[str, Any]]
    """What it works on, never a secret."""
    secret_arguments: Mapped[str | None] = sealed("job_run.secret_arguments")
    """JSON of what may hold secrets (a command's arguments); gone once the run has ended."""
    cursor: Mapped[dict[str, Any] | None]
    """Where the next step begins: committed together with the work of the step before."""
    result: Mapped[dict[str, Any] | None]
    actor_id: Mapped[str] = mapped_column(sa.String(128))
    actor_label: Mapped[str] = mapped_column(sa.String(256))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    owner_id: Mapped[str] = mapped_column(sa.String(128), index=True)
    """The person: the actor, or the owner of the token that acted."""
    holder: Mapped[str | None] = mapped_column(sa.String(36))
    """The slice that works on it; another one takes it only after `due_at`."""
    due_at: Mapped[datetime | None]
    """When the sweep takes an interest: its worker died, or its wake-up was lost."""
    crashes: Mapped[int] = mapped_column(default=0)
    """How many workers died over it without getting one step further."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]


class Counter(Base):
    """What has happened so often since this server began, and what there was a moment ago."""

    __tablename__ = "zmdm_counter"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
