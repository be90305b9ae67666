"""Orders on their way to Apple: some at once, since each takes its time, all at one pace.

They are claimed ahead and sent from threads; the worker itself has its hands free for what Apple
tells of the orders before. A thread that waits for its turn has it already, so no turn is lost.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from zmdm_plugin.clients.apps_books_errors import AppsBooksError, NotEnough, TakenOver
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.apps_books import claiming, connection, ordering
from zmdm_plugin.services.apps_books.claiming import Order
from zmdm_plugin.state import state

AT_ONCE = 8
"""Apple may take half a second for each, and still gets fifteen a second."""
BATCH = 4
"""Claimed in one transaction."""
_AHEAD = 16
"""A second's worth: as long as the worker may be busy with what it is told."""


class _Halted(Exception):
    """The order's turn has come when no more are sent."""


@dataclass(slots=True)
class _Came:
    """What became of orders."""

    events: dict[int, str] = field(default_factory=dict)
    refused: list[tuple[Order, AppsBooksError]] = field(default_factory=list)
    unsent: list[Order] = field(default_factory=list)


class Line:
    """The orders of one location that are on their way. Closing it waits for them."""

    def __init__(self, talk: connection.Credentials) -> None:
        self._talk = talk
        self._app = state().application
        self._pool = ThreadPoolExecutor(AT_ONCE, "zmdm-orders")
        self._coming: dict[Future[str], Order] = {}
        self._halted = False
        self.failure: AppsBooksError | None = None
        """Why no more are sent to this location now."""
        self.answered = 0
        """How many went well, or were refused for what they ask."""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """All that was claimed is settled, whatever ends the work."""
        self._halted = kind is not None
        try:
            while self._coming:
                self.settle(patience=1.0)
        finally:
            self._pool.shutdown()

    @property
    def busy(self) -> bool:
        """Whether any is on its way."""
        return bool(self._coming)

    @property
    def room(self) -> bool:
        """Whether more are to be claimed, so that the next turn finds one."""
        return self.failure is None and len(self._coming) <= _AHEAD - BATCH

    def claim(self) -> bool:
        """Claim some and have them sent; whether there were any."""
        limit, now = self._talk.limits["maxSerialNumbers"], utcnow()
        orders = run_in_transaction(
            lambda: claiming.claim(self._talk.location_id, limit=limit, most=BATCH, now=now)
        )
        for order in orders:
            self._send(order)
        return bool(orders)

    def settle(self, *, patience: float = 0.0) -> bool:
        """Note what has become of orders by now, or so many seconds later; whether anything has."""
        if not self._coming:
            return False
        done, _ = wait(self._coming, timeout=patience, return_when=FIRST_COMPLETED)
        came = _Came()
        for future in done:
            self._sort(future, came)
        if done:
            run_in_transaction(lambda: _note(came))
        return bool(done)

    def _send(self, order: Order) -> None:
        if order.serials:
            self._coming[self._pool.submit(self._ask, order)] = order
        else:
            run_in_transaction(lambda: ordering.forget(order.request_id, now=utcnow()))

    def _ask(self, order: Order) -> str:
        """In a thread: what Apple calls the order."""
        with self._app.app_context():
            client = connection.client(self._talk, check=self._check)
            try:
                return client.order(
                    order.kind,
                    order.adam_id,
                    pricing_param=order.pricing_param,
                    serials=order.serials,
                )
            except AppsBooksError as error:
                if _about_location(error):
                    self.failure = self.failure or error
                raise

    def _check(self) -> None:
        if self._halted or self.failure is not None:
            raise _Halted

    def _sort(self, future: Future[str], came: _Came) -> None:
        order = self._coming.pop(future)
        try:
            came.events[order.request_id] = future.result()
        except _Halted:
            came.unsent.append(order)
            return
        except AppsBooksError as error:
            came.refused.append((order, error))
            if _about_location(error):
                return
        self.answered += 1


def _note(came: _Came) -> None:
    ordering.sent(came.events, now=utcnow())
    for order, error in came.refused:
        ordering.not_sent(order.request_id, error, now=utcnow())
    ordering.withdrawn([one.request_id for one in came.unsent], now=utcnow())


def _about_location(error: AppsBooksError) -> bool:
    """Whether it is no use to send this location's next order now."""
    if isinstance(error, NotEnough):
        return False
    return error.transient or isinstance(error, (TakenOver, *ordering.LOCATION))
