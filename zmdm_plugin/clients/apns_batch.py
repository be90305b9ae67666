"""The bookkeeping of a batch of pushes: what waits, what is to be tried again, what is settled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zmdm_plugin.clients.apns_policy import Action, decide
from zmdm_plugin.clients.apns_wire import LocalReason, Outcome, Push, unanswered

MAX_TRIES: Final = 3
# What is worth another try seconds later; all else waits for the caller's longer back-off.
_AGAIN_SOON: Final = frozenset(
    {
        "IdleTimeout",
        "InternalServerError",
        "ServiceUnavailable",
        "Shutdown",
        LocalReason.PROTOCOL_ERROR,
        LocalReason.UNAVAILABLE,
    }
)


@dataclass(slots=True)
class Entry:
    """A push on its way: its place in the batch and how often it was sent."""

    push: Push
    place: int
    tries: int = 0


class Batch:
    """Every push ends with exactly one outcome; `outcomes` gives them in the order they came."""

    def __init__(self, pushes: Iterable[Push]) -> None:
        entries = [Entry(push, place) for place, push in enumerate(pushes)]
        self._outcomes: list[Outcome | None] = [None] * len(entries)
        self._entries = entries
        self._again: list[Entry] = []
        self.queue: deque[Entry] = deque()
        self.answers = 0
        self.broken = False
        for entry in entries:
            if entry.push.sendable():
                self.queue.append(entry)
            else:
                self._outcomes[entry.place] = unanswered(entry.push, LocalReason.INVALID_PUSH)

    def take(self) -> Entry:
        """Take the next push to send, and count the try."""
        entry = self.queue.popleft()
        entry.tries += 1
        return entry

    def answered(self, entry: Entry, outcome: Outcome) -> None:
        """Note what came of a push, or put it aside for another try.

        An answer that condemns the certificate ends the batch: each further push would be
        refused likewise, and Apple does not love a sender that goes on.
        """
        self.answers += outcome.status != 0
        self._outcomes[entry.place] = outcome  # holds until another try brings a better one
        soon = outcome.reason in _AGAIN_SOON or outcome.status >= 500
        if soon and entry.tries < MAX_TRIES and not self.broken:
            self._again.append(entry)
            return
        if decide(outcome) is Action.BREAK_CERTIFICATE:
            self.end(LocalReason.CERTIFICATE_REJECTED)

    def refused(self, entry: Entry) -> None:
        """Put a push aside that the peer did not look at; that was no try."""
        entry.tries -= 1
        self._again.append(entry)

    def next_round(self) -> bool:
        """Queue again what was put aside; tells whether there was any."""
        again, self._again = self._again, []
        self.queue.extendleft(reversed(again))
        return bool(again)

    def end(self, reason: str, *, unsent: str | None = None) -> None:
        """Settle what never had an answer: nothing more will be sent in this batch.

        `unsent` is the reason for what has not been tried once, where that is another one.
        """
        self.broken = True
        for entry in (*self.queue, *self._again):
            if self._outcomes[entry.place] is None:
                self._outcomes[entry.place] = unanswered(
                    entry.push, unsent if unsent and not entry.tries else reason
                )
        self.queue.clear()
        self._again.clear()

    def outcomes(self, reason: str) -> list[Outcome]:
        """Give every outcome; `reason` stands for those that have none."""
        return [
            outcome or unanswered(entry.push, reason)
            for entry, outcome in zip(self._entries, self._outcomes, strict=True)
        ]
