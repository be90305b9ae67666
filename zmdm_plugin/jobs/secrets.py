"""secrets.reseal: everything that is sealed, sealed with the newest key, in slices."""

from __future__ import annotations

from collections.abc import Callable

from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.services import key_ring
from zmdm_plugin.services.job_runs import Claimed


def reseal(uid: str, *, before: Callable[[Claimed], object] | None = None) -> None:
    """Work off a run in slices; `before` each step somebody may look how far it is."""
    work_off(uid, key_ring.step, before=before)
