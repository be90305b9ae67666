"""Signals to the host, sent with the application as their sender."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal

from zmdm_plugin.state import state

log = logging.getLogger(__name__)


def send(signal: NamedSignal, **ids: Any) -> None:
    """Tell every receiver; one that raises is logged, and the others are told all the same."""
    application = state().application
    for receiver in list(signal.receivers_for(application)):
        try:
            receiver(application, **ids)
        except Exception:  # a receiver is the host's code, and the fact is committed
            log.exception("a receiver of %s failed", signal.name)
