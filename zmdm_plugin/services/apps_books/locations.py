"""Locations: uploaded, renewed in place, taken over only when somebody has said so.

Apple is asked whose token it is before anything is written. Posting our mdmInfo takes the location
from the server that has it now, so the present owner is shown and has to be agreed to.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients.apps_books_errors import Refused as RefusedByApple
from zmdm_plugin.clients.apps_books_values import ClientConfig
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Location
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.protocol import content_token
from zmdm_plugin.protocol.content_token import BadContentToken, ContentToken
from zmdm_plugin.services import audit, events, vault
from zmdm_plugin.services.apps_books import connection, removal
from zmdm_plugin.state import state

EXPIRES_SOON = timedelta(days=15)
_TOKEN_BYTES = 32


class OwnedElsewhere(Conflict):
    """Another server manages the location; `owner` is its mdmInfo."""

    def __init__(self, owner: Mapping[str, str]) -> None:
        self.owner = owner
        name = owner.get("name") or owner.get("id") or "another server"
        super().__init__(
            f"this location is managed by {name}: say that it is to be taken over; that server "
            "then stops assigning its licences"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A content token, and what Apple says about its location."""

    token: ContentToken
    config: ClientConfig


def inspect(upload: bytes) -> Inspected:
    """Read the file and ask Apple about it, outside of any transaction; changes nothing.

    Refused for what is no token or what Apple does not take, else what the client raises.
    """
    try:
        token = content_token.parse(upload)
        return Inspected(token=token, config=connection.stranger(token.text).client_config())
    except (BadContentToken, RefusedByApple) as error:
        raise Refused("token", str(error)) from error


def create(actor: Actor, inspected: Inspected, *, take_over: bool = False) -> Location:
    """A new location; Conflict for one that is here already, OwnedElsewhere unless `take_over`."""
    _refuse_duplicates(inspected, None)
    _ask_first(inspected.config.owner, "", take_over=take_over)
    config = inspected.config
    location = Location(
        name=config.name or inspected.token.organization or config.library_uid,
        library_uid=config.library_uid,
        mdm_info_id=new_uid(),
    )
    _keep_token(location, inspected)
    _new_notification_token(location)
    session().add(location)
    audit.record(actor, "location.create", location, after=audit.snapshot(location))
    events.record("location.created", location=location.name)
    return location


def renew(
    actor: Actor, location: Location, inspected: Inspected, *, take_over: bool = False
) -> Location:
    """Another token of the same location takes the place of the one before."""
    removal.refuse(location)
    before = audit.snapshot(location)
    if inspected.config.library_uid != location.library_uid:
        raise Refused(
            "token", f"this token is for another location, {inspected.config.name}: add that one"
        )
    _refuse_duplicates(inspected, location)
    _ask_first(inspected.config.owner, location.mdm_info_id, take_over=take_over)
    _keep_token(location, inspected)
    location.error = location.error_number = location.error_at = None
    if take_over:
        _to_be_registered(location)
    audit.record(actor, "location.renew", location, before=before, after=audit.snapshot(location))
    return location


def take_back(actor: Actor, location: Location) -> Location:
    """Register anew for a location that another server has taken: the next sync does it."""
    removal.refuse(location)
    if location.lost_at is None and location.registered_at is not None:
        raise Conflict("this server manages the location already")
    owner = (location.owner or {}).get("name")
    _to_be_registered(location)
    audit.record(actor, "location.take_over", location, reason=f"from {owner}" if owner else None)
    return location


def registered(location: Location, *, now: datetime, error: str | None = None) -> None:
    """Apple has taken our mdmInfo; `error`: but will not notify us, and why."""
    location.registered_at = now
    location.lost_at = location.owner = None
    location.notification_error = error[:500] if error else None
    events.record("location.registered", location=location.name)
    session().flush()


def notification_url(location: Location) -> str:
    """Where Apple is to tell us; empty where it could not, for it takes https alone."""
    base = state().settings.base_url
    if not base.startswith("https://") and not _is_played():
        return ""
    return f"{base}/public/mdm/locations/{location.mdm_info_id}/notify/"


def token_hash(token: str) -> str:
    """How what Apple was told to show is kept."""
    return hashlib.sha256(token.encode("utf-8", "ignore")).hexdigest()


def _is_played() -> bool:
    """A service that is itself played over http tells over http, too."""
    return state().settings.apps_books_url.startswith("http://")


def _refuse_duplicates(inspected: Inspected, but: Location | None) -> None:
    """The same file twice, or another token of a location that is here."""
    mine = but.id if but is not None else 0
    same: dict[str, Any] = {
        "server_token_hash": inspected.token.digest,
        "library_uid": inspected.config.library_uid,
    }
    for column, value in same.items():
        query = sa.select(Location).where(getattr(Location, column) == value, Location.id != mine)
        if (found := session().scalar(query)) is not None:
            raise Conflict(f"{found.name} is here already: renew its token there")
    if but is not None and but.server_token_hash == inspected.token.digest:
        raise Conflict("this is the token that the location has already")


def _ask_first(owner: Mapping[str, str] | None, ours: str, *, take_over: bool) -> None:
    if owner and owner.get("id") != ours and not take_over:
        raise OwnedElsewhere(owner)


def _keep_token(location: Location, inspected: Inspected) -> None:
    config = inspected.config
    location.organization_name = inspected.token.organization
    location.name = config.name or location.name
    location.country_code = config.country_code
    location.platform = config.platform
    location.website_url = config.website_url
    vault.seal(location, "server_token", inspected.token.text.encode())
    location.server_token_hash = inspected.token.digest
    location.server_token_expiration_date = inspected.token.expires_at


def _new_notification_token(location: Location) -> None:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    vault.seal(location, "notification_token", token.encode())
    location.notification_token_hash = token_hash(token)


def _to_be_registered(location: Location) -> None:
    location.registered_at = location.lost_at = location.owner = None
    location.assignments_version = None
    session().flush()
