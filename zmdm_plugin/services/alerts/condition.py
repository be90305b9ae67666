"""What a rule says is wrong now, and how far an end has come near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

STEPS = (60, 30, 14, 7, 1, 0)
"""Days before an end at which it is told again; 0: it has ended."""
_CRITICAL = 7
_LONGEST_NAME = 256


class Severity(StrEnum):
    """How soon somebody has to act; the order counts."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something is wrong: the same (kind, subject) is the same alert as long as it stays so."""

    kind: str
    subject: str = ""
    name: str = ""
    severity: Severity = Severity.WARNING
    level: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    @property
    def short_name(self) -> str:
        """The name in one line, as long as the column."""
        return " ".join(self.name.split())[:_LONGEST_NAME]


def ending(
    kind: str,
    name: str,
    ends: datetime,
    *,
    now: datetime,
    subject: str,
    lives: timedelta | None = None,
    **facts: Any,
) -> Condition | None:
    """The condition of something that ends, None while that is far.

    `lives`: its whole life. Of a short one only the steps in its last third count, for whoever
    renews it every few weeks does so at about that time. What is renewed has another end, hence
    is another subject: the alert about the former one is over.
    """
    left = ends - now
    steps = [days for days in STEPS if lives is None or timedelta(days=days) * 3 < lives]
    reached = [days for days in steps if left <= timedelta(days=days)]
    if not reached:
        return None
    step = min(reached)
    at = ends.astimezone(UTC)
    return Condition(
        kind=kind,
        subject=f"{subject}:{at:%Y-%m-%d}",
        name=name,
        severity=Severity.CRITICAL if step <= _CRITICAL else Severity.WARNING,
        level=STEPS.index(step) + 1,
        facts={
            **facts,
            "ends": at.isoformat(),
            "days": max(0, left.days),
            "ended": left <= timedelta(0),
        },
    )
