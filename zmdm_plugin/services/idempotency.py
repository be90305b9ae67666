"""Idempotency-Key: a request that is sent again is answered again, and not carried out again.

The key is claimed in the transaction of the action itself, so that one of two requests at the same
moment waits for the other, and a process that dies leaves either both or neither. What had to be
permitted is kept with the answer and asked again: a permission may have been taken away since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Device, IdempotentRequest
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import access, devices, vault

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
_MODELS: dict[str, type[Any]] = {
    mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]
    for mapper in Base.registry.mappers
}


class Taken(Exception):
    """Another request with this key was faster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be repeated; `fingerprint` is hex, of all that it says."""

    token_id: int
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Demand:
    """A permission that was needed, and the row that it was about, if any."""

    permission: str
    table: str | None = None
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered; `body` None: it was carried out, and nobody knows the answer."""

    status: int
    content_type: str
    body: bytes | None
    demands: tuple[Demand, ...] = ()
    """What had to be permitted for it."""


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
    sealed = vault.unseal(row, "answer")
    if sealed is None:
        return Kept(0, "", None)
    demands, _, body = sealed.partition(b"\n")
    asked_for = tuple(Demand(*one) for one in json.loads(demands))
    return Kept(row.status or 0, row.content_type or "", body, asked_for)


def demand_again(actor: Actor, answer: Kept) -> None:
    """An answer is shown to whoever may still do what it is the answer to: NotFound, Denied."""
    for one in answer.demands:
        model = _MODELS.get(one.table or "")
        if model is None or one.row_id is None:
            access.demand(actor, one.permission)
        elif model is Device:
            devices.find(actor, one.row_id, one.permission)
        else:
            access.demand(actor, one.permission, session().get(model, one.row_id))


def demanded(granted: Iterable[tuple[str, Any]]) -> tuple[Demand, ...]:
    """What `access.noting` collected, each once and without the rows themselves."""
    found: dict[Demand, None] = {}
    for permission, subject in granted:
        row = sa.inspect(subject, raiseerr=False)
        if isinstance(row, orm.InstanceState) and row.identity:
            table = str(row.mapper.local_table.name)  # type: ignore[attr-defined]
            found[Demand(permission, table, row.identity[0])] = None
        else:
            found[Demand(permission)] = None
    return tuple(found)


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
    if answer.body is not None:
        demands = json.dumps([astuple(one) for one in answer.demands]).encode()
        vault.seal(row, "answer", demands + b"\n" + answer.body)


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
