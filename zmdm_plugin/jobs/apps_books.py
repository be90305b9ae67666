"""apps_books.*: syncs of locations, licences ordered and followed, devices told, icons fetched."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from zmdm_plugin.clients.apps_books_errors import (
    AppsBooksError,
    EventUnknown,
    NotEnough,
    TakenOver,
)
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import NotFound
from zmdm_plugin.jobs import stopping
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.apps_books import (
    bulk,
    connection,
    metadata,
    notifications,
    ordering,
    schedule,
    sync_steps,
    syncing,
    telling,
)
from zmdm_plugin.services.job_runs import Claimed, Step

log = logging.getLogger(__name__)

PERIOD = 60
"""Seconds between two looks whether a location is due."""
SLICE = 45.0
_ORDERS = 15


def sync(uid: str) -> None:
    """Ask, then store, page by page: nothing is locked while Apple is waited for."""
    talk = _Talk()
    location_id = run_in_transaction(lambda: int(job_runs.find(uid).arguments["location"]))
    work_off(uid, talk.store, before=talk.ask)
    if talk.error is not None:
        error = talk.error
        run_in_transaction(lambda: connection.failed(location_id, error, now=utcnow()))


class _Talk:
    """What Apple said to the step that is about to be stored."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.error: AppsBooksError | None = None

    def ask(self, claimed: Claimed) -> None:
        location_id = int(claimed.arguments["location"])
        known = run_in_transaction(lambda: sync_steps.given(location_id))
        place = syncing.place_of(claimed)
        try:
            self.answer = sync_steps.ask(place, known, connection.client(known.credentials))
        except AppsBooksError as error:
            self.error = error
            raise

    def store(self, claimed: Claimed) -> Step:
        return syncing.store(claimed, syncing.place_of(claimed), self.answer, now=utcnow())


def work(location_id: int) -> None:
    """What one location has to do now: read what Apple told, order, ask what became of orders."""
    end = time.monotonic() + SLICE
    stop = stopping.current()
    try:
        while _once(location_id):
            if time.monotonic() > end or stop.requested:
                defer_now("apps_books.work", location_id, once=f"apps_books.work:{location_id}")
                return
    except NotFound:
        log.info("location %s is gone", location_id)


def _once(location_id: int) -> bool:
    """One round of it; whether something was done, so that there may be more."""
    told = run_in_transaction(lambda: notifications.work_off(location_id, now=utcnow()))
    run_in_transaction(lambda: schedule.after_notifications(location_id, now=utcnow()))
    talk = run_in_transaction(lambda: schedule.talk(location_id, now=utcnow()))
    if talk is None:
        return told > 0
    try:
        ordered = _order_some(talk)
        followed = _follow(talk)
    except AppsBooksError as error:
        failure = error
        run_in_transaction(lambda: connection.failed(location_id, failure, now=utcnow()))
        return False
    if ordered or followed:
        run_in_transaction(lambda: connection.answered(location_id))
    return told > 0 or ordered or followed


def _order_some(talk: connection.Credentials) -> bool:
    """As many as Apple takes in a second, before what became of the first is read."""
    sent = 0
    while sent < _ORDERS and _order(talk):
        sent += 1
    return sent > 0


def _order(talk: connection.Credentials) -> bool:
    """Send one order; False when there is none."""
    limit = talk.limits["maxSerialNumbers"]
    order = run_in_transaction(lambda: ordering.claim(talk.location_id, limit=limit, now=utcnow()))
    if order is None:
        return False
    if not order.serials:
        run_in_transaction(lambda: ordering.forget(order.request_id, now=utcnow()))
        return True
    try:
        event = connection.client(talk).order(
            order.kind, order.adam_id, pricing_param=order.pricing_param, serials=order.serials
        )
    except AppsBooksError as error:
        refusal = error
        run_in_transaction(lambda: ordering.not_sent(order.request_id, refusal, now=utcnow()))
        if isinstance(error, NotEnough) or not _about_location(error):
            return True
        raise
    run_in_transaction(lambda: ordering.sent(order.request_id, event, now=utcnow()))
    return True


def _about_location(error: AppsBooksError) -> bool:
    """Whether it is no use to send this location's next order now."""
    return error.transient or isinstance(error, (TakenOver, *ordering.LOCATION))


def _follow(talk: connection.Credentials) -> bool:
    """Ask about one order that nobody told us of in time; False when there is none."""

    def claimed() -> tuple[int, str] | None:
        request = ordering.due(talk.location_id, now=utcnow())
        return None if request is None else (request.id, request.event_id or "")

    due = run_in_transaction(claimed)
    if due is None:
        return False
    request_id, event_id = due
    status: Any
    try:
        status = connection.client(talk).event(event_id)
    except EventUnknown as unknown:
        status = unknown
    run_in_transaction(lambda: ordering.looked(request_id, status, now=utcnow()))
    return True


def tell() -> None:
    """Wake devices whose licence has arrived, chunk by chunk."""
    _repeat("apps_books.tell", lambda: telling.tell(now=utcnow()))


def run_bulk(uid: str) -> None:
    """Note for many devices that they are to have a licence, or none."""
    work_off(uid, lambda claimed: bulk.step(claimed, now=utcnow()))


def fetch_metadata() -> None:
    """Names and icons that are due, some assets at a time; Apple's store is asked outside."""
    _repeat("apps_books.metadata", _some_metadata)


def _some_metadata() -> int:
    batch = run_in_transaction(lambda: metadata.claim(now=utcnow()))
    if batch is None:
        return 0
    found = metadata.fetch(batch)
    run_in_transaction(lambda: metadata.store(batch, found, now=utcnow()))
    return len(batch.assets)


def look() -> None:
    """Order what is due: a sync every few hours, work that a lost wake-up has left."""
    for location_id in run_in_transaction(lambda: schedule.start_due(now=utcnow())):
        defer_now("apps_books.work", location_id, once=f"apps_books.work:{location_id}")
    if run_in_transaction(telling.is_due):
        defer_now("apps_books.tell", once="apps_books.tell")
    if run_in_transaction(lambda: metadata.is_due(now=utcnow())):
        defer_now("apps_books.metadata", once="apps_books.metadata")
    run_in_transaction(lambda: notifications.forget(now=utcnow()))


def _repeat(name: str, some: Callable[[], int]) -> None:
    """Do some after some until none are left, for the time of a slice."""
    end = time.monotonic() + SLICE
    while run_in_transaction(some) if name == "apps_books.tell" else some():
        if time.monotonic() > end or stopping.current().requested:
            defer_now(name, once=name)
            return
