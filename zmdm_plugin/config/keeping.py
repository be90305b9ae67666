"""Settings of what is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import key, number


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
    keep_audit_days: int = key(number(0, 36500), "The same for the audit.", default=0)
