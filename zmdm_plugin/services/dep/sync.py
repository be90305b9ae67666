"""What Apple says of the devices of a service, taken in page by page.

A full fetch lists every device, a sync what has happened since. The cursor is committed together
with the page before it, so whatever dies goes on where it was. Devices that a full fetch did not
name are marked deleted only once it has reached its end, and that un-enrolls nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients.dep_values import Account, DevicePage
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import DepDevice, DepVirtualServer, JobRun
from zmdm_plugin.services import audit, job_runs
from zmdm_plugin.services.dep import assigning, rows
from zmdm_plugin.services.dep.connection import AFTER_FAILURE, check_token, clear, find
from zmdm_plugin.services.dep.rows import Telling
from zmdm_plugin.services.dep.runs import open_run
from zmdm_plugin.services.dep.setup import note_account
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.state import state

JOB: Final = "dep.sync"
_CHUNK: Final = 1000
_REMEMBERED: Final = 50
"""Cursors that a run keeps the marks of, to find out that Apple goes round in a circle."""
_CIRCLE: Final = "Apple repeats its cursor: the next synchronization fetches everything again"
_REFUSED: Final = "Apple refuses the cursors that it gives: the next synchronization begins anew"
Kind = Literal["fetch", "sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What Apple is to be asked next."""

    kind: Kind
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A page, or in place of one: nothing new, or a cursor that is no good any more."""

    question: Question
    asked_at: datetime
    page: DevicePage | None = None
    useless: bool = False
    """The cursor is expired or unknown: everything is to be fetched again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """What a run remembers between its steps."""

    marking: bool = False
    last_id: int = 0
    restarts: int = 0
    marks: tuple[str, ...] = ()
    new: int = 0
    changed: int = 0
    deleted: int = 0
    unreadable: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the run's cursor."""
        return {name: getattr(self, name) for name in self.__slots__} | {"marks": [*self.marks]}

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> _Progress:
        """From the run's cursor."""
        given = dict(kept or {})
        return cls(**{**given, "marks": tuple(given.get("marks", ()))})


def start(server_id: int, actor: Actor, *, full: bool = False, now: datetime) -> JobRun:
    """Begin a sync; Conflict while another one of this service is under way, or without a token."""
    server = find(server_id, lock=True)
    check_token(server, now=now)
    if run := open_run(JOB, server_id):
        raise Conflict(f"the devices of {server.name} are being synchronized (task {run.uid})")
    server.sync_begun_at = now
    run = job_runs.start(
        JOB,
        actor,
        title=f"Synchronize the devices of {server.name}"[:200],
        arguments={"server": server.id, "full": full},
    )
    audit.record(actor, "dep_virtual_server.sync", server, reason="full" if full else None)
    return run


def is_due(server: DepVirtualServer, *, now: datetime) -> bool:
    """Whether the schedule shall begin a sync; what failed is tried again a little later."""
    interval = timedelta(minutes=state().settings.dep_sync_minutes)
    if server.error_at is not None:
        interval = min(interval, AFTER_FAILURE)
    begun = server.sync_begun_at
    return begun is None or now - begun >= interval


def wants_all(server: DepVirtualServer, *, now: datetime) -> bool:
    """Whether the whole list is to be fetched again, to be sure."""
    days = state().settings.dep_full_sync_days
    return (
        bool(days)
        and server.fetched_at is not None
        and (now - server.fetched_at >= timedelta(days=days))
    )


def begin(claimed: Claimed, account: Account, *, now: datetime) -> Step:
    """The first step: what Apple says of the service, and where this run begins."""
    server = find(claimed.arguments["server"], lock=True)
    if server.uuid is not None and account.server_uuid[:64] != server.uuid:
        raise Refused("token", "Apple says that it is of another server now: connect it again")
    note_account(server, account, now=now)
    if claimed.arguments.get("full") or server.cursor is None:
        _fetch_anew(server)
    session().flush()
    return Step(done=0, cursor=_Progress().as_json(), message="Apple has answered")


def question(claimed: Claimed) -> Question | None:
    """What to ask now; None while the database alone has work to do."""
    if _Progress.read(claimed.cursor).marking:
        return None
    server = find(claimed.arguments["server"])
    return Question(kind="fetch" if server.fetching else "sync", cursor=server.cursor or "")


def following(asked: Question, page: DevicePage) -> Question | None:
    """What will be asked after this page, as far as it tells: it may be asked ahead."""
    if not page.more_to_follow or page.cursor == asked.cursor:
        return None
    return replace(asked, cursor=page.cursor)


def step(claimed: Claimed, answer: Answer | None, *, now: datetime) -> Step:
    """Take in one answer, or mark some of those that were not reported."""
    server = find(claimed.arguments["server"], lock=True)
    if server.token is None:
        raise Conflict(f"{server.name} was disconnected meanwhile")
    progress = _Progress.read(claimed.cursor)
    if answer is None:
        return _mark(server, claimed, progress, now)
    clear(server)
    if (server.cursor or "") != answer.question.cursor:
        return _step(claimed, progress)  # somebody was here meanwhile: ask anew
    if answer.useless:
        return _again(server, claimed, progress, now)
    if answer.page is None:
        return _ended(server, claimed, progress, now=now)
    return _take(server, claimed, progress, answer=answer, page=answer.page, now=now)


