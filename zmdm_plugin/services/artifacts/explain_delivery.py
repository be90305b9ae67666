"""What stands between "should have it" and "has it": variables, prerequisites, queue, push, answer.

Pure but for the two statements that find the command and the list of declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, ChannelArtifact, ChannelCommand, ChannelDeclarations
from zmdm_plugin.services import push_certificates
from zmdm_plugin.services.artifacts import standing, values
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.resolve import Chosen
from zmdm_plugin.services.artifacts.wanted import INSTALL
from zmdm_plugin.services.spans import ago, counted
from zmdm_plugin.services.waiting import why

SYNCHRONIZE = "DeclarativeManagement"


class Step(NamedTuple):
    """One rule: whether it lets the artifact through (None: it does not say), and why."""

    rule: str
    ok: bool | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chosen artifact on its way to a channel."""

    channel: Channel
    chosen: Chosen
    compiled: Compiled
    rows: Mapping[int, ChannelArtifact]
    by_command: bool
    now: datetime

    @property
    def row(self) -> ChannelArtifact | None:
        return self.rows.get(self.chosen.item.id)

    @property
    def has_it(self) -> bool:
        """Whether the very version that it should have is there."""
        row = self.row
        if row is None or row.status != "installed":
            return False
        return row.installed_version_id == self.chosen.version.id


def steps(case: Case) -> Iterator[Step]:
    """In the order in which things can be stuck."""
    yield _variables(case)
    waits = standing.waits_for(case.chosen.item.id, rows=case.rows, known=case.compiled)
    if waits:
        names = ", ".join(f"“{name}”" for name in waits)
        yield Step("prerequisites", False, f"it waits for {names} to be there")
    elif case.chosen.item.needs:
        yield Step("prerequisites", True, "what it needs is there, or comes with it")
    if case.has_it:
        yield _present(case)
        return
    yield from _update(case)
    yield from _retries(case)
    yield from (_command(case) if case.by_command else _declaration(case))


def _variables(case: Case) -> Step:
    used = case.chosen.version.variables
    if not used:
        return Step("variables", True, "it uses no variables")
    if missing := sorted(used - values.of(case.channel).keys()):
        return Step("variables", False, f"the device has no value for {', '.join(missing)}")
    return Step("variables", True, f"every variable has a value ({', '.join(sorted(used))})")


def _present(case: Case) -> Step:
    row = case.row
    at = ago(row.installed_at, case.now) if row is not None and row.installed_at else "before"
    words = f"version {case.chosen.version.number} is there, installed {at}"
    if row is not None and row.active is False:
        return Step("active", False, f"{words}, but it is not active; {_reasons(row)}")
    return Step("present", True, words)


def _update(case: Case) -> Iterator[Step]:
    row = case.row
    if row is None or row.installed_version_id in (None, case.chosen.version.id):
        return
    if case.chosen.item.auto_update:
        yield Step("update", True, "another version is there, and is brought up to date")
    else:
        yield Step("update", False, "another version is there, and updates are turned off for it")


def _retries(case: Case) -> Iterator[Step]:
    """What the device answered to the last attempt."""
    row = case.row
    if row is None or row.status not in ("failed", "removal_failed"):
        return
    if row.tried_version_id not in (None, case.chosen.version.id):
        yield Step("retries", True, "a former version failed; this one is new")
        return
    times = f"it failed {counted(max(row.attempts, row.retry_count, 1), 'time')}: {_reasons(row)}"
    if row.next_try_at is None:
        yield Step("retries", False, f"{times}; tried again by hand, or with a new version")
    elif row.next_try_at > case.now:
        yield Step("retries", False, f"{times}; tried again {ago(row.next_try_at, case.now)}")
    else:
        yield Step("retries", True, f"{times}; it may be tried again")


def _command(case: Case) -> Iterator[Step]:
    name = INSTALL[case.chosen.item.type]
    command = next(
        (
            one
            for one in _outstanding(case, name)
            if one.args.get("artifact") == case.chosen.item.id
        ),
        None,
    )
    if command is None:
        yield _planner(case)
        return
    yield Step("queued", True, f"the command was queued {ago(command.created_at, case.now)}")
    yield _under_way(case, command)


def _declaration(case: Case) -> Iterator[Step]:
    held = session().get(ChannelDeclarations, case.channel.id)
    if held is None or held.token is None:
        yield _planner(case)
        return
    if held.token != held.offered_token:
        yield Step("listed", True, "the list of declarations was made anew")
        command = next(iter(_outstanding(case, SYNCHRONIZE)), None)
        if command is not None:
            yield _under_way(case, command)
        else:
            yield Step("fetched", False, "the device has not fetched the new list yet")
        return
    yield Step("fetched", True, f"the device fetched the list {ago(held.offered_at, case.now)}")
    yield from _reported(case)


def _reported(case: Case) -> Iterator[Step]:
    row = case.row
    if row is None or (row.active is None and row.valid is None):
        if row is not None and row.reasons:
            yield Step("listed", False, _reasons(row))
        else:
            yield Step("reported", False, "the device has not reported on it yet")
        return
    valid = {"valid": True, "unknown": None}.get(row.valid or "unknown", False)
    yield Step("valid", valid, f"the device says it is {row.valid or 'unknown'}; {_reasons(row)}")
    if row.active is not None:
        words = "active" if row.active else "not active"
        yield Step("active", row.active, f"the device says it is {words}")


def _outstanding(case: Case, name: str) -> list[ChannelCommand]:
    return list(
        session().scalars(
            sa.select(ChannelCommand)
            .where(
                ChannelCommand.channel_id == case.channel.id,
                ChannelCommand.finished_at.is_(None),
                ChannelCommand.name == name,
            )
            .order_by(ChannelCommand.lane, ChannelCommand.id)
        )
    )


def _under_way(case: Case, command: ChannelCommand) -> Step:
    """Pushed? NotNow? Delivered? The sentence that the list of commands shows."""
    ahead = session().scalar(
        sa.select(sa.func.count(ChannelCommand.id)).where(
            ChannelCommand.channel_id == case.channel.id,
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.state != "not_now",
            sa.or_(
                ChannelCommand.lane < command.lane,
                sa.and_(ChannelCommand.lane == command.lane, ChannelCommand.id < command.id),
            ),
        )
    )
    said = why(
        command,
        case.channel,
        case.now,
        ahead=ahead or 0,
        resting=push_certificates.resting(case.channel.device),
    )
    rule = "not_now" if command.state == "not_now" else "pushed"
    return Step("delivered" if command.state == "delivered" else rule, False, said)


def _planner(case: Case) -> Step:
    """Nothing was ordered: when that is looked at."""
    due = case.channel.plan_due_at
    if due is not None and due > case.now:
        words = f"nothing is queued yet; that is looked at {ago(due, case.now)} or when it polls"
    else:
        words = "nothing is queued yet; that is looked at when the device polls"
    return Step("queued", False, words)


def _reasons(row: ChannelArtifact) -> str:
    return "; ".join(standing.told(row)) or "no reason was given"
