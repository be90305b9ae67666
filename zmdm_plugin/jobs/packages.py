"""packages.*: downloads in slices, what nothing uses any more, and what is installed how often."""

from __future__ import annotations

from functools import partial

from zmdm_plugin.clients import downloads
from zmdm_plugin.clients.downloads import Part
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import Refused, ZmdmError
from zmdm_plugin.jobs.renewing import renewed
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.applications import inventory, spread
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.services.packages import fetching
from zmdm_plugin.services.storage import files, incoming
from zmdm_plugin.state import state
from zmdm_plugin.web import packages

PERIOD = 3600
COUNT_PERIOD = 600
_SLICE = 20.0
"""Seconds of downloading between two notes of how far it is."""
_MOST = 100


class Failed(ZmdmError):
    """The package is not what was expected; ends the run with these words."""


def fetch(uid: str) -> None:
    """Download part after part; the last step reads, stores and keeps the package."""
    reached: list[Part] = []
    made: list[int] = []

    def before(claimed: Claimed) -> None:
        reached[:] = [_download(claimed)]
        if reached[0].finished:
            with renewed(claimed):  # into a bucket far away it may travel for minutes
                made[:] = [_take(claimed)]

    def step(_claimed: Claimed) -> Step:
        part = reached[0]
        result = {"package": made[0]} if made else None
        return Step(done=part.have, total=part.total, result=result, finished=bool(made))

    work_off(uid, step, before=before)


def tidy() -> None:
    """Files that nothing uses, leftovers of killed uploads, applications that nobody has."""
    incoming.tidy()
    for sha256 in run_in_transaction(lambda: files.unused(now=utcnow(), limit=_MOST)):
        run_in_transaction(partial(files.delete, sha256, now=utcnow()))
    for _ in range(20):
        if not run_in_transaction(inventory.forget_unused):
            return


def count() -> None:
    """On how many channels the applications are that many have."""
    run_in_transaction(spread.count)


def _download(claimed: Claimed) -> Part:
    settings = state().settings
    return downloads.continue_(
        run_in_transaction(lambda: fetching.address(claimed.uid)),
        fetching.place(claimed.uid),
        most=settings.package_max_size,
        seconds=_SLICE,
        private=settings.private_networks,
    )


def _take(claimed: Claimed) -> int:
    path, asked = fetching.place(claimed.uid), claimed.arguments
    try:
        with path.open("rb") as file:
            return packages.take(
                incoming.pieces(file),
                actor=claimed.actor,
                filename=fetching.filename(str(asked["url"])),
                name=asked["name"],
                sha256=str(asked["sha256"]),
                source_url=str(asked["url"]),
            )
    except Refused as error:
        raise Failed(f"it was not kept: {error.field} {error.why}") from error
    finally:
        path.unlink(missing_ok=True)
