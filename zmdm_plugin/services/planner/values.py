"""What the planner's rules look at, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from zmdm_plugin.services.artifacts.wanted import Held, Wanted
from zmdm_plugin.services.declarations.values import Declared
from zmdm_plugin.services.protection.values import Lockable, Protection
from zmdm_plugin.services.renewal_due import Holding
from zmdm_plugin.services.setup.values import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One channel as far as the rules look at it; all times are aware UTC."""

    now: datetime
    device_channel: bool
    awaiting: bool = False
    setup: Setup | None = None
    """Of a channel that waits in Setup Assistant."""
    collected: Mapping[str, datetime | None] = field(default_factory=dict)
    """Command name -> when its facts were last stored."""
    attempted: Mapping[str, datetime] = field(default_factory=dict)
    """Command name -> when a planner last ordered it."""
    outstanding: frozenset[str] = frozenset()
    """Names of commands that wait or are unanswered."""
    under_way: frozenset[str] = frozenset()
    """Of these, what may be sent now, or is unanswered: not what was put off or is held back."""
    waiting: frozenset[str] = frozenset()
    """What those are about (their `once_key`s)."""
    os_version: str | None = None
    wanted: tuple[Wanted, ...] = ()
    chosen: frozenset[int] = frozenset()
    """Artifacts that the channel should have, however they come."""
    held: Mapping[int, Held] = field(default_factory=dict)
    """By artifact."""
    declarations: Declared = field(default_factory=Declared)
    collect: tuple[tuple[str, bool], ...] = ()
    """Further inventory that the blueprint asks for: command name, managed items only."""
    inventory_interval: timedelta = timedelta(days=1)
    protection: Protection | None = None
    """Of a Mac's own channel."""
    lockable: Lockable | None = None
    """Of a device that makes a bypass code."""
    identity: Holding | None = None
    """The one in use that ends first."""
    renew_before: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Order:
    """A command to queue: its name in the registry, and its arguments in JSON's types."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to order now, and the moment to look again (None: no need)."""

    orders: tuple[Order, ...] = ()
    next_at: datetime | None = None


def earliest(*moments: datetime | None) -> datetime | None:
    given = [moment for moment in moments if moment is not None]
    return min(given) if given else None
