"""apps_books.*: syncs of locations, licences ordered and followed, devices told, icons fetched."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from zmdm_plugin.clients.apps_books_errors import AppsBooksError, EventUnknown
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import NotFound
from zmdm_plugin.jobs import stopping
from zmdm_plugin.jobs.licence_orders import Line
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import (
    bulk_licences,
    job_runs,
    licence_marks,
)
from zmdm_plugin.services.apps import walk
from zmdm_plugin.services.apps_books import (
    connection,
    metadata,
    notifications,
    ordering,
    removal,
    schedule,
    sync_steps,
    syncing,
    telling,
)
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

PERIOD = 60
"""Seconds between two looks whether a location is due."""
SLICE = 45.0
_ROUND = 10.0
"""Seconds after which is asked what became of orders that nobody told of."""
_BIT = 0.05
"""Seconds between two looks whether anything was told, while orders are on their way."""


def sync(uid: str) -> None:
    """Ask, then store, page by page: nothing is locked while Apple is waited for."""
    location_id = run_in_transaction(lambda: int(job_runs.find(uid).arguments["location"]))
    with ThreadPoolExecutor(1, "zmdm-books") as ahead:
        talk = _Talk(ahead)
        work_off(uid, talk.store, before=talk.ask)
    if talk.error is not None:
        error = talk.error
        run_in_transaction(lambda: connection.failed(location_id, error, now=utcnow()))


class _Talk:
    """What Apple said to the step that is about to be stored; meanwhile the next page comes."""

    def __init__(self, ahead: ThreadPoolExecutor) -> None:
        self.answer: Any = None
        self.error: AppsBooksError | None = None
        self._app = state().application
        self._ahead = ahead
        self._coming: tuple[tuple[object, ...], Future[Any]] | None = None

    def ask(self, claimed: Claimed) -> None:
        location_id = int(claimed.arguments["location"])
        known = run_in_transaction(lambda: sync_steps.given(location_id))
        place = syncing.place_of(claimed)
        coming, self._coming = self._coming, None
        try:
            if coming is not None and coming[0] == sync_steps.question(place):
                self.answer = coming[1].result()
            else:
                self.answer = self._ask(place, known)
        except AppsBooksError as error:
            self.error = error
            raise
        if (following := sync_steps.following(place, self.answer)) is not None:
            page = self._ahead.submit(self._ask, following, known)
            self._coming = sync_steps.question(following), page

    def _ask(self, place: sync_steps.Place, known: sync_steps.Given) -> Any:
        with self._app.app_context():
            return sync_steps.ask(place, known, connection.client(known.credentials))

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
    told = _read(location_id)
    run_in_transaction(lambda: schedule.after_notifications(location_id, now=utcnow()))
    talk = run_in_transaction(lambda: schedule.talk(location_id, now=utcnow()))
    if talk is None:
        return told
    try:
        ordered = _order_some(talk)
        followed = _follow(talk)
    except AppsBooksError as error:
        failure = error
        run_in_transaction(lambda: connection.failed(location_id, failure, now=utcnow()))
        return False
    if ordered or followed:
        run_in_transaction(lambda: connection.answered(location_id))
    return told or ordered or followed


def _read(location_id: int) -> bool:
    """Book some of what Apple told; whether it had told anything."""
    return run_in_transaction(lambda: notifications.work_off(location_id, now=utcnow()) > 0)


def _order_some(talk: connection.Credentials) -> bool:
    """Send what is to be ordered, for the time of a round; what is told meanwhile is booked."""
    end, more = time.monotonic() + _ROUND, True
    with Line(talk) as line:
        while (more and line.failure is None) or line.busy:
            if more and line.room:
                more = time.monotonic() < end and not stopping.current().requested and line.claim()
            elif not line.settle() and not _read(talk.location_id):
                line.settle(patience=_BIT)
    if line.failure is not None:
        raise line.failure
    return line.answered > 0


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
    work_off(uid, lambda claimed: bulk_licences.step(claimed, now=utcnow()))


def walk_scopes() -> None:
    """Note what licences scopes need, and give back what they do not, device by device."""
    end = time.monotonic() + SLICE
    while run_in_transaction(lambda: walk.step(now=utcnow())):
        if time.monotonic() > end or stopping.current().requested:
            defer_now(licence_marks.JOB, once=licence_marks.JOB)
            return


def forget(uid: str) -> None:
    """Delete a location with all that is known of it."""
    work_off(uid, removal.step)


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
    if run_in_transaction(lambda: walk.is_due(now=utcnow())):
        defer_now(licence_marks.JOB, once=licence_marks.JOB)
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
