"""/public/mdm/healthz: the process answers. /public/mdm/readyz: database and migrations, too."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from zmdm_plugin import db, migrate
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

blueprint = Blueprint("zmdm_ops", __name__, url_prefix="/public/mdm")
_MIGRATED = "ops.migrated"


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 as long as the process answers: nothing else is asked, so that an outage of the
    database does not make an orchestrator restart every process."""
    return _word("ok", 200)


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 once devices can be served here; 503 with the reason in one word."""
    try:
        db.session().execute(sa.select(1))
        migrated = _is_migrated()
    except SQLAlchemyError as error:
        log.warning("not ready: %s", type(error).__name__)
        return _word("database", 503)
    return _word("ok", 200) if migrated else _word("migrations", 503)


def _is_migrated() -> bool:
    """Asked until it is true once: the schema of a running release does not go back."""
    cache = state().cache
    if not cache.get(_MIGRATED):
        cache[_MIGRATED] = migrate.current(db.engine()) == migrate.head()
    return bool(cache[_MIGRATED])


def _word(word: str, status: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(word + "\n", status, headers, mimetype="text/plain")
