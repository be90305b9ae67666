"""Settings of what is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import days_by, key, number

EVENTS = {
    "command.": 30,
    "artifact.": 180,
    "push.": 90,
    "device.": 1095,
    "enrollment.": 1095,
    "identity.": 1095,
    "secret.": 1825,
    "filevault.": 1825,
}
"""Orders and answers are by far the most; who came, went and saw a secret is asked for years."""
days_by_kind = days_by(EVENTS)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Retention, in days; 0 keeps for ever."""

    keep_commands_days: int = key(
        number(0, 36500),
        "Days that finished commands are kept, with their answers: 35 at least; 0: for ever.",
        default=90,
    )
    keep_runs_days: int = key(number(0, 36500), "The same for long work.", default=90)
    keep_events_days: int = key(number(0, 36500), "The same for events.", default=365)
    keep_events_by_kind: tuple[tuple[str, int], ...] = key(
        days_by_kind,
        "Days by what an event's kind begins with, added to those that hold anyway; the longest "
        "beginning counts; 0: for ever, 7 at least. A mapping, or `command.=14, secret.=0`.",
        default=tuple(EVENTS.items()),
    )
    keep_sessions_days: int = key(
        number(0, 36500),
        "Days that enrollments are kept which were begun and came to nothing; 0: for ever.",
        default=180,
    )
    keep_audit_days: int = key(number(0, 36500), "The same for the audit.", default=0)
