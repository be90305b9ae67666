"""Rows that are held while something about them is decided."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Artifact, MDMBlueprint

R = TypeVar("R", Artifact, MDMBlueprint)


def hold(row: R, *, keeps: bool = False) -> R:
    """Lock a row and read it anew; NotFound if somebody deleted it meanwhile.

    `keeps`: what is about to be done only needs it to stay, so that several may at once.
    """
    model = type(row)
    statement = sa.select(model).where(model.id == row.id)
    statement = statement.with_for_update(read=keeps, key_share=keeps)
    found: R | None = session().scalar(statement.execution_options(populate_existing=True))
    if found is None:
        raise NotFound("it was deleted meanwhile")
    return found
