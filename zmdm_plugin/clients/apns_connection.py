"""One HTTP/2 connection to the push service: many streams in flight.

Its life: `open_connection` makes it, `ready` waits for the peer's SETTINGS, `run` sends a batch,
and again, `alive` asks after an idle time, until `usable` is false or `close` is called.
"""

from __future__ import annotations

import asyncio
from typing import Final

from zmdm_plugin.clients.apns_batch import Batch, Entry
from zmdm_plugin.clients.apns_engine import (
    Answered,
    Engine,
    Event,
    GoAway,
    PeerError,
    Pong,
    Ready,
    Reset,
)
from zmdm_plugin.clients.apns_tls import ConnectError, reason_of
from zmdm_plugin.clients.apns_wire import LocalReason, read_outcome, unanswered

WRITE_BUFFER: Final = 262_144  # bytes waiting for a slow peer before we stop sending
MAX_PUSHES: Final = 1_000_000  # on one connection; stream ids would end at 2**30
_LEAVING_REASONS: Final = frozenset({"Shutdown", "IdleTimeout"})


class Flight:
    """The pushes of a batch that are on their way on one connection, by stream, oldest first."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._streams: dict[int, tuple[Entry, float]] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def depart(self, stream_id: int, entry: Entry, now: float) -> None:
        """Note a push that was sent."""
        self._streams[stream_id] = (entry, now)

    def land(self, event: Answered) -> str | None:
        """Take an answer, and give its reason."""
        found = self._streams.pop(event.stream_id, None)
        if found is None:
            return None
        entry, _ = found
        outcome = read_outcome(entry.push, event.status, event.apns_id, event.body)
        self.batch.answered(entry, outcome)
        return outcome.reason

    def refused(self, stream_id: int) -> None:
        """Give back a push that the peer did not look at."""
        if found := self._streams.pop(stream_id, None):
            self.batch.refused(found[0])

    def refused_above(self, last_stream_id: int) -> None:
        """Give back all that a GOAWAY leaves out, in their order."""
        for stream_id in [known for known in self._streams if known > last_stream_id]:
            self.refused(stream_id)

    def lost(self, stream_id: int, reason: str) -> None:
        """Report a push that gets no answer any more."""
        if found := self._streams.pop(stream_id, None):
            self.batch.answered(found[0], unanswered(found[0].push, reason))

    def all_lost(self, reason: str) -> None:
        """Report everything on its way."""
        for stream_id in list(self._streams):
            self.lost(stream_id, reason)

    def late(self, limit: float) -> list[int]:
        """List the streams that departed before a moment of the loop's clock."""
        return [stream_id for stream_id, (_, sent) in self._streams.items() if sent <= limit]