def _take(
    server: DepVirtualServer,
    claimed: Claimed,
    progress: _Progress,
    *,
    answer: Answer,
    page: DevicePage,
    now: datetime,
) -> Step:
    telling = Telling(
        server_id=server.id,
        server_name=server.name,
        asked_at=answer.asked_at,
        now=now,
        fetch=server.fetch_number if server.fetching else None,
    )
    came = rows.write(telling, page.devices)
    mark = hashlib.sha256(page.cursor.encode()).hexdigest()[:12]
    circle = page.more_to_follow and (
        page.cursor == answer.question.cursor or mark in progress.marks
    )
    progress = replace(
        progress,
        new=progress.new + came.new,
        changed=progress.changed + came.changed,
        deleted=progress.deleted + came.deleted,
        unreadable=progress.unreadable + page.unreadable,
        marks=(*progress.marks, mark)[-_REMEMBERED:],
    )
    done = claimed.done + len(page.devices)
    if circle:
        return _give_up(server, claimed, progress, why=_CIRCLE, done=done, now=now)
    server.cursor = page.cursor
    if page.more_to_follow:
        return _step(claimed, progress, done=done)
    return _ended(server, claimed, progress, done=done, now=now)


def _give_up(
    server: DepVirtualServer,
    claimed: Claimed,
    progress: _Progress,
    *,
    why: str,
    done: int,
    now: datetime,
) -> Step:
    """Stop here with nothing marked deleted; the next run begins with everything."""
    server.cursor, server.fetching = None, False
    server.error, server.error_at = why, now
    session().flush()
    return _finished(claimed, progress, done=done, server=server, note=why)


def _ended(
    server: DepVirtualServer,
    claimed: Claimed,
    progress: _Progress,
    *,
    now: datetime,
    done: int | None = None,
) -> Step:
    """The end of a fetch, which leads to marking; or that of a sync, which is the end."""
    if server.fetching:
        return _step(claimed, replace(progress, marking=True, last_id=0), done=done)
    server.synced_at = now
    session().flush()
    if assigning.is_behind(server, now=now):
        assigning.wake(server.id, now=now)
    return _finished(claimed, progress, done=done, server=server)


def _mark(server: DepVirtualServer, claimed: Claimed, progress: _Progress, now: datetime) -> Step:
    """Some of the devices that the fetch did not name; after the last one, what happened since."""
    missing = (
        session()
        .execute(
            sa.select(DepDevice.id, DepDevice.serial_number)
            .where(
                DepDevice.server_id == server.id,
                DepDevice.id > progress.last_id,
                DepDevice.fetch_number < server.fetch_number,
                DepDevice.deleted_at.is_(None),
            )
            .order_by(DepDevice.id)
            .limit(_CHUNK)
        )
        .all()
    )
    if not missing:
        server.fetching, server.fetched_at = False, now
        session().flush()
        return _step(claimed, replace(progress, marking=False, marks=()))
    session().execute(
        sa.update(DepDevice)
        .where(DepDevice.id.in_([row.id for row in missing]))
        .values(deleted_at=now, next_try_at=None, updated_at=now),
        execution_options={"synchronize_session": False},
    )
    telling = Telling(server_id=server.id, server_name=server.name, asked_at=now, now=now)
    gone = [("dep_device.deleted", row.serial_number, {"fetch": True}) for row in missing]
    rows.note(gone, telling)
    deleted = progress.deleted + len(missing)
    return _step(claimed, replace(progress, last_id=missing[-1].id, deleted=deleted))


def _again(server: DepVirtualServer, claimed: Claimed, progress: _Progress, now: datetime) -> Step:
    """A cursor that Apple takes no more: everything again, once in a run."""
    if progress.restarts:
        return _give_up(server, claimed, progress, why=_REFUSED, done=claimed.done, now=now)
    _fetch_anew(server)
    session().flush()
    return _step(claimed, replace(progress, restarts=1, marks=()), done=0)


def _fetch_anew(server: DepVirtualServer) -> None:
    server.fetching, server.cursor = True, None
    server.fetch_number += 1


def _step(claimed: Claimed, progress: _Progress, *, done: int | None = None) -> Step:
    done = claimed.done if done is None else done
    return Step(done=done, cursor=progress.as_json(), message=_words(progress, done))


def _finished(
    claimed: Claimed,
    progress: _Progress,
    *,
    server: DepVirtualServer,
    done: int | None = None,
    note: str | None = None,
) -> Step:
    done = claimed.done if done is None else done
    names = ("new", "changed", "deleted", "unreadable")
    result = {
        "server": server.id,
        "read": done,
        **{name: getattr(progress, name) for name in names},
        "complete": note is None,
    }
    words = _words(progress, done)
    return Step(
        done=done,
        total=done,
        cursor=progress.as_json(),
        message=f"{note}; {words}" if note else words,
        result=result,
        finished=True,
    )


def _words(progress: _Progress, done: int) -> str:
    said = (
        f"{done:,} read: {progress.new:,} new, {progress.changed:,} changed, "
        f"{progress.deleted:,} no longer ours"
    )
    if progress.unreadable:
        said += f"; {progress.unreadable:,} entries could not be read"
    return said
