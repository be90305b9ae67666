"""What there is at this moment, one grouped statement for each family, whatever the fleet."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Channel,
    ChannelArtifact,
    ChannelCommand,
    Device,
    EnrollmentSession,
    JobRun,
    Webhook,
    WebhookDelivery,
)
from zmdm_plugin.services import expiries
from zmdm_plugin.services.device_filter import state_of_a_device

AGES = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
Rows = Iterator[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Devices by (platform, state), and enrolled ones by (platform, seen within)."""

    states: Sums[tuple[str, str]]
    seen: Sums[tuple[str, str]]


def fleet(*, now: datetime) -> Fleet:
    """One pass over the devices."""
    state = state_of_a_device().label("state")
    ages = ((Device.seen_hour >= now - age, name) for name, age in AGES.items())
    seen = sa.case(*ages, else_="older").label("seen")
    found = Fleet(Sums(), Sums())
    query = sa.select(sa.func.coalesce(Device.platform, ""), state, seen, sa.func.count())
    query = query.group_by(sa.text("1"), sa.text("2"), sa.text("3"))
    for platform, named, within, number in session().execute(query):
        found.states[platform, named] += number
        if named == "enrolled":
            for name in _also(within):
                found.seen[platform, name] += number
    return found


def _also(within: str) -> list[str]:
    """Who was seen within an hour was seen within a day, too."""
    names = [*AGES, "older"]
    return [within] if within == "older" else names[names.index(within) : -1]


def commands() -> Rows:
    """Orders that are not finished."""
    waiting = ChannelCommand.finished_at.is_(None)
    yield from _grouped([ChannelCommand.state], waiting)


def artifacts() -> Rows:
    """Artifacts on channels, by what became of them."""
    yield from _grouped([ChannelArtifact.status])


def sessions() -> Rows:
    """Enrollment sessions by kind and how far they are."""
    yield from _grouped([EnrollmentSession.kind, EnrollmentSession.state])


def runs() -> Rows:
    """Long work by job and state, as far as it is kept."""
    yield from _grouped([JobRun.name, JobRun.state])


def channels() -> Rows:
    """Channels that are to be woken, and those that cannot be."""
    yield ("due",), _number(Channel.push_due_at.is_not(None))
    yield ("token_dead",), _number(Channel.push_dead_at.is_not(None), Channel.ended_at.is_(None))


def deliveries() -> Rows:
    """What webhooks are still to be told, and what was given up."""
    dead = sa.func.count(WebhookDelivery.dead_at)
    query = (
        sa.select(Webhook.name, sa.func.count(WebhookDelivery.id) - dead, dead)
        .outerjoin(WebhookDelivery, WebhookDelivery.webhook_id == Webhook.id)
        .group_by(Webhook.id, Webhook.name)
    )
    for name, waiting, given_up in session().execute(query):
        yield (name, "waiting"), waiting
        yield (name, "dead"), given_up


def credentials(*, now: datetime) -> Rows:
    """Days that are left of each credential; negative once it has ended."""
    for one in expiries.every():
        yield (one.kind, one.name), (one.ends - now).total_seconds() / 86_400


def _grouped(columns: list[Any], *conditions: Any) -> Rows:
    query = sa.select(*columns, sa.func.count()).where(*conditions).group_by(*columns)
    for *labels, number in session().execute(query):
        yield tuple(labels), number


def _number(*conditions: Any) -> int:
    return session().scalar(sa.select(sa.func.count(Channel.id)).where(*conditions)) or 0
