"""Our sender of MDM pushes: `ApnsClient(…).send(pushes)` gives one outcome per push.

    client = ApnsClient(base_url=…, certificate_pem=…, key_pem=…, topic=…)
    for outcome in client.send(Push(id, token, magic, expiration) for …):
        match decide(outcome, token_since=…): …

One client per push certificate, kept for as long as the process lives: it keeps one connection
warm between batches, in an event loop of its own thread, and makes both anew after a fork.
"""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import threading
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Self, TypeVar

from zmdm_plugin.clients.apns_batch import Batch
from zmdm_plugin.clients.apns_connection import ApnsConnection
from zmdm_plugin.clients.apns_engine import H2Engine
from zmdm_plugin.clients.apns_policy import Action, back_off, decide
from zmdm_plugin.clients.apns_tls import (
    ConnectError,
    Endpoint,
    client_context,
    open_connection,
    validity,
)
from zmdm_plugin.clients.apns_wire import LocalReason, Outcome, Push

__all__ = ["Action", "ApnsClient", "LocalReason", "Outcome", "Push", "back_off", "decide"]

log = logging.getLogger(__name__)
T = TypeVar("T")
PRODUCTION: Final = "https://api.push.apple.com"
IDLE: Final = 60.0  # seconds of silence after which a PING asks whether the connection lives
FRUITLESS: Final = 3  # rounds in a row without any answer before a batch is given up
FIRST_WAIT: Final = 0.2  # seconds
LONGEST_WAIT: Final = 2.0  # seconds


class ApnsClient:
    """Sends pushes of one topic.

    `timeout` (seconds) bounds the connecting and each answer, `budget` (seconds) a whole batch;
    a job's slice must be longer. ValueError: the certificate, key or a URL is unusable.
    """

    def __init__(
        self,
        *,
        base_url: str = PRODUCTION,
        certificate_pem: bytes,
        key_pem: bytes,
        topic: str,
        ca_pem: str | None = None,
        proxy: str | None = None,
        timeout: float = 10.0,
        budget: float = 45.0,
        idle: float = IDLE,
    ) -> None:
        self.topic = topic
        self.not_before, self.not_after = validity(certificate_pem)
        self._endpoint = Endpoint.of(base_url, proxy)
        self._tls = client_context(certificate_pem, key_pem, ca_pem=ca_pem)
        self._timeout = timeout
        self._budget = budget
        self._idle = idle
        self._home = _Home()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def send(self, pushes: Iterable[Push]) -> list[Outcome]:
        """Send a batch and give one outcome per push, in the same order; raises for none of them.

        Calls from several threads take turns.
        """
        batch = Batch(pushes)
        if fault := self._certificate_fault(datetime.now(UTC)):
            batch.end(fault)
        home = self._at_home()
        with home.lock:
            if batch.queue:
                home.run(self._deliver(home, batch))
        return batch.outcomes(LocalReason.TIMEOUT)

    def hurry(self, grace: float) -> None:
        """End the batch that is being sent within `grace` seconds; also for a signal handler."""
        if self._home.pid == os.getpid():
            self._home.hurry(grace)

    def close(self) -> None:
        """Say goodbye to Apple and end the thread; a later `send` starts anew."""
        home = self._at_home()
        with home.lock:
            home.end()
        self._home = _Home()

    def _certificate_fault(self, now: datetime) -> str | None:
        """Look at our certificate's dates: to Apple's server they are an "internal error"."""
        if now >= self.not_after:
            return LocalReason.CERTIFICATE_EXPIRED
        return LocalReason.CERTIFICATE_NOT_YET_VALID if now < self.not_before else None

    def _at_home(self) -> _Home:
        if self._home.pid != os.getpid():
            self._home.leave_to_parent()
            self._home = _Home()
        return self._home

    async def _deliver(self, home: _Home, batch: Batch) -> None:
        try:
            async with asyncio.timeout(self._budget) as home.time_left:
                await self._rounds(home, batch)
        except TimeoutError:
            batch.end(LocalReason.TIMEOUT, unsent=LocalReason.NOT_SENT)
        finally:
            home.time_left = None

    async def _rounds(self, home: _Home, batch: Batch) -> None:
        """Send, and send again what deserves it, until all is settled or nothing moves."""
        fruitless = 0
        reason: str = LocalReason.UNAVAILABLE
        while batch.queue:
            answers = batch.answers
            connected = True
            try:
                await (await self._connection(home)).run(batch)
            except ConnectError as error:
                connected = False
                reason = error.reason
                log.warning("APNs connection for topic %s failed: %s", self.topic, reason)
                if reason == LocalReason.CERTIFICATE_REJECTED:
                    break
            again = batch.next_round()
            fruitless = fruitless + 1 if batch.answers == answers else 0
            if fruitless >= FRUITLESS:
                break
            if batch.queue and (again or not connected):
                wait = back_off(fruitless, first=FIRST_WAIT, longest=LONGEST_WAIT)
                await asyncio.sleep(wait)
        batch.end(reason)

    async def _connection(self, home: _Home) -> ApnsConnection:
        """Give the warm connection, or a new one where it has ended or does not answer."""
        warm = home.connection
        if warm is not None and warm.usable:
            silent = asyncio.get_running_loop().time() - warm.last_heard
            if silent < self._idle or await warm.alive(self._timeout / 2):
                return warm
        home.connection = None
        if warm is not None:
            warm.close()
        fresh = await open_connection(
            self._endpoint, self._tls, self._new_connection, timeout=self._timeout
        )
        try:
            await fresh.ready(self._timeout)
        except BaseException:
            fresh.drop()
            raise
        home.connection = fresh
        return fresh

    def _new_connection(self) -> ApnsConnection:
        engine = H2Engine(authority=self._endpoint.authority, topic=self.topic)
        return ApnsConnection(engine, timeout=self._timeout)


