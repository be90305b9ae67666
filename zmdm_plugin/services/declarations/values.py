"""What the planner learns of a channel's declarations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A list was composed; whether the device has to be told is the planner's rule."""

    token: str | None = None
    """Of what is to be offered now; None: nothing ever was, or it is not the time."""
    changed_at: datetime | None = None
    offered_token: str | None = None
    """Of the list that the device fetched last."""
    ordered_token: str | None = None
    ordered_at: datetime | None = None
    """For what, and when, it was last told to synchronize."""
    unheard_since: datetime | None = None
    """When it fetched that list, if it has reported nothing since: it may have stopped half way."""
    artifacts: frozenset[int] = frozenset()
    """Those that go by declaration here, offered or held back."""
    next_at: datetime | None = None
    """When something would be offered otherwise."""
