"""What it takes to talk to Apple for one service, and what the talk said about that service.

Credentials are read in a transaction, the talk happens outside of any, and its outcome is noted in
another: see web/dep.py, which the edges share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.clients.dep_errors import DepError, TermsNotSigned
from zmdm_plugin.clients.dep_session import Manners, http_client
from zmdm_plugin.clients.dep_values import Limit
from zmdm_plugin.clients.user_agent import user_agent
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import DepVirtualServer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.server_token import ServerToken
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.state import state

AFTER_FAILURE: Final = timedelta(minutes=15)
"""How long nothing is asked by itself after a failure, unless Apple said how long."""
_LEAST_REST: Final = timedelta(minutes=1)
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client of this service needs; never logged, never kept beyond the talk."""

    server_id: int
    token: ServerToken
    limits: Mapping[str, Limit]


def find(server_id: int, *, lock: bool = False) -> DepVirtualServer:
    """The service, freshly read; NotFound."""
    if not 0 < server_id <= MAX_ID:
        raise NotFound("there is no such virtual server")
    query = sa.select(DepVirtualServer).where(DepVirtualServer.id == server_id)
    if lock:
        query = query.with_for_update()
    server = session().scalar(query, execution_options={"populate_existing": True})
    if server is None:
        raise NotFound("there is no such virtual server")
    return server


def askable(now: datetime) -> list[sa.ColumnElement[bool]]:
    """SQL conditions on the services that may be asked by themselves at this moment."""
    row = DepVirtualServer
    return [
        row.token.is_not(None),
        row.access_token_expiry > now,
        sa.or_(row.rests_until.is_(None), row.rests_until <= now),
    ]


def check_token(server: DepVirtualServer, *, now: datetime) -> None:
    """Conflict says what to do where Apple would not answer."""
    ends = server.access_token_expiry
    if server.token is None or ends is None:
        raise Conflict(f"{server.name} is not connected: upload its server token")
    if ends <= now:
        raise Conflict(f"the server token of {server.name} expired on {ends:%Y-%m-%d}: renew it")


def credentials(server_id: int) -> Credentials:
    """Read what a talk needs; Conflict while the service has no token, or an expired one."""
    server = find(server_id)
    check_token(server, now=utcnow())
    text = vault.unseal(server, "token")
    assert text is not None
    values = json.loads(text)
    values["expires_at"] = datetime.fromisoformat(values["expires_at"])
    limits = {path: Limit(*pair) for path, pair in (server.limits or {}).items()}
    return Credentials(server_id=server.id, token=ServerToken(**values), limits=limits)


def seal_token(server: DepVirtualServer, token: ServerToken) -> None:
    """Keep the token with the service."""
    values = asdict(token) | {"expires_at": token.expires_at.isoformat()}
    vault.seal(server, "token", json.dumps(values).encode())
    server.consumer_key = token.consumer_key
    server.access_token_expiry = token.expires_at


@contextmanager
def client(given: Credentials) -> Iterator[DepClient]:
    """A client with these credentials; open no transaction while it is used."""
    settings = state().settings
    manners = Manners(user_agent=user_agent())
    with http_client(settings.dep_ca) as http:
        yield DepClient(
            http, given.token, manners=manners, base_url=settings.dep_url, limits=given.limits
        )


def answered(server_id: int) -> None:
    """Apple has answered: what was wrong with the service is over."""
    wrong = sa.or_(
        DepVirtualServer.terms_not_signed_at.is_not(None), DepVirtualServer.error.is_not(None)
    )
    found = session().execute(
        sa.select(DepVirtualServer).where(DepVirtualServer.id == server_id, wrong)
    )
    for server in found.scalars():
        clear(server)
    session().flush()


def clear(server: DepVirtualServer) -> None:
    """What was wrong is over."""
    if server.terms_not_signed_at is not None:
        events.record("dep.terms_signed", server=server.name)
    forget_fault(server)


def forget_fault(server: DepVirtualServer) -> None:
    """Nothing is known to be wrong with it."""
    server.terms_not_signed_at = server.error = server.error_at = server.rests_until = None


def failed(server_id: int, error: DepError, *, now: datetime) -> None:
    """Keep what is wrong where administrators look; the terms with the time they were seen.

    Apple is left alone for as long as it asks for: nothing is begun by itself until then.
    """
    server = session().get(DepVirtualServer, server_id)
    if server is None:
        return
    if isinstance(error, TermsNotSigned):
        if server.terms_not_signed_at is None:
            server.terms_not_signed_at = now
            events.record("dep.terms_not_signed", server=server.name)
    elif server.error != str(error)[:_LONGEST]:
        events.record("dep.failed", server=server.name, error=str(error)[:_LONGEST])
    asked = None if error.retry_after is None else timedelta(seconds=error.retry_after)
    server.error, server.error_at = str(error)[:_LONGEST], now
    server.rests_until = now + (AFTER_FAILURE if asked is None else max(asked, _LEAST_REST))
    session().flush()
