"""What it takes to talk to Apple for one location, and what the talk said about that location.

Credentials are read in a transaction, the talk happens outside of any, and its outcome is noted in
another. All processes keep to one pace per location, by a row that says when the next request may
go out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import sqlalchemy as sa

from zmdm_plugin.clients import apps_books_values as values
from zmdm_plugin.clients.apps_books import AppsBooksClient, Manners, http_client
from zmdm_plugin.clients.apps_books_errors import AppsBooksError, TakenOver
from zmdm_plugin.clients.apps_books_values import ServiceConfig
from zmdm_plugin.clients.user_agent import user_agent
from zmdm_plugin.db import HotStatement, engine, session
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import Location
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.state import state

CONFIG_AGE: Final = timedelta(minutes=5)
"""Apple's limits may change without notice: asked for again when they are older."""
_LONGEST: Final = 500
_FARTHEST_US: Final = 300_000_000
"""Microseconds: more than all turns that processes can be waiting for at once."""
_PACE: Final = HotStatement(
    "INSERT INTO zmdm_request_pace (name, next_us) VALUES (:name, :now_us + :gap_us) "
    "ON CONFLICT (name) DO UPDATE SET next_us = "
    "CASE WHEN zmdm_request_pace.next_us > :now_us AND zmdm_request_pace.next_us < :latest_us "
    "THEN zmdm_request_pace.next_us ELSE :now_us END"
    " + :gap_us RETURNING next_us - :gap_us"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client of this location needs; never logged, never kept beyond the talk."""

    location_id: int
    token: str = field(repr=False)
    mdm_info_id: str
    limits: Mapping[str, int]
    urls: Mapping[str, str]
    config_at: datetime | None


def find(location_id: int, *, lock: bool = False) -> Location:
    """The location, freshly read; NotFound."""
    if not 0 < location_id <= MAX_ID:
        raise NotFound("there is no such location")
    query = sa.select(Location).where(Location.id == location_id)
    if lock:
        query = query.with_for_update()
    location = session().scalar(query, execution_options={"populate_existing": True})
    if location is None:
        raise NotFound("there is no such location")
    return location


def credentials(location_id: int) -> Credentials:
    """Read what a talk needs."""
    location = find(location_id)
    token = vault.unseal(location, "server_token")
    if token is None:
        raise Conflict(f"{location.name} has no content token: upload it again")
    config = location.service_config or {}
    return Credentials(
        location_id=location.id,
        token=token.decode("ascii"),
        mdm_info_id=location.mdm_info_id,
        limits={**values.LIMITS, **config.get("limits", {})},
        urls=config.get("urls", {}),
        config_at=location.service_config_at,
    )


def client(given: Credentials, *, check: Callable[[], None] = lambda: None) -> AppsBooksClient:
    """A client with these credentials; open no transaction while it is used.

    `check` may raise, when a request's turn has come, what is to keep it from being sent.
    """

    def turn() -> None:
        pace(f"apps_books:{given.location_id}", given.limits["maxRequestPerSecond"])
        check()

    manners = Manners(user_agent=user_agent(), pace=turn)
    return AppsBooksClient(
        shared_http(),
        given.token,
        manners=manners,
        mdm_info_id=given.mdm_info_id,
        base_url=state().settings.apps_books_url,
    )


def stranger(token: str) -> AppsBooksClient:
    """A client for a token that is no location's yet."""
    return AppsBooksClient(
        shared_http(),
        token,
        manners=Manners(user_agent=user_agent()),
        mdm_info_id="",
        base_url=state().settings.apps_books_url,
    )


def shared_http() -> httpx.Client:
    """One warm HTTP client per process; a forked process opens its own."""
    kept: Any = state().cache.get("apps_books_http")
    if kept is None or kept[0] != os.getpid():
        kept = state().cache["apps_books_http"] = (os.getpid(), http_client())
    found: httpx.Client = kept[1]
    return found


def close() -> None:
    """Say goodbye: what a process does at its end."""
    kept = state().cache.pop("apps_books_http", None)
    if kept is not None and kept[0] == os.getpid():
        kept[1].close()


def pace(name: str, rate: int) -> None:
    """Wait for our turn: all processes together send at most `rate` requests a second.

    A turn that nobody waits so long for was given by a clock that was wrong: it does not count.
    """
    now = time.time_ns() // 1000
    given = {"name": name, "now_us": now, "gap_us": 1_000_000 // max(rate, 1)}
    row = _PACE.first(
        {**given, "latest_us": now + _FARTHEST_US},
        bound=engine(),
        prepare=state().settings.prepared_statements,
    )
    assert row is not None
    time.sleep(max(0.0, int(row[0]) / 1_000_000 - time.time()))


def keep_config(location: Location, config: ServiceConfig, *, now: datetime) -> None:
    """Limits and addresses, for everybody who talks for this location next."""
    location.service_config = {"limits": dict(config.limits), "urls": dict(config.urls)}
    location.service_config_at = now


def usable(location: Location, *, now: datetime) -> bool:
    """Whether Apple may be asked for anything in this location's name."""
    return (
        location.lost_at is None
        and location.deleting_at is None
        and location.registered_at is not None
        and location.server_token_expiration_date > now
    )


def answered(location_id: int) -> None:
    """Apple has answered: what was wrong is over."""
    session().execute(
        sa.update(Location)
        .where(Location.id == location_id, Location.error.is_not(None))
        .values(error=None, error_number=None, error_at=None),
        execution_options={"synchronize_session": False},
    )


def failed(location_id: int, error: AppsBooksError, *, now: datetime) -> None:
    """Keep what is wrong where administrators look; a location that was taken over rests."""
    location = session().get(Location, location_id)
    if location is None:
        return
    if isinstance(error, TakenOver):
        lose(location, error.info, now=now)
    elif location.error != str(error)[:_LONGEST]:
        events.record("location.failed", location=location.name, error=str(error)[:_LONGEST])
    location.error, location.error_at = str(error)[:_LONGEST], now
    location.error_number = error.number or None
    session().flush()


def lose(location: Location, owner: Mapping[str, Any], *, now: datetime) -> None:
    """Another server has said that it manages the location: ours stops, and says so."""
    location.owner = dict(owner)
    if location.lost_at is None:
        location.lost_at = now
        name = str(owner.get("name", ""))
        events.record("location.taken_over", location=location.name, owner=name)
