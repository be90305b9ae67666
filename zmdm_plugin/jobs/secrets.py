"""secrets.reseal: everything that is sealed, sealed with the newest key, in slices."""

from __future__ import annotations

from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.services import key_ring


def reseal(uid: str) -> None:
    """Work off a run in slices."""
    work_off(uid, key_ring.step)