class ApnsConnection(asyncio.Protocol):
    """Belongs to one event loop and carries one batch at a time."""

    def __init__(self, engine: Engine, *, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._pong: asyncio.Future[None] | None = None
        self._round: asyncio.Future[None] | None = None
        self._flight = Flight(Batch(()))
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._leaving = False
        self._sent = 0
        self._gone = asyncio.Event()
        self.last_heard = self._loop.time()

    # -- for the client

    @property
    def usable(self) -> bool:
        """Tell whether new pushes may be sent on it."""
        return self._transport is not None and not self._leaving

    async def ready(self, timeout: float) -> None:
        """Wait for the peer's SETTINGS; ConnectError when they do not come."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready
        except TimeoutError as error:
            raise ConnectError(LocalReason.TIMEOUT, "no SETTINGS from the server") from error

    async def alive(self, timeout: float) -> bool:
        """Ask by PING whether the peer is still there; a connection that is not gets dropped."""
        if not self.usable:
            return False
        self._pong = self._loop.create_future()
        self._engine.ping()
        self._write()
        try:
            async with asyncio.timeout(timeout):
                await self._pong
        except TimeoutError:
            self.drop()
        finally:
            self._pong = None
        return self.usable

    async def run(self, batch: Batch) -> None:
        """Send what the batch has queued and take the answers.

        Ends when nothing is queued or nothing can be sent here any more, and nothing is in flight.
        """
        self._flight = Flight(batch)
        self._round = self._loop.create_future()
        watch = self._loop.create_task(self._watch())
        try:
            self._pump()
            await self._round
        except asyncio.CancelledError:
            self.drop()  # answers to a batch that nobody waits for would only confuse the next
            raise
        finally:
            watch.cancel()
            self._round = None
            self._flight = Flight(Batch(()))

    def close(self) -> None:
        """Say goodbye and end."""
        if self._transport is not None and not self._transport.is_closing():
            self._engine.goodbye()
            self._write()
            self._leaving = True
            self._transport.close()

    async def closed(self, timeout: float) -> None:
        """Wait for the end after `close`; a peer that does not let go is dropped."""
        try:
            async with asyncio.timeout(timeout):
                await self._gone.wait()
        except TimeoutError:
            self.drop()
            await self._gone.wait()

    def drop(self) -> None:
        """End at once; what is in flight counts as unanswered."""
        self._leaving = True
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._write()

    def pause_writing(self) -> None:
        """Stop sending: the peer reads more slowly than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._paused = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Take answers, then send as much as that made room for."""
        self.last_heard = self._loop.time()
        try:
            for event in self._engine.receive(data):
                self._handle(event)
        except PeerError:
            self._flight.all_lost(LocalReason.PROTOCOL_ERROR)
            self.drop()
            return
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what is in flight."""
        self._transport = None
        self._flight.all_lost(reason_of(exc))
        if not self._ready.done():
            error = ConnectError(reason_of(exc), str(exc or "closed by the server"))
            self._ready.set_exception(error)
            self._ready.exception()  # whoever waits still gets it; nobody waiting is no fault
        if self._pong is not None and not self._pong.done():
            self._pong.set_result(None)
        self._gone.set()
        self._finish()

    # -- inside

    def _pump(self) -> None:
        """Send while the peer, its windows and its reading allow; write once."""
        now = self._loop.time()
        batch = self._flight.batch
        while batch.queue and self.usable and not self._paused and self._engine.capacity():
            entry = batch.take()
            self._flight.depart(self._engine.send(entry.push), entry, now)
            self._sent += 1
            if self._sent >= MAX_PUSHES:
                self._leaving = True
        self._write()
        self._finish()

    def _write(self) -> None:
        data = self._engine.pending()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _finish(self) -> None:
        """End the round when it has nothing left to do here."""
        done = not self._flight and not (self._flight.batch.queue and self.usable)
        if done and self._round is not None and not self._round.done():
            self._round.set_result(None)
        if self._leaving and not self._flight:
            self.close()

    def _handle(self, event: Event) -> None:
        match event:
            case Answered():
                if self._flight.land(event) in _LEAVING_REASONS:
                    self._leaving = True
            case Reset(stream_id=stream_id, refused=True):
                self._flight.refused(stream_id)
            case Reset(stream_id=stream_id):
                self._flight.lost(stream_id, LocalReason.UNAVAILABLE)
            case GoAway(last_stream_id=last):
                self._leaving = True
                self._flight.refused_above(last)
            case Ready():
                if not self._ready.done():
                    self._ready.set_result(None)
            case Pong():
                if self._pong is not None and not self._pong.done():
                    self._pong.set_result(None)

    async def _watch(self) -> None:
        """Give up streams that get no answer, and a connection that gives no sign of life."""
        started = self._loop.time()
        while True:
            await asyncio.sleep(self._timeout / 10)
            limit = self._loop.time() - self._timeout
            for stream_id in self._flight.late(limit):
                self._engine.cancel(stream_id)
                self._flight.lost(stream_id, LocalReason.TIMEOUT)
            if max(self.last_heard, started) <= limit:
                self.drop()
            self._pump()
