"""/public/mdm/healthz: the process answers. /public/mdm/readyz: it can serve devices.

Ready is what has its database, its tables and its keys. Redis, which `?verbose` names, and the
processes that work costs nobody the readiness: devices are served without them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from zmdm_plugin import db, migrate, queues
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import key_ring
from zmdm_plugin.services.alerts import processes
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

blueprint = Blueprint("zmdm_ops", __name__, url_prefix="/public/mdm")
_MIGRATED = "ops.migrated"


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 as long as the process answers: nothing else is asked, so that an outage of the
    database does not make an orchestrator restart every process."""
    return _words(["ok"], 200)


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 once devices can be served here; 503 with what is missing in one word.

    After it stand the processes that are dead, one on a line. They take no device away from this
    one, so that a load balancer gets 200; a watchdog asks with `?processes=1`, and gets 503. With
    `?verbose` a line follows for each thing that was looked at.
    """
    found = {name: _is_well(name, asked) for name, asked in _NEEDED.items()}
    missing = next((name for name, well in found.items() if not well), None)
    dead = [] if missing else _dead()
    if missing is None and dead and request.args.get("processes") == "1":
        missing = "processes"
    lines = [missing or "ok", *dead]
    if "verbose" in request.args:
        found["redis"] = queues.answers()
        lines += [f"{name} {'ok' if well else 'missing'}" for name, well in found.items()]
    return _words(lines, 503 if missing else 200)


def _dead() -> list[str]:
    return [one.subject for one in processes.silent(processes.beats(), now=utcnow())]


def _is_well(name: str, asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except SQLAlchemyError as error:
        log.warning("not ready: %s: %s", name, type(error).__name__)
        return False


def _database_answers() -> bool:
    db.session().execute(sa.select(1))
    return True


def _is_migrated() -> bool:
    """Asked until it is true once: the schema of a running release does not go back."""
    cache = state().cache
    if not cache.get(_MIGRATED):
        cache[_MIGRATED] = migrate.current(db.engine()) == migrate.head()
    return bool(cache[_MIGRATED])


_NEEDED: Mapping[str, Callable[[], bool]] = {
    "database": _database_answers,
    "migrations": _is_migrated,
    "keys": key_ring.is_complete,
}
"""In the order in which they are needed: the first that is missing is the answer. Another process
may seal with a key by now that this one was not given."""


def _words(lines: list[str], status: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response("\n".join(lines) + "\n", status, headers, mimetype="text/plain")
