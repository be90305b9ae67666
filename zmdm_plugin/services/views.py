"""Saved views: the filters of a list under a name, for the person who saved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import SavedView

MOST = 30
_LONGEST = 64


def of(actor: Actor, screen: str) -> Sequence[SavedView]:
    """The views that this person has saved of a list, by name."""
    query = sa.select(SavedView).where(*_own(actor, screen)).order_by(SavedView.name)
    return session().scalars(query).all()


def save(actor: Actor, screen: str, name: str, arguments: Mapping[str, str]) -> SavedView:
    """Keep a view; one of the same name is replaced. Refused names the field."""
    given = name.strip()
    if not given or len(given) > _LONGEST or not given.isprintable():
        raise Refused("name", f"must have 1 to {_LONGEST} characters")
    present = {view.name: view for view in of(actor, screen)}
    view = present.get(given)
    if view is None:
        if len(present) >= MOST:
            raise Refused("name", f"there are {MOST} views already; delete one first")
        view = SavedView(owner_id=actor.id[:128], screen=screen, name=given)
        session().add(view)
    view.arguments = dict(arguments)
    session().flush()
    return view


def delete(actor: Actor, screen: str, name: str) -> None:
    """Forget a view of one's own; NotFound."""
    taken = session().execute(
        sa.delete(SavedView).where(*_own(actor, screen), SavedView.name == name.strip())
    )
    if not getattr(taken, "rowcount", 0):
        raise NotFound("there is no such view")


def _own(actor: Actor, screen: str) -> list[sa.ColumnElement[bool]]:
    return [SavedView.owner_id == actor.id[:128], SavedView.screen == screen]
