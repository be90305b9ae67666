"""What the planner's rule on Setup Assistant looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DEVICE, USER, ACCOUNTS = "DeviceConfigured", "UserConfigured", "AccountConfiguration"
RELEASES = (DEVICE, USER)


@dataclass(frozen=True, slots=True)
class Setup:
    """A channel that waits."""

    since: datetime
    until: datetime
    """The limit: it is let go then, whatever is missing."""
    makes_accounts: bool = False
    """Its enrollment says something about the accounts of a Mac."""
