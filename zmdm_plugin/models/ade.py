"""What an enrollment of kind `ade` says beyond the others: the profile at Apple, the accounts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Row
from zmdm_plugin.models.enrollments import Enrollment


class AdeSettings(Row):
    """The settings of one ADE enrollment; texts that say nothing are empty, not NULL.

    The names are those of Apple's profile wherever it has one.
    https://developer.apple.com/documentation/devicemanagement/profile
    """

    __tablename__ = "zmdm_ade_settings"

    enrollment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_enrollment.id", ondelete="CASCADE"), unique=True
    )
    server_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_dep_virtual_server.id"), index=True)
    """Whose devices it is for; it cannot change, for a profile belongs to one server at Apple."""

    profile_name: Mapped[str] = mapped_column(sa.String(125))
    department: Mapped[str] = mapped_column(sa.String(125), default="")
    org_magic: Mapped[str] = mapped_column(sa.String(256), default="")
    support_email_address: Mapped[str] = mapped_column(sa.String(250), default="")
    support_phone_number: Mapped[str] = mapped_column(sa.String(50), default="")
    language: Mapped[str] = mapped_column(sa.String(3), default="")
    region: Mapped[str] = mapped_column(sa.String(2), default="")
    allow_pairing: Mapped[bool] = mapped_column(default=True)
    auto_advance_setup: Mapped[bool] = mapped_column(default=False)
    await_device_configured: Mapped[bool] = mapped_column(default=False)
    is_mandatory: Mapped[bool] = mapped_column(default=True)
    is_mdm_removable: Mapped[bool] = mapped_column(default=False)
    is_multi_user: Mapped[bool] = mapped_column(default=False)
    is_supervised: Mapped[bool] = mapped_column(default=True)
    is_return_to_service: Mapped[bool] = mapped_column(default=False)
    return_wifi_artifact_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_artifact.id"), index=True
    )
    """The profile of the network that a device is given which resets itself, or is reset."""
    return_preserve_apps: Mapped[bool] = mapped_column(default=True)
    """Hand it the bootstrap token that it has escrowed."""
    return_preserve_data_plan: Mapped[bool] = mapped_column(default=True)
    return_retry_enrollment: Mapped[bool] = mapped_column(default=False)
    do_not_use_profile_from_backup: Mapped[bool] = mapped_column(default=False)
    skip_setup_items: Mapped[list[str]] = mapped_column(default=list)
    include_anchor_certs: Mapped[bool] = mapped_column(default=False)
    """Hand the certificates of ZMDM_ADE_ANCHORS to devices, for a private web certificate."""
    supervising_host_certs: Mapped[list[str]] = mapped_column(default=list)
    """Base64 of DER: hosts that may pair although `allow_pairing` is off."""

    ios_min_version: Mapped[str] = mapped_column(sa.String(32), default="")
    """A version, `latest`, or empty; below it a device updates before it enrolls. iPadOS too."""
    macos_min_version: Mapped[str] = mapped_column(sa.String(32), default="")
    visionos_min_version: Mapped[str] = mapped_column(sa.String(32), default="")

    use_realm_user: Mapped[bool] = mapped_column(default=False)
    """The primary account on a Mac is the person who signed in."""
    username_pattern: Mapped[str] = mapped_column(sa.String(64), default="")
    """`$REALM_USER.DEVICE_USERNAME` or `$REALM_USER.EMAIL_PREFIX`."""
    realm_user_is_admin: Mapped[bool] = mapped_column(default=False)
    lock_primary_account_info: Mapped[bool] = mapped_column(default=False)
    skip_primary_account: Mapped[bool] = mapped_column(default=False)
    """No primary account is made in Setup Assistant: people sign in at the login window."""
    admin_full_name: Mapped[str] = mapped_column(sa.String(80), default="")
    """With `admin_short_name`: an administrator that each Mac gets, with a password of its own."""
    admin_short_name: Mapped[str] = mapped_column(sa.String(32), default="")
    hidden_admin: Mapped[bool] = mapped_column(default=False)
    admin_password_complexity: Mapped[int] = mapped_column(default=3)
    """1 to 3."""
    admin_password_rotation_delay: Mapped[int] = mapped_column(default=60)
    """Minutes from a reveal of the password to its change; 0: it stays."""

    enrollment: Mapped[Enrollment] = relationship(
        lazy="joined", innerjoin=True, back_populates="ade"
    )