class _Home:
    """What belongs to one process: the lock, the loop with its thread, and the connection.

    The thread lets a JobTimeout reach the caller, and PINGs be answered between batches.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.connection: ApnsConnection | None = None
        self.time_left: asyncio.Timeout | None = None
        self._selector: selectors.BaseSelector | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop's thread and wait; what interrupts the waiting cancels the work."""
        if self._loop is None:
            self._selector = selectors.DefaultSelector()
            self._loop = asyncio.SelectorEventLoop(self._selector)
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="zmdm-apns", daemon=True
            )
            self._thread.start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def hurry(self, grace: float) -> None:
        """Shorten the time of the batch on its way, if there is one."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._shorten, self._loop.time() + grace)

    def _shorten(self, end: float) -> None:
        left = self.time_left
        if left is not None and not left.expired() and end < (left.when() or float("inf")):
            left.reschedule(end)

    def end(self) -> None:
        """Close the connection and end the thread."""
        if self._loop is None or self._thread is None:
            return
        self.run(self._farewell())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _farewell(self) -> None:
        if self.connection is not None:
            self.connection.close()
            await self.connection.closed(1.0)

    def leave_to_parent(self) -> None:
        """Let go, in a forked child, of what the parent goes on using.

        Closing the loop here would unregister the parent's sockets, for the two share one epoll
        object, and TLS would say goodbye in the parent's name. So every descriptor of it is
        pointed at /dev/null in this process, and the objects are kept, that nobody finalizes them.
        """
        if self._loop is None or self._selector is None:
            return
        shared = [key.fd for key in self._selector.get_map().values()]
        if number := getattr(self._selector, "fileno", None):  # epoll and kqueue have one
            shared.append(number())
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in shared:
            os.dup2(nowhere, descriptor, inheritable=False)
        os.close(nowhere)
        _LEFT.append(self)


_LEFT: list[_Home] = []
