"""Disconnecting a service: its token and keys are forgotten; Apple and devices go on unchanged.

What is known of its devices stays, and what they are meant to have, until the service is connected
again; or a run forgets them too, and the service with them once no enrollment is for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import AdeProfile, AdeSettings, DepDevice, DepVirtualServer, JobRun
from zmdm_plugin.services import audit, events, job_runs, vault
from zmdm_plugin.services.dep.connection import find, forget_fault
from zmdm_plugin.services.dep.runs import open_run
from zmdm_plugin.services.job_runs import Claimed, Step

JOB: Final = "dep.forget"
_CHUNK: Final = 1000


def disconnect(
    server_id: int, *, name: str, forget: bool = False, actor: Actor, now: datetime
) -> DepVirtualServer:
    """Give up the token and the keys; `name` is the service's, typed by whoever is sure.

    `forget` begins the run that forgets its devices. What is at work stops at its next step.
    """
    server = find(server_id, lock=True)
    if name.strip() != server.name:
        raise Refused("name", f"type it as it is: {server.name}")
    if server.token is None and not forget:
        raise Conflict(f"{server.name} is not connected")
    before = audit.snapshot(server)
    _give_up(server)
    audit.record(
        actor,
        "dep_virtual_server.disconnect",
        server,
        before=before,
        after=audit.snapshot(server),
        reason="its devices are forgotten" if forget else None,
    )
    events.record("dep.disconnected", server=server.name)
    if forget:
        _start(server, actor)
    return server


def devices(server_id: int) -> int:
    """How many rows the run would forget."""
    query = sa.select(sa.func.count(DepDevice.id)).where(DepDevice.server_id == server_id)
    return session().scalar(query) or 0


def is_used(server_id: int) -> bool:
    """Whether enrollments are for the service, or have been."""
    queries = (
        sa.select(model.id).where(model.server_id == server_id).limit(1)
        for model in (AdeSettings, AdeProfile)
    )
    return any(session().scalar(query) is not None for query in queries)


def step(claimed: Claimed) -> Step:
    """Forget some devices; after the last one the service, unless enrollments are for it."""
    server = find(claimed.arguments["server"], lock=True)
    if server.token is not None:
        raise Conflict(f"{server.name} is connected again")
    some = sa.select(DepDevice.id).where(DepDevice.server_id == server.id).order_by(DepDevice.id)
    gone = session().execute(
        sa.delete(DepDevice).where(DepDevice.id.in_(some.limit(_CHUNK))).returning(DepDevice.id),
        execution_options={"synchronize_session": False},
    )
    number = len(gone.all())
    done = claimed.done + number
    if number == _CHUNK:
        return Step(done=done, message=f"{done:,} forgotten")
    used = is_used(server.id)
    words = f"{done:,} devices are forgotten"
    if used:
        words += f"; {server.name} stays, for enrollments are for it"
    else:
        session().delete(server)
        session().flush()
    return Step(
        done=done,
        total=done,
        message=words,
        result={"devices": done, "server_deleted": not used},
        finished=True,
    )


def _give_up(server: DepVirtualServer) -> None:
    for column in ("token", "private_key", "staged_private_key"):
        vault.seal(server, column, None)
    server.certificate = server.staged_certificate = server.staged_at = None
    server.access_token_expiry = server.token_taken_at = None
    server.cursor, server.fetching = None, False
    forget_fault(server)
    session().flush()


def _start(server: DepVirtualServer, actor: Actor) -> JobRun:
    if run := open_run(JOB, server.id):
        return run
    return job_runs.start(
        JOB,
        actor,
        title=f"Forget the devices of {server.name}"[:200],
        arguments={"server": server.id},
        total=devices(server.id),
    )
