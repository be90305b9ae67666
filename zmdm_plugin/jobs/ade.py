"""ade.define and ade.retry: profiles of ADE enrollments, given to Apple."""

from __future__ import annotations

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.clients import dep_errors
from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import Unavailable, ZmdmError
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.ade import defining
from zmdm_plugin.services.ade.defining import Order
from zmdm_plugin.services.dep import assigning
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.web import dep

PERIOD = 300
"""Seconds between two looks for profiles that Apple could not take yet."""


def define(uid: str) -> None:
    """Give one profile to Apple; nothing is locked while Apple is waited for."""
    made: list[tuple[int, str]] = []

    def before(claimed: Claimed) -> None:
        made.clear()
        wanted = run_in_transaction(lambda: defining.order(claimed, now=utcnow()))
        if wanted is not None:
            made.append((wanted.profile_id, _give(wanted)))

    def step(_claimed: Claimed) -> Step:
        if not made:
            return Step(done=1, total=1, message="there was nothing to define", finished=True)
        row = defining.defined(*made[0], now=utcnow())
        if defining.moves_devices(row):
            assigning.wake(row.server_id, now=utcnow())
        result = {"profile_uuid": row.profile_uuid, "state": row.state}
        said = f"Apple knows it as {row.profile_uuid}" if row.profile_uuid else row.error
        return Step(done=1, total=1, message=said, result=result, finished=True)

    work_off(uid, step, before=before)


def retry() -> None:
    """Try again what Apple could not take for want of a token, of terms, or of itself."""
    run_in_transaction(lambda: defining.retry(SYSTEM, now=utcnow()))


def _give(wanted: Order) -> str:
    """Apple's UUID for the profile; what went wrong is kept with the profile."""

    def question(client: DepClient) -> str:
        return client.define_profile(wanted.content).profile_uuid

    try:
        return dep.ask(wanted.server_id, question)
    except Unavailable:
        raise
    except ZmdmError as error:
        why, final = error, isinstance(error, dep_errors.ProfileRejected)
        lost = dep_errors.may_be_done(error)
        run_in_transaction(lambda: defining.refused(wanted.profile_id, why, final=final, lost=lost))
        raise
