"""account.look and .probe: realms that devices are about to send people to are tried beforehand.

A device is told to sign in again only while its realm was seen working a moment ago.
"""

from __future__ import annotations

import logging

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services.account import reachable
from zmdm_plugin.services.realms import provider

log = logging.getLogger(__name__)

PERIOD = 300
"""Seconds; well below the time that a success counts for."""


def look() -> None:
    """Have the realms tried that somebody will soon be asked to sign in to."""
    for realm_id in run_in_transaction(lambda: reachable.wanted(now=utcnow())):
        defer_now("account.probe", realm_id, once=f"account.probe:{realm_id}")


def probe(realm_id: int) -> None:
    """Try one, as its page does; nothing is locked while it is waited for."""
    asked = run_in_transaction(lambda: reachable.asked(realm_id))
    if asked is None:
        return
    why = None
    if asked.backend != provider.LOCAL:
        try:
            provider.module(asked.backend).test(asked)
        except (provider.ProviderFailed, ConfigError) as error:
            why = str(error)
            log.warning("realm %s cannot be signed in to: %s", realm_id, why)
    run_in_transaction(lambda: reachable.note(realm_id, why, now=utcnow()))
