"""What a channel needs next: an ordered list of pure rules over values, run when something is due.

Each rule is a file: `plan(situation) -> Plan` says which orders are missing now and when it wants
to be asked again. The earliest of those deadlines (with jitter) becomes the channel's
`plan_due_at`, which a sweep turns into a wake, for no device polls by itself.
"""

from __future__ import annotations

from zmdm_plugin.services.planner.renewal import NAME as RENEWAL
from zmdm_plugin.services.planner.run import plan_channel

__all__ = ["RENEWAL", "plan_channel"]
