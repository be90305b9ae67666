"""Who acts in a request: a token's on the API, whoever the host says on the screens."""

from __future__ import annotations

import logging

from flask import g, request
from sqlalchemy.exc import DBAPIError

from zmdm_plugin import db, origin
from zmdm_plugin.actors import Actor, TokenActor
from zmdm_plugin.errors import Unauthorized
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import token_guard, tokens
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

_SCHEMES = ("token", "bearer")


def authenticate_token() -> None:
    """A before_request of the API: tokens only, never the host's session cookie."""
    scheme, _, text = request.headers.get("Authorization", "").strip().partition(" ")
    if not scheme:
        raise Unauthorized("send an API token: Authorization: Token zmdm_…")
    if scheme.lower() not in _SCHEMES:
        raise Unauthorized("this API takes tokens only: Authorization: Token zmdm_…")
    now = utcnow()
    try:
        row = tokens.verify(text.strip(), at=now)
    except tokens.TokenRefused as error:
        with db.transaction():
            token_guard.write_down(error, now=now)
        raise
    g.zmdm_actor = actor = tokens.actor_of(row)
    origin.acts(actor.person.id, actor.person.label)
    if tokens.is_stale(row, at=now):
        _remember_use(row.id)


def api_actor() -> TokenActor:
    """The actor of an API request."""
    actor: TokenActor = g.zmdm_actor
    return actor


def screen_actor() -> Actor | None:
    """The actor of a screen: whom the host says is signed in."""
    return state().current_actor()


def _remember_use(token_id: int) -> None:
    try:
        with db.transaction():
            tokens.touch(token_id, at=utcnow())
    except DBAPIError as error:
        log.warning("the use of token %s was not recorded: %s", token_id, type(error).__name__)
