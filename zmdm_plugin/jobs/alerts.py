"""Alerts: looking for what is wrong, and sending the mails that tell of it.

The scheduler does both itself, for a dead worker must be told of as well. What takes the network is
asked by a worker. `flask zmdm alerts check` does all of it without either.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from zmdm_plugin.clients import mail
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs import webhooks
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import doctor
from zmdm_plugin.services.alerts import mails, network, notices, watch
from zmdm_plugin.services.alerts.notices import Letter
from zmdm_plugin.services.alerts.watch import Changes
from zmdm_plugin.state import state
from zmdm_plugin.web.probe import unsigned_device_request

log = logging.getLogger(__name__)

PERIOD = 60
"""Seconds between two looks at the database."""
PROBE_PERIOD = 900
"""The same at the network."""
MAIL_SLICE = 8.0
"""Seconds; with the last steps below the scheduler's lease, which is not renewed meanwhile."""
_SINCE = "alerts.since"
_MISSED = timedelta(minutes=5)


def look() -> None:
    """What the scheduler does: a look at the database, then the mails that wait."""
    began = _began(utcnow())
    found = run_in_transaction(lambda: watch.look(now=utcnow(), since=began))
    state().cache[_SINCE] = (began, utcnow())
    log.debug("alerts: %s", found)
    send_mails()


def _began(now: datetime) -> datetime:
    """When this process began to ask workers for signs of life; anew after a gap in which it could
    not look (it was stopped, or the database away), for they could not give any meanwhile."""
    began, last = cast("tuple[datetime, datetime]", state().cache.get(_SINCE, (now, now)))
    return now if now - last > _MISSED else began


def check() -> Changes:
    """Everything at once, without a worker: what a cron line runs."""
    changes = run_in_transaction(lambda: watch.look(now=utcnow()))
    changes += _ask()
    send_mails()
    webhooks.deliver()
    return changes


def probe_soon() -> None:
    """Have a worker ask the network."""
    defer_now("alerts.probe", once="alerts.probe")


def probe() -> None:
    """The server's own certificate, and what the doctor finds."""
    _ask()
    send_mails()


def _ask() -> Changes:
    """Ask the network first, holding nothing, and then note what was learnt."""
    known = network.ask()
    findings = doctor.examine(now=utcnow(), through_application=unsigned_device_request)
    now = utcnow()
    found, judged = [*network.doctor(findings)], network.DOCTOR
    if known is not None:
        found += network.tls(known, now=now)
        judged |= network.TLS
    return run_in_transaction(lambda: watch.note(found, judged, now=now))


def send_mails() -> None:
    """Send what waits; what fails is kept with the reason and tried again later."""
    if not state().settings.smtp_host:
        return
    end = time.monotonic() + MAIL_SLICE
    while letters := run_in_transaction(lambda: notices.claim(now=utcnow())):
        if not _send(letters, end):
            return


def _send(letters: Sequence[Letter], end: float) -> bool:
    """One batch; False if the rest has to wait."""
    left = list(letters)
    try:
        with mail.connected(mails.server(state().settings)) as connection:
            while left and time.monotonic() < end:
                _send_one(connection, left[0])
                left.pop(0)
    except mail.MailError as error:
        log.warning("no mail of alerts is sent: %s", error)
        _put_off(left.pop(0), error)
        run_in_transaction(lambda: notices.give_back(left))
        return False
    run_in_transaction(lambda: notices.give_back(left))
    return not left


def _send_one(connection: mail.Connection, letter: Letter) -> None:
    """Kept at once, so that a kill repeats one mail at most; raises MailError if nothing else
    would be taken either."""
    try:
        refused = connection.send(mails.message(letter))
    except mail.MailError as error:
        if error.whole:
            raise
        log.warning("the mail %s is not taken: %s", letter.uid, error)
        _put_off(letter, error)
    else:
        run_in_transaction(lambda: notices.sent(letter, now=utcnow(), refused=refused))


def _put_off(letter: Letter, error: mail.MailError) -> None:
    run_in_transaction(lambda: notices.put_off(letter, str(error), now=utcnow()))
