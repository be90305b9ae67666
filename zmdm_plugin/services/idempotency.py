"""Idempotency-Key: a request that is sent again is answered again, and not carried out again.

The key is claimed in the transaction of the action itself, so that one of two requests at the same
moment waits for the other, and a process that dies leaves either both or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import IdempotentRequest
from zmdm_plugin.services import vault

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"


class Taken(Exception):
    """Another request with this key was faster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be repeated; `fingerprint` is hex, of all that it says."""

    token_id: int
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered; `body` None: it was carried out, and nobody knows the answer."""

    status: int
    content_type: str
    body: bytes | None


def kept(asked: Asked, *, now: datetime) -> Kept | None:
    """What was answered to this key; Refused if it stood for something else."""
    query = (
        sa.select(IdempotentRequest)
        .where(_same(asked), IdempotentRequest.created_at > now - KEPT)
        .options(sa.orm.undefer(IdempotentRequest.answer))
        .execution_options(populate_existing=True)
    )
    row = session().scalar(query)
    if row is None:
        return None
    if row.fingerprint != asked.fingerprint:
        raise Refused(HEADER, "was used for another request within the last 24 hours")
    return Kept(row.status or 0, row.content_type or "", vault.unseal(row, "answer"))


def claim(asked: Asked, *, now: datetime) -> int:
    """Reserve the key in the open transaction; Taken where another request has it."""
    old = sa.delete(IdempotentRequest).where(
        _same(asked), IdempotentRequest.created_at <= now - KEPT
    )
    session().execute(old, execution_options={"synchronize_session": False})
    row = IdempotentRequest(token_id=asked.token_id, key=asked.key, fingerprint=asked.fingerprint)
    session().add(row)
    try:
        session().flush()
    except IntegrityError as error:
        raise Taken from error
    return row.id


def keep(claimed: int, answer: Kept) -> None:
    """Remember what was answered."""
    row = session().get_one(IdempotentRequest, claimed)
    row.status, row.content_type = answer.status, answer.content_type[:128]
    vault.seal(row, "answer", answer.body)


def forget_old(*, now: datetime, limit: int) -> int:
    """Delete keys whose time has passed; returns how many."""
    old = (
        sa.select(IdempotentRequest.id)
        .where(IdempotentRequest.created_at <= now - KEPT)
        .order_by(IdempotentRequest.created_at)
        .limit(limit)
    )
    ids = list(session().scalars(old))
    if ids:
        gone = sa.delete(IdempotentRequest).where(IdempotentRequest.id.in_(ids))
        session().execute(gone, execution_options={"synchronize_session": False})
    return len(ids)


def _same(asked: Asked) -> sa.ColumnElement[bool]:
    return sa.and_(IdempotentRequest.token_id == asked.token_id, IdempotentRequest.key == asked.key)
