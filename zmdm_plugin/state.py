"""What the plugin keeps per application: all of it in app.extensions["zmdm"]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, current_app

from zmdm_plugin.actors import Actor
from zmdm_plugin.config import Settings
from zmdm_plugin.secretbox import SecretBox

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy

NAME = "zmdm"
AFTER_COMMIT = "zmdm_after_commit"

Authorize = Callable[[Actor, str, Any], bool]
"""(actor, permission, subject or None) -> may they? Also called outside a request."""
CurrentActor = Callable[[], Actor | None]
RowScope = Callable[[Actor, str], Any]
"""(actor, permission) -> an SQL condition on zmdm_device, or None for all."""


@dataclass(slots=True, kw_only=True)
class State:
    """One application's plugin: settings, the host's hands, and caches that may be lost."""

    application: Any
    """The Flask application, for signals."""
    settings: Settings
    db: SQLAlchemy
    box: SecretBox
    authorize: Authorize
    current_actor: CurrentActor
    row_scope: RowScope | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    """Per process: parsed certificates, Redis connection, APNs clients; keyed by their module."""


def state() -> State:
    """The plugin of the current application."""
    return cast(State, current_app.extensions[NAME])


def state_of(app: Flask) -> State:
    """The plugin of this application, where none is current."""
    return cast(State, app.extensions[NAME])


@contextmanager
def apart() -> Iterator[None]:
    """A nested application context: the host's code in it gets a session of its own, not ours."""
    app = cast(Any, current_app)._get_current_object()
    with app.app_context():
        yield


def after_commit(told: Callable[[], object]) -> None:
    """Keep `told` until the open transaction() has committed; it never runs after a rollback."""
    waiting = state().db.session().info.get(AFTER_COMMIT)
    if waiting is None:
        raise RuntimeError("after_commit() outside a transaction()")
    waiting.append(told)
