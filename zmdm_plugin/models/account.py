"""Account-driven enrollment: what such an enrollment says, and the access tokens of sign-ins."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Row
from zmdm_plugin.models.enrollments import Enrollment, EnrollmentSession


class AccountSettings(Row):
    """What an enrollment of kind `account` says beyond the others: whom it is for, and how.

    https://developer.apple.com/documentation/devicemanagement/implementing-the-simple-authentication-user-enrollment-flow
    """

    __tablename__ = "zmdm_account_settings"

    enrollment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_enrollment.id", ondelete="CASCADE"), unique=True
    )
    mode: Mapped[str] = mapped_column(sa.String(16))
    """mdm-byod (user enrollment) | mdm-adde (device enrollment), as service discovery says it."""
    domains: Mapped[list[str]] = mapped_column(default=list)
    """Lower case; whose people are sent here by what they type before the sign-in."""
    model_families: Mapped[list[str]] = mapped_column(default=list)
    """iPhone, iPad, Mac …; empty: all of them."""
    is_default: Mapped[bool] = mapped_column(default=False)
    """Also for people of domains that no enrollment names."""
    managed_account: Mapped[str] = mapped_column(sa.String(256))
    """Pattern of the Managed Apple Account, made of variables of the person who signed in."""
    reauthenticate_days: Mapped[int | None]
    """After how many days a device is asked to sign in again; NULL: never."""

    server_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_dep_virtual_server.id", ondelete="SET NULL"), index=True
    )
    """Whose organization vouches for Managed Apple Accounts; NULL: the one connected first."""

    enrollment: Mapped[Enrollment] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """The enrollment's, for entries of the audit."""
        return self.enrollment.name


class AccessToken(Row):
    """What a sign-in gave the device: one use to enroll, and from then on the bearer it sends."""

    __tablename__ = "zmdm_access_token"

    enrollment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_enrollment.id", ondelete="CASCADE"), index=True
    )
    session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_enrollment_session.id"), index=True
    )
    """Whose bearer it is; NULL until the device came back with it."""
    realm_user_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_realm_user.id"), index=True)
    managed_account: Mapped[str] = mapped_column(sa.String(256))
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256, hex."""
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    """Unused: until when it lets a device in. In use: when to sign in again; NULL: never."""
    asked_at: Mapped[datetime | None]
    """When its device was last told to sign in again."""

    session: Mapped[EnrollmentSession | None] = relationship()
