"""Accounts that live here, for labs and for trying things out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import RealmUser
from zmdm_plugin.services.realms import passwords
from zmdm_plugin.services.realms.provider import Known, Provider, WrongPassword

REDIRECTS = False


def check(provider: Provider, username: str, password: str) -> Known:
    """Who that is; WrongPassword for a wrong one, an unknown or a disabled account alike."""
    row = session().scalar(
        sa.select(RealmUser)
        .where(RealmUser.realm_id == provider.realm_id, RealmUser.username == username)
        .options(undefer(RealmUser.password_hash))
    )
    good = passwords.matches(password, row.password_hash if row is not None else None)
    if row is None or not good or row.disabled_at is not None:
        raise WrongPassword("the username or the password is wrong")
    return Known(claims={name: getattr(row, name) for name in RealmUser.FIELDS})


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Local accounts need no configuration."""
    if config:
        raise Refused("config", "local accounts need no configuration")
    return {}


def test(provider: Provider) -> str:
    """How many may sign in."""
    able = sa.select(sa.func.count()).where(
        RealmUser.realm_id == provider.realm_id,
        RealmUser.password_hash.is_not(None),
        RealmUser.disabled_at.is_(None),
    )
    number = session().scalar(able) or 0
    return f"Local accounts need no provider; {number:,} can sign in."
