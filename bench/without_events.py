"""The host application with events that are checked for nothing and written nowhere.

For `bench.events` alone: what it serves costs as much as if there were no events.
"""

from __future__ import annotations

from host_app.wsgi import app as app
from zmdm_plugin.services import events


def _nothing(*_facts: object, **_about: object) -> None:
    """In the place of what writes events."""


events.record = _nothing
events.record_all = _nothing
