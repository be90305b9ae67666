"""flask zmdm secrets …: sealing keys."""

from __future__ import annotations

from zmdm_plugin import db
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.jobs import secrets as job
from zmdm_plugin.secretbox import generate_key
from zmdm_plugin.services import access, job_runs, key_ring

secrets = Topic("secrets", help="Keys that seal secrets at rest.")
zmdm.add_command(secrets)


@secrets.command("new-key")
def new_key() -> None:
    """Print a new sealing key for ZMDM_SEALING_KEYS; put it first, keep the old ones behind it."""
    key = generate_key()
    say({"key": key}, key)


@secrets.command("rotate")
def rotate() -> None:
    """Seal everything with the first key of ZMDM_SEALING_KEYS, while the server runs.

    A run that was interrupted goes on where it was. Once it says so, the other keys may go.
    """
    access.demand(operator(), access.RESEAL)
    uid = key_ring.running()
    if uid is None:
        with db.transaction():
            uid = key_ring.start(operator()).uid
    while (run := job_runs.find(uid)).finished_at is None:
        job.reseal(uid)
        db.session().expire_all()
        if (run := job_runs.find(uid)).holder is not None:
            break  # a worker has it
    if run.state == "failed":
        raise ZmdmError(run.message or "it failed")
    say({"task_id": uid, "state": run.state, "result": run.result}, run.message or run.state)
