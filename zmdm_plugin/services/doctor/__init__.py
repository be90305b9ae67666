"""The doctor: is this server fit to manage devices, and if not, what to do about it.

`examine()` runs every check. Each gives a Finding with words for people; what a check raises is a
finding as well, for somebody who asks the doctor has a problem already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from zmdm_plugin.db import session
from zmdm_plugin.services.doctor import inside, outside
from zmdm_plugin.services.doctor.finding import Finding, State, bad
from zmdm_plugin.state import state

__all__ = ["Finding", "State", "examine", "worst"]

log = logging.getLogger(__name__)

Probe = Callable[[], tuple[int, str]]
"""Sends an unsigned device request through the whole application: (status, text)."""


def examine(*, now: datetime, through_application: Probe) -> list[Finding]:
    """Every finding, in the order in which one would mend things. Takes seconds at most."""
    settings = state().settings
    asked = [
        partial(outside.push_service, settings),
        partial(outside.address, settings, now),
        partial(outside.device_routes, settings),
    ]
    with ThreadPoolExecutor(len(asked), thread_name_prefix="zmdm-doctor") as pool:
        answers = [pool.submit(one) for one in asked]
        found = _inside(now, through_application)
        found += [_answer(answer) for answer in answers]
    return found


def worst(findings: list[Finding]) -> State:
    """The state of the whole."""
    return max((one.state for one in findings), key=list(State).index, default=State.GOOD)


def _inside(now: datetime, through_application: Probe) -> list[Finding]:
    found: list[Finding] = []
    for name, check in inside.CHECKS.items():
        try:
            found += check(now)
        except SQLAlchemyError as error:
            session().rollback()
            log.warning("doctor: %s: %s", name, type(error).__name__)
            why = f"the database does not let us look ({type(error).__name__})"
            found.append(
                bad(name, why, "Mend the database and the migrations first.", is_alert=True)
            )
    found.append(inside.own_routes(*through_application()))
    return found


def _answer(answer: Future[Finding]) -> Finding:
    return answer.result()
