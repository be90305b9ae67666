"""Check-in and connect: bytes -> evidence -> frozen value -> one transaction -> bytes.

Both kinds of body are taken on both URLs, for a profile without CheckInURL sends all to one.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import replies, shortcut
from zmdm_plugin.blueprints.device.evidence import evidence_of
from zmdm_plugin.errors import IdentityError, ProtocolError, Released, Unavailable, ZmdmError
from zmdm_plugin.protocol import checkin as checkin_wire
from zmdm_plugin.protocol import connect as connect_wire
from zmdm_plugin.services import checkin, conversation
from zmdm_plugin.services.account import bearer
from zmdm_plugin.services.declarations import sync
from zmdm_plugin.services.identity import Evidence
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

blueprint = Blueprint("zmdm_mdm", __name__, url_prefix="/public/mdm")

MAX_BODY = 32 * 1024 * 1024
"""Of a check-in as of an answer: a refused status report would come again for ever."""


@blueprint.route("/checkin/", methods=["PUT"])
def check_in() -> Response:
    """Authenticate, TokenUpdate, CheckOut and their like."""
    return _take()


@blueprint.route("/connect/", methods=["PUT"])
def connect() -> Response:
    """Answers to commands, and the next command."""
    return _take()


def _take() -> Response:
    request.max_content_length = MAX_BODY
    body = request.get_data(cache=False)
    evidence = evidence_of(request, body)
    try:
        message = connect_wire.load(body)
    except ProtocolError:
        return replies.command(_converse(evidence, connect_wire.parse_leniently(body)))
    if connect_wire.is_checkin(message):
        parsed = checkin_wire.parse(message)
        if isinstance(parsed, checkin_wire.DeclarativeManagement):
            return replies.declarations(_declare(evidence, parsed))
        with db.outages(), db.transaction():
            reply = checkin.handle(evidence, parsed)
        return replies.checkin(reply)
    if message.get("Status") == "Idle" and (authorization := request.headers.get("Authorization")):
        with db.outages(), db.transaction():
            bearer.check(evidence, authorization)
    if message.get("Status") == "Idle" and shortcut.POLLED not in request.environ:
        prepare = state().settings.prepared_statements
        if conversation.idle(evidence, message, bound=db.engine(), prepare=prepare):
            return replies.command(b"")
    return replies.command(_converse(evidence, _answer(message, body)))


def _answer(message: dict[str, object], body: bytes) -> connect_wire.Answer:
    """An answer; what cannot be read of it is kept, if its sender is one of ours."""
    try:
        return replace(connect_wire.parse(message), raw=body)
    except ProtocolError:
        return connect_wire.parse_leniently(body)


def _declare(evidence: Evidence, message: checkin_wire.DeclarativeManagement) -> bytes:
    """Most questions are answered in one statement; a report that we stumble over is kept."""
    prepare = state().settings.prepared_statements
    body = sync.quick(evidence, message, bound=db.engine(), prepare=prepare)
    if body is not None:
        return body
    try:
        with db.outages(), db.transaction():
            return checkin.handle(evidence, message)
    except ZmdmError:
        raise
    except Exception:
        if message.endpoint != sync.STATUS:
            raise
        log.exception("a status report could not be taken")
    with db.outages(), db.transaction():
        return checkin.keep_report(evidence, message)


def _converse(evidence: Evidence, answer: connect_wire.Answer) -> bytes:
    """An answer that we stumble over is taken all the same, in a second try that only keeps it."""
    try:
        with db.outages(), db.transaction():
            return conversation.converse(evidence, answer)
    except (IdentityError, Released, Unavailable):
        raise
    except Exception:
        log.exception("the answer to command %s could not be taken whole", answer.command_uuid)
    with db.outages(), db.transaction():
        return conversation.converse(evidence, answer, cautious=True)
