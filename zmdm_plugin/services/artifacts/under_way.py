"""What is on its way to a channel, loaded once, so that each artifact can be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, ChannelCommand, ChannelDeclarations
from zmdm_plugin.services import push_certificates
from zmdm_plugin.services.artifacts import values
from zmdm_plugin.services.spans import ago
from zmdm_plugin.services.waiting import why

SYNCHRONIZE = "DeclarativeManagement"
_MOST = 500


class Step(NamedTuple):
    """One rule: whether it lets the artifact through (None: it does not say), and why."""

    rule: str
    ok: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class _Nothing:
    """A command that is not there: what is said of it is what is said of the push."""

    state: str = "nothing"
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A channel's outstanding commands in the order of delivery, its list and its variables."""

    channel: Channel
    now: datetime
    commands: Sequence[ChannelCommand]
    held: ChannelDeclarations | None
    values: Mapping[str, str]
    resting: str

    @classmethod
    def of(cls, channel: Channel, *, now: datetime) -> UnderWay:
        """Three statements at most."""
        commands = session().scalars(
            sa.select(ChannelCommand)
            .where(ChannelCommand.channel_id == channel.id, ChannelCommand.finished_at.is_(None))
            .order_by(ChannelCommand.lane, ChannelCommand.id)
            .limit(_MOST)
        )
        return cls(
            channel=channel,
            now=now,
            commands=commands.all(),
            held=session().get(ChannelDeclarations, channel.id),
            values=values.of(channel),
            resting=push_certificates.resting(channel.device),
        )

    def about(self, name: str, artifact_id: int) -> ChannelCommand | None:
        """The outstanding command of this name for an artifact."""
        return next(
            (
                one
                for one in self.commands
                if one.name == name and one.args.get("artifact") == artifact_id
            ),
            None,
        )

    def synchronizing(self) -> ChannelCommand | None:
        """The outstanding command that tells the device of its declarations."""
        return next((one for one in self.commands if one.name == SYNCHRONIZE), None)

    def step(self, command: ChannelCommand) -> Step:
        """Pushed? NotNow? Delivered? The sentence that the list of commands shows."""
        before = self.commands[: self.commands.index(command)]
        ahead = sum(one.state != "not_now" for one in before)
        said = why(command, self.channel, self.now, ahead=ahead, resting=self.resting)
        rule = command.state if command.state in ("not_now", "delivered") else "pushed"
        return Step(rule, False, said)

    def unplanned(self) -> Step:
        """Nothing was ordered: when that is looked at, and what the push does meanwhile."""
        due = self.channel.plan_due_at
        if due is not None and due > self.now and self.channel.push_due_at is None:
            when = ago(due, self.now)
            words = f"nothing is queued yet; that is looked at {when} or when it polls"
        else:
            said = why(_Nothing(), self.channel, self.now, resting=self.resting)
            words = f"nothing is queued yet; that is looked at when the device polls. {said}"
        return Step("queued", False, words)
