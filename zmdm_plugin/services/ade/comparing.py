"""Test: the profile that Apple has beside what the settings say now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Enrollment
from zmdm_plugin.services import vault
from zmdm_plugin.services.ade import defining, profile, settings


def uuid_of(row: Enrollment) -> str:
    """The profile that Apple has; Conflict until it has one."""
    defined = defining.standings([row.id])[row.id].defined
    if defined is None or defined.profile_uuid is None:
        raise Conflict("Apple has no profile of this enrollment yet")
    return defined.profile_uuid


def lines(row: Enrollment, given: Mapping[str, Any]) -> list[profile.Line]:
    """Key by key, what differs first; the secret in our address is shown in neither."""
    secret = vault.unseal(row, "secret")
    apples = profile.hidden(given, secret.decode()) if secret else given
    return profile.compared(profile.content(settings.of(row)), apples)
