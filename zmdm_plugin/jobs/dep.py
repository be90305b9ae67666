"""dep.sync, .assign, .want, .forget and their beat: Apple is asked outside of any transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.clients import dep_errors
from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.clients.dep_values import Account, DevicePage
from zmdm_plugin.db import run_in_transaction, session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models import DepVirtualServer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.dep import assigning, connection, leaving, orders
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.web.dep import noting_failure

log = logging.getLogger(__name__)
T = TypeVar("T")

PERIOD = 60
"""Seconds between two looks whether anything is due."""


def sync(uid: str) -> None:
    """Read the devices of a service, a page per step, the next one asked for ahead."""
    with ExitStack() as stack:
        reader = _Reader(stack)

        def step(claimed: Claimed) -> Step:
            if reader.account is not None:
                return syncing.begin(claimed, reader.account, now=utcnow())
            return syncing.step(claimed, reader.answer, now=utcnow())

        work_off(uid, step, before=reader.before)


def assign(uid: str) -> None:
    """Give devices of a service the profiles that they are meant to have, a request per step."""
    with ExitStack() as stack:
        line = _Line(stack)
        answers: list[assigning.Answer | None] = [None]

        def before(claimed: Claimed) -> None:
            batch = run_in_transaction(lambda: assigning.question(claimed, now=utcnow()))
            answers[0] = line.ask(claimed, lambda client: _assigned(client, batch))

        def step(claimed: Claimed) -> Step:
            return assigning.step(claimed, answers[0], now=utcnow())

        work_off(uid, step, before=before)


def want(uid: str) -> None:
    """Want an enrollment for all devices that match."""
    work_off(uid, lambda claimed: orders.step(claimed, now=utcnow()))


def forget(uid: str) -> None:
    """Forget the devices of a service that was disconnected."""
    work_off(uid, leaving.step)


def beat() -> None:
    """Begin what is due at each service; one that fails stops no other."""
    ids = run_in_transaction(
        lambda: (
            session()
            .scalars(
                sa.select(DepVirtualServer.id)
                .where(*connection.askable(utcnow()))
                .order_by(DepVirtualServer.id)
            )
            .all()
        )
    )
    for server_id in ids:
        try:
            run_in_transaction(lambda server_id=server_id: _begin_due(server_id))  # type: ignore[misc]
        except Conflict as error:
            log.info("nothing is begun at virtual server %s: %s", server_id, error)


def _begin_due(server_id: int) -> None:
    server, now = connection.find(server_id), utcnow()
    if syncing.is_due(server, now=now):
        syncing.start(server_id, SYSTEM, full=syncing.wants_all(server, now=now), now=now)
    elif assigning.is_due(server, now=now):
        assigning.wake(server_id, now=now)


def _assigned(client: DepClient, batch: assigning.Batch | None) -> assigning.Answer | None:
    if batch is None:
        return None
    if batch.profile_uuid is None:
        return assigning.Answer(batch=batch, outcomes=None)
    if batch.removes:
        return assigning.Answer(batch=batch, outcomes=client.remove_profile(batch.serials))
    try:
        outcomes = client.assign_profile(batch.profile_uuid, batch.serials)
    except dep_errors.UnknownProfile:
        outcomes = None
    return assigning.Answer(batch=batch, outcomes=outcomes)


class _Line:
    """A client that is made when it is first needed, so that its faults end the run."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._client: DepClient | None = None

    def client(self, server_id: int) -> DepClient:
        if self._client is None:
            given = run_in_transaction(lambda: connection.credentials(server_id))
            self._client = self._stack.enter_context(connection.client(given))
        return self._client

    def ask(self, claimed: Claimed, question: Callable[[DepClient], T]) -> T:
        server_id = claimed.arguments["server"]
        with noting_failure(server_id):
            return question(self.client(server_id))


class _Reader:
    """Pages of devices; while one is stored the next one is on its way."""

    def __init__(self, stack: ExitStack) -> None:
        self._line = _Line(stack)
        self._ahead = stack.enter_context(ThreadPoolExecutor(1, "zmdm-dep"))
        self._coming: tuple[syncing.Question, datetime, Future[DevicePage]] | None = None
        self.account: Account | None = None
        self.answer: syncing.Answer | None = None

    def before(self, claimed: Claimed) -> None:
        self.account = self.answer = None
        if claimed.cursor is None:
            self.account = self._line.ask(claimed, lambda client: client.account())
            return
        asked = run_in_transaction(lambda: syncing.question(claimed))
        if asked is not None:
            self.answer = self._line.ask(claimed, lambda client: self._answer(client, asked))

    def _answer(self, client: DepClient, asked: syncing.Question) -> syncing.Answer:
        coming, self._coming = self._coming, None
        at = utcnow()
        try:
            if coming is not None and coming[0] == asked:
                at, page = coming[1], coming[2].result()
            else:
                page = _ask(client, asked)
        except dep_errors.ExhaustedCursor:
            return syncing.Answer(question=asked, asked_at=at)
        except dep_errors.CursorError:
            return syncing.Answer(question=asked, asked_at=at, useless=True)
        if (following := syncing.following(asked, page)) is not None:
            self._coming = following, utcnow(), self._ahead.submit(_ask, client, following)
        return syncing.Answer(question=asked, asked_at=at, page=page)


def _ask(client: DepClient, asked: syncing.Question) -> DevicePage:
    if asked.kind == "fetch":
        return client.fetch_devices(asked.cursor)
    return client.sync_devices(asked.cursor)
