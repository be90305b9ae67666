"""Lists of what devices enroll with: enrollments, push certificates, SCEP issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import PushCertificate, ScepIssuer
from zmdm_plugin.models.base import Row
from zmdm_plugin.services import access
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

R = TypeVar("R", bound=Row)


def page(
    model: type[R],
    equal: Mapping[str, Any],
    *,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[R]:
    """A page of rows whose columns have these values; True and False ask whether there is one."""
    statement = sa.select(model).where(
        *(_asks(getattr(model, name), value) for name, value in equal.items())
    )
    return _keyset(model).entities(statement, ordering=ordering, cursor=cursor, limit=limit)


def _asks(column: Any, value: Any) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = column == value
    if isinstance(value, bool):
        found = column.is_not(None) if value else column.is_(None)
    return found


def _keyset(model: type[R]) -> Keyset:
    """By name, too, where rows have one: it is unique."""
    name = model.__mapper__.columns.get("name")
    return Keyset(model.id, {} if name is None else {"name": getattr(model, name.key)})


def find(model: type[R], row_id: int, *, actor: Actor, permission: str) -> R:
    """One row that the actor may use this permission on; NotFound, then Denied."""
    row = session().get(model, row_id) if 0 < row_id <= MAX_ID else None
    access.demand(actor, permission, row)
    if row is None:
        raise NotFound("there is no such row")
    return row


def push_certificate(row_id: int) -> PushCertificate:
    """The push certificate that an argument names."""
    row = session().get(PushCertificate, row_id)
    if row is None:
        raise Refused("push_certificate", "there is no such push certificate")
    return row


def scep_issuer(row_id: int) -> ScepIssuer:
    """The SCEP issuer that an argument names."""
    row = session().get(ScepIssuer, row_id)
    if row is None:
        raise Refused("scep_issuer", "there is no such SCEP issuer")
    return row
