"""Settings of secrets that people may see."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import key, number


@dataclass(frozen=True, kw_only=True)
class Vault:
    """How freely secrets are shown."""

    reveals_per_hour: int = key(
        number(0, 100_000),
        "Secrets of devices that one person may reveal within an hour, with all their tokens; "
        "0: as many as they like.",
        default=60,
    )
