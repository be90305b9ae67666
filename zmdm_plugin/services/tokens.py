"""API tokens: `zmdm_` + 256 random bits + a checksum; the text is shown once, its SHA-256 kept.

The checksum tells a mistyped token from an unknown one without asking the database, and lets
scanners recognize leaked ones.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.actors import Actor, TokenActor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused, Unauthorized
from zmdm_plugin.models import ApiToken
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.policy import implying
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

MARK = "zmdm_"
KEYSET = Keyset(ApiToken.id, {})
PATTERN = re.compile(r"mdm\.[A-Za-z0-9_.*]{1,120}", re.ASCII)
"""A permission or a pattern: the star stands for anything, and nothing else is special."""
_FORM = re.compile(r"zmdm_[A-Za-z0-9_-]{43}[0-9a-f]{8}", re.ASCII)
_PREFIX_LENGTH = 12
_STALE_AFTER = timedelta(minutes=5)
_INVALID = "the token is not valid"


class TokenRefused(Unauthorized):
    """Carries the row of a token that has ended; None for one that never was."""

    def __init__(self, message: str, *, token: ApiToken | None = None) -> None:
        self.token = token
        super().__init__(message)


def create(
    name: str,
    owner: Actor,
    *,
    permissions: Sequence[str],
    actor: Actor,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token; the text is returned here and can never be read again.

    `permissions` are names or patterns (`mdm.view_*`); at use they hold as far as the owner's do.
    What the owner, or the token that makes it, has nothing of is refused at once.
    """
    _check_name(name)
    _check_permissions(permissions, owner, actor)
    if expires_at is not None and expires_at <= utcnow():
        raise Refused("expires_at", "lies in the past")
    text = _new_text()
    row = ApiToken(
        name=name,
        prefix=text[:_PREFIX_LENGTH],
        token_hash=_digest(text),
        owner_id=owner.id,
        owner_label=owner.label,
        permissions=sorted(set(permissions)),
        expires_at=expires_at,
    )
    session().add(row)
    audit.record(actor, "token.create", row, after=audit.snapshot(row))
    return row, text


def verify(text: str, *, at: datetime) -> ApiToken:
    """The row of a token that is good at this moment; TokenRefused otherwise."""
    if not _FORM.fullmatch(text) or text[-8:] != _checksum(text[:-8]):
        raise TokenRefused(_INVALID)
    row = session().scalar(sa.select(ApiToken).where(ApiToken.token_hash == _digest(text)))
    if row is None:
        raise TokenRefused(_INVALID)
    if row.revoked_at is not None:
        raise TokenRefused("the token was revoked", token=row)
    if not is_good(row, at=at):
        raise TokenRefused("the token has expired", token=row)
    return row


def is_good(row: ApiToken, *, at: datetime) -> bool:
    """Whether a token is neither revoked nor expired."""
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > at)


def actor_of(row: ApiToken) -> TokenActor:
    """Who acts when this token is used."""
    return TokenActor(
        id=f"token:{row.id}",
        label=f"{row.name} ({row.owner_label})",
        kind="token",
        owner=Actor(id=row.owner_id, label=row.owner_label),
        permissions=tuple(row.permissions),
    )


def is_stale(row: ApiToken, *, at: datetime) -> bool:
    """Whether "last used" is old enough to be written anew: not at each request."""
    return row.last_used_at is None or at - row.last_used_at > _STALE_AFTER


def touch(token_id: int, *, at: datetime) -> None:
    """Remember the use."""
    session().execute(
        sa.update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=at),
        execution_options={"synchronize_session": False},
    )


def revoke(token_id: int, *, actor: Actor) -> ApiToken:
    """End a token at once; Conflict if it is ended already."""
    row = session().get(ApiToken, token_id) if 0 < token_id <= MAX_ID else None
    if row is None:
        raise NotFound("no such token")
    if row.revoked_at is not None:
        raise Conflict("the token is revoked already")
    row.revoked_at = utcnow()
    audit.record(actor, "token.revoke", row, after={"revoked_at": row.revoked_at})
    return row


def all_tokens() -> Sequence[ApiToken]:
    """Every token, the newest first; there are few."""
    return session().scalars(sa.select(ApiToken).order_by(ApiToken.id.desc())).all()


def page(actor: Actor, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[ApiToken]:
    """A page of the tokens that this actor may see, the newest first; Denied for none at all."""
    query = sa.select(ApiToken)
    if not access.allowed(actor, access.VIEW_TOKENS):
        access.demand(actor, access.ADD_TOKENS)
        query = query.where(ApiToken.owner_id == actor.person.id)
    return KEYSET.entities(query, ordering="-id", cursor=cursor, limit=limit)


def find(token_id: int, *, actor: Actor, permission: str) -> ApiToken:
    """A token that one may see or revoke: one's own with mdm.add_apitoken, else `permission`."""
    row = session().get(ApiToken, token_id) if 0 < token_id <= MAX_ID else None
    own = row is not None and row.owner_id == actor.person.id
    if not (own and access.allowed(actor, access.ADD_TOKENS)):
        access.demand(actor, permission, row)
    if row is None:
        raise NotFound("there is no such token")
    return row


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > 128:
        raise Refused("name", "must have 1 to 128 characters")


def _check_permissions(patterns: Sequence[str], owner: Actor, actor: Actor) -> None:
    if not patterns:
        raise Refused("permissions", "name at least one, for example mdm.view_*")
    known = access.permissions()
    for pattern in patterns:
        named = [name for name in known if access.covers([pattern], name)]
        if not PATTERN.fullmatch(pattern) or not named:
            raise Refused("permissions", f"{pattern[:128]} is no permission of this server")
        if isinstance(actor, TokenActor) and not _within(actor, pattern):
            raise Refused("permissions", f"{pattern} is more than this token has itself")
        if not any(access.allowed(owner, name) for name in named):
            raise Refused("permissions", f"{owner.label} has nothing of {pattern}")


def _within(actor: TokenActor, pattern: str) -> bool:
    """Whether all that a pattern can ever name is the token's: a star covers a star."""
    return any(access.covers(actor.permissions, name) for name in implying(pattern))


def _new_text() -> str:
    body = MARK + secrets.token_urlsafe(32)
    return body + _checksum(body)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
