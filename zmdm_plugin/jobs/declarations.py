"""declarations.tidy: lists of declarations that no device is offered any more are deleted."""

from __future__ import annotations

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.declarations import manifest

PERIOD = 3600
_SLICES = 20


def tidy() -> None:
    """Some thousands at most; the rest an hour later."""
    for _ in range(_SLICES):
        if not run_in_transaction(lambda: manifest.forget_unused(now=utcnow())):
            return
