"""bulk.run: one order to many devices."""

from __future__ import annotations

from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.services import bulk


def run(uid: str) -> None:
    """Work off a bulk action in slices."""
    work_off(uid, bulk.step)
