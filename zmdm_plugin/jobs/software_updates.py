"""software_updates.sync and .daily: Apple's list of updates, fetched once a day or when asked."""

from __future__ import annotations

import logging

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.clients import software_lookup
from zmdm_plugin.clients.software_lookup import Listing, SoftwareLookup
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import Conflict
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.services.software_updates import feed
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

PERIOD = 900
"""Seconds between two looks whether the daily fetch is due."""


def sync(uid: str) -> None:
    """Fetch the list, then take it in: nothing is locked while Apple is waited for."""
    fetched: list[Listing] = []

    def before(_claimed: Claimed) -> None:
        fetched[:] = [_fetch()]

    def step(_claimed: Claimed) -> Step:
        return feed.store(fetched[0], now=utcnow())

    work_off(uid, step, before=before)
    run_in_transaction(lambda: feed.note_outcome(uid))


def daily() -> None:
    """Order a fetch once a day; the scheduler asks, a worker does it."""
    run_in_transaction(_order)


def _order() -> None:
    now = utcnow()
    if not feed.is_due(now=now):
        return
    try:
        feed.start(SYSTEM, now=now)
    except Conflict as error:
        log.info("no daily fetch of the updates: %s", error)


def _fetch() -> Listing:
    settings = state().settings
    with software_lookup.client(settings.software_lookup_ca) as http:
        return SoftwareLookup(http, settings.software_lookup_url).fetch()
