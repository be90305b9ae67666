"""Orders of the played Apps & Books are carried out, and told, in a thread of their own."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from typing import Any

import httpx

from zmdm_simulator.apple.vpp_books import ERRORS, Books, Event
from zmdm_simulator.apple.vpp_faults import VppFaults

MOST_TOLD = 100  # elements of a notification
TRIES = 3
_TICK = 0.02  # seconds


class Orders:
    """One thread carries out what was ordered, another one tells of it."""

    def __init__(self) -> None:
        self.faults = VppFaults()
        self.told: list[dict[str, Any]] = []
        """Notifications that were taken (2xx), the oldest first."""
        self.refused = 0
        self._orders: queue.Queue[tuple[Books, Event, float]] = queue.Queue()
        self._letters: queue.Queue[tuple[Books, dict[str, Any]]] = queue.Queue()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._work, self._tell)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; what was not carried out stays PENDING."""
        self._over.set()
        for thread in self._threads:
            thread.join(5)

    def order(self, books: Books, event: Event) -> None:
        """Take an order; it is carried out when its delay is over."""
        with books.lock:
            books.events[event.id] = event
        self._orders.put((books, event, time.monotonic() + self.faults.event_delay))

    def notify(self, books: Books, kind: str, notification: dict[str, Any]) -> None:
        """Tell whoever manages the location, if it wants to hear of this kind."""
        if not books.notification_url or kind not in books.notification_types:
            return
        self._letters.put((books, letter(books, kind, notification)))

    def idle(self) -> bool:
        """Whether everything was carried out and told."""
        return self._orders.unfinished_tasks == 0 and self._letters.unfinished_tasks == 0

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                books, event, due = self._orders.get(timeout=_TICK)
            except queue.Empty:
                continue
            while (self.faults.hold or time.monotonic() < due) and not self._over.is_set():
                time.sleep(_TICK)
            if not self._over.is_set():
                self._carry_out(books, event)
            self._orders.task_done()

    def _carry_out(self, books: Books, event: Event) -> None:
        for assignments, number in books.carry_out(event, scripted=self.faults.next_for):
            for start in range(0, len(assignments), MOST_TOLD):
                told: dict[str, Any] = {
                    "assignments": assignments[start : start + MOST_TOLD],
                    "eventId": event.id,
                    "result": "FAILURE" if number else "SUCCESS",
                    "type": event.kind,
                }
                if number:
                    told["error"] = {"errorNumber": number, "errorMessage": ERRORS[number]}
                self.notify(books, "ASSET_MANAGEMENT", told)

    def _tell(self) -> None:
        with httpx.Client(timeout=10, verify=False) as http:
            while not self._over.is_set():
                try:
                    books, written = self._letters.get(timeout=_TICK)
                except queue.Empty:
                    continue
                if not self.faults.silent:
                    for _ in range(2 if self.faults.twice else 1):
                        self._deliver(http, books, written)
                self._letters.task_done()

    def _deliver(self, http: httpx.Client, books: Books, written: dict[str, Any]) -> None:
        for _ in range(TRIES):
            if send(http, books, written):
                self.told.append(written)
                return
            self.refused += 1


def letter(books: Books, kind: str, notification: dict[str, Any]) -> dict[str, Any]:
    """A notification as it goes out."""
    return {
        "notification": notification,
        "notificationId": str(uuid.uuid4()),
        "notificationType": kind,
        "uId": books.uid,
    }


def send(http: httpx.Client, books: Books, written: dict[str, Any]) -> bool:
    """One try; whether it was taken."""
    headers = {"Authorization": f"Bearer {books.notification_token}"}
    try:
        answer = http.post(books.notification_url, json=written, headers=headers)
    except httpx.HTTPError:
        return False
    return answer.is_success
