"""Realms (where people are known), the people who signed in, and sign-ins under way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Row, sealed

_UNFINISHED = sa.text("handle_hash IS NULL")


class Realm(Row):
    """A directory of people, and how they prove who they are before a device enrolls."""

    __tablename__ = "zmdm_realm"

    name: Mapped[str] = mapped_column(sa.String(128), unique=True)
    backend: Mapped[str] = mapped_column(sa.String(16))
    """local | oidc | ldap"""
    enabled: Mapped[bool] = mapped_column(default=True)
    config: Mapped[dict[str, Any]]
    """Addresses and names that the backend asks for; never a secret."""
    secret: Mapped[str | None] = sealed("realm.secret")
    """The client's secret (oidc) or the password of the account that searches (ldap)."""
    claim_mapping: Mapped[dict[str, Any]]
    """Which claim or attribute fills which column of a person; see RealmUser.FIELDS."""
    succeeded_at: Mapped[datetime | None]
    """When the provider last did what it should: a sign-in or a test."""
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(sa.String(500))
    """What was wrong with the provider (not with a password) the last time, in words."""


class RealmUser(Row):
    """A person of a realm; devices that they enrolled name them."""

    __tablename__ = "zmdm_realm_user"
    __table_args__ = (
        sa.UniqueConstraint("realm_id", "username"),
        sa.UniqueConstraint("realm_id", "subject"),
        sa.Index("ix_zmdm_realm_user_username_id", "username", "id"),
        sa.Index("ix_zmdm_realm_user_last_signed_in_at_id", "last_signed_in_at", "id"),
    )
    FIELDS = (
        "username",
        "email",
        "first_name",
        "last_name",
        "full_name",
        "custom_attr_1",
        "custom_attr_2",
    )
    """The columns that a realm's claim mapping fills."""

    realm_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_realm.id"))
    subject: Mapped[str | None] = mapped_column(sa.String(256))
    """What the provider never gives to another person: `sub`, entryUUID; NULL: it has none."""
    username: Mapped[str] = mapped_column(sa.String(256))
    email: Mapped[str | None] = mapped_column(sa.String(256), index=True)
    first_name: Mapped[str | None] = mapped_column(sa.String(256))
    last_name: Mapped[str | None] = mapped_column(sa.String(256))
    full_name: Mapped[str | None] = mapped_column(sa.String(256))
    custom_attr_1: Mapped[str | None] = mapped_column(sa.String(256))
    custom_attr_2: Mapped[str | None] = mapped_column(sa.String(256))
    claims: Mapped[dict[str, Any] | None]
    """What the provider said of them the last time."""
    password_hash: Mapped[str | None] = mapped_column(sa.String(256), deferred=True)
    """Local accounts only: scrypt."""
    disabled_at: Mapped[datetime | None]
    """Local accounts only: since when they may not sign in."""
    last_signed_in_at: Mapped[datetime | None]

    realm: Mapped[Realm] = relationship()


class SignIn(Row):
    """A person on their way through a realm: begun by us, finished once, forgotten after days."""

    __tablename__ = "zmdm_sign_in"
    __table_args__ = (
        sa.Index(
            "ix_zmdm_sign_in_unfinished",
            "realm_id",
            "address",
            postgresql_where=_UNFINISHED,
            sqlite_where=_UNFINISHED,
        ),
    )

    realm_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_realm.id"), index=True)
    purpose: Mapped[str] = mapped_column(sa.String(32))
    """What it is for; it can be finished for nothing else."""
    then: Mapped[str] = mapped_column(sa.String(500))
    """Where the browser goes afterwards: a path of ours."""
    data: Mapped[dict[str, Any]]
    """What whoever began it wants to know again at its end; no secrets."""
    optional: Mapped[bool] = mapped_column(default=False)
    """Whether the person may go on without signing in."""
    address: Mapped[str | None] = mapped_column(sa.String(64))
    """From where it was begun."""
    ticket_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the secret in the address of the page, hex."""
    browser_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """SHA-256 of the cookie of the browser that opened it first: the only one that may go on."""
    state_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the state that the provider hands back (oidc)."""
    flow: Mapped[str | None] = sealed("sign_in.flow")
    """What the backend must remember until the provider sends the browser back (oidc)."""
    handle_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of what finishes it; there is none before the person is known."""
    realm_user_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_realm_user.id"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    realm: Mapped[Realm] = relationship(lazy="joined", innerjoin=True)
    realm_user: Mapped[RealmUser | None] = relationship()


class SignInAttempt(Row):
    """A password that is being tried or was wrong: what limits guessing, in every process alike."""

    __tablename__ = "zmdm_sign_in_attempt"
    __table_args__ = (
        sa.Index("ix_zmdm_sign_in_attempt_account", "realm_id", "account_hash", "created_at"),
        sa.Index("ix_zmdm_sign_in_attempt_address", "address", "created_at"),
        sa.Index("ix_zmdm_sign_in_attempt_created_at", "created_at"),
    )

    realm_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_realm.id"))
    account_hash: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of the username that was typed: a password typed there by mistake is not kept."""
    address: Mapped[str | None] = mapped_column(sa.String(64))
