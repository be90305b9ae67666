"""The accounts of a Mac in Setup Assistant: the person's who signed in, and an administrator's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands.account_configuration import Accounts
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import AdeSettings, ChannelCommand, Device, EnrollmentSession, RealmUser
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.protocol import password_hash
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import passwords
from zmdm_plugin.services.realms import naming

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 255


def settings_of(device: Device) -> AdeSettings | None:
    """Of the ADE enrollment that a Mac came by, if it says anything about accounts."""
    if device.platform != "macOS" or device.session_id is None:
        return None
    found = session().scalar(
        sa.select(AdeSettings)
        .join(EnrollmentSession, EnrollmentSession.enrollment_id == AdeSettings.enrollment_id)
        .where(EnrollmentSession.id == device.session_id, EnrollmentSession.kind == "ade")
    )
    if found is None:
        return None
    says = found.admin_short_name or found.use_realm_user or found.skip_primary_account
    return found if says else None


def arguments(device: Device) -> dict[str, Any]:
    """What the order says: the uid of the administrator's password to come, if there is one."""
    found = settings_of(device)
    return {"version": new_uid()} if found is not None and found.admin_short_name else {}


def ordered(device: Device, args: Mapping[str, Any], row: ChannelCommand) -> None:
    """It was queued: the password is in the vault before the Mac can have it, and nowhere else."""
    found = settings_of(device)
    if found is None or "version" not in args:
        return
    value = passwords.administrator(groups=found.admin_password_complexity + 1)
    vault.keep_version(
        device,
        vault.ADMIN_PASSWORD,
        value.encode(),
        state="pending",
        command=row.uid,
        uid=args["version"],
    )


def of(device: Device, version: str | None) -> Accounts:
    """The accounts, as they are known at delivery; NotFound if nothing is said about them now."""
    found = settings_of(device)
    if found is None:
        raise NotFound("the enrollment says nothing about accounts any more")
    kept = vault.find(version) if version else None
    if version and (kept is None or kept.device_id != device.id):
        raise NotFound("the administrator's password is gone")
    full_name, user_name = _person(device, found)
    return Accounts(
        full_name=full_name,
        user_name=user_name,
        locked=found.lock_primary_account_info and bool(full_name or user_name),
        regular_user=found.use_realm_user and not found.realm_user_is_admin and kept is not None,
        skipped=found.skip_primary_account and kept is not None,
        admin_short_name=found.admin_short_name if kept else "",
        admin_full_name=found.admin_full_name if kept else "",
        admin_hidden=found.hidden_admin,
        admin_hash=password_hash.password_hash(vault.text(kept)) if kept else b"",
    )


def _person(device: Device, found: AdeSettings) -> tuple[str, str]:
    """Full name and account name of whoever signed in; empty where nobody did."""
    if not found.use_realm_user or device.realm_user_id is None:
        return "", ""
    person = session().get(RealmUser, device.realm_user_id)
    if person is None:
        return "", ""
    chosen = naming.variables(person).get(found.username_pattern) or ""
    names = (person.full_name, f"{person.first_name or ''} {person.last_name or ''}".strip())
    full_name = next((name for name in names if name), "")
    return full_name, _NOT_IN_NAMES.sub("", chosen)[:_LONGEST_NAME]
