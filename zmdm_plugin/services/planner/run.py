"""Gather a channel's situation, ask every rule, order what is missing, keep the next deadline."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Channel, ChannelCommand, Revision
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.models.blueprints import revision_name
from zmdm_plugin.services import command_queue, locking, wake
from zmdm_plugin.services.apps import progress
from zmdm_plugin.services.artifacts import delivery, licensing, present
from zmdm_plugin.services.artifacts import values as variables
from zmdm_plugin.services.artifacts.wanted import INSTALL
from zmdm_plugin.services.declarations import sync
from zmdm_plugin.services.declarations.overlay import UNLICENSED
from zmdm_plugin.services.declarations.refresh import refresh
from zmdm_plugin.services.declarations.values import Declared
from zmdm_plugin.services.enrollment import renewal as renewals
from zmdm_plugin.services.planner import (
    apps,
    artifacts,
    bypass_code,
    declarations,
    inventory,
    not_now,
    protection,
    renewal,
    setup,
)
from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest
from zmdm_plugin.services.protection import orders as protecting
from zmdm_plugin.services.protection import situation as protected
from zmdm_plugin.services.setup import accounts, awaiting
from zmdm_plugin.services.setup.values import ACCOUNTS
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

PLANNERS: tuple[Callable[[Situation], Plan], ...] = (
    renewal.plan,
    inventory.plan,
    artifacts.plan,
    apps.plan,
    declarations.plan,
    protection.plan,
    bypass_code.plan,
)
_JITTER = 0.05
_UNWANTED = "the device should not get it any more"


def plan_channel(channel: Channel) -> None:
    """Order what the rules miss on this channel; it is in conversation, so nobody is woken."""
    if channel.ended_at is not None or channel.enrolled_at is None:
        channel.plan_due_at = None
        return
    fleet, blueprint = _revisions(channel)  # read first: what changes meanwhile is planned again
    deliver = delivery.of(channel, revision=blueprint)
    if _withdraw(channel, deliver):
        deliver = delivery.of(channel, revision=blueprint)
    unlicensed = licensing.missing(channel, deliver.resolution.chosen)
    declared = _declared(channel, deliver, unlicensed)
    situation = _situation(channel, _held_back(channel, deliver, unlicensed), declared)
    plans = [rule(situation) for rule in PLANNERS]
    plans.append(setup.plan(situation, ordered=any(plan.orders for plan in plans)))
    if not situation.awaiting and situation.held.keys() - situation.chosen:
        present.forget_failed(channel, situation.chosen)
        _leave(channel, situation)
    channel.plan_due_at = None
    for plan in plans:
        for order in plan.orders:
            _order(channel, order)
    put_off = _not_now_deadline(channel, situation.now)
    locked = locking.spoke(channel, situation.now)
    deadline = earliest(*(plan.next_at for plan in plans), put_off, locked, channel.plan_due_at)
    channel.plan_due_at = _jittered(deadline, situation.now) if deadline else None
    channel.planned_revision, channel.planned_blueprint_revision = fleet, blueprint


def _revisions(channel: Channel) -> tuple[int, int]:
    """Of the fleet, and of the device's blueprint (0 without one)."""
    blueprint_id = channel.device.blueprint_id
    names = {wake.FLEET: 0}
    if blueprint_id is not None:
        names[revision_name(blueprint_id)] = 1
    found = [0, 0]
    rows = sa.select(Revision.name, Revision.value).where(Revision.name.in_(names))
    for name, value in session().execute(rows):
        found[names[name]] = value
    return found[0], found[1]


def _withdraw(channel: Channel, deliver: delivery.Delivery) -> bool:
    """What was to be installed and is no longer wanted is not sent at all."""
    pending = {
        held.key: held.artifact
        for held in deliver.held.values()
        if held.by_command and held.status == "pending" and held.artifact not in deliver.chosen
    }
    if not pending or channel.device.awaiting_configuration:
        return False
    taken = command_queue.withdraw(channel, pending, names=INSTALL.values(), why=_UNWANTED)
    for key in sorted(taken):
        present.withdrawn(channel, pending[key])
    return bool(taken)


def _declared(
    channel: Channel, deliver: delivery.Delivery, unlicensed: Mapping[int, str]
) -> Declared:
    """What is to be offered now by declarative management."""
    return refresh(
        channel,
        deliver.known,
        resolution=deliver.resolution,
        commanded=deliver.commanded,
        unlicensed=unlicensed,
        values=variables.of(channel),
        now=utcnow(),
    )


def _held_back(
    channel: Channel, deliver: delivery.Delivery, unlicensed: Mapping[int, str]
) -> delivery.Delivery:
    """What goes by command and has no licence is not sent, and its row says why."""
    if not unlicensed:
        return deliver
    wanted = []
    for one in deliver.wanted:
        if (why := unlicensed.get(one.artifact)) is not None:
            present.waiting(channel, one.artifact, one.version, UNLICENSED, why)
            one = replace(one, blocked=True)
        wanted.append(one)
    return replace(deliver, wanted=tuple(wanted))


def _leave(channel: Channel, situation: Situation) -> None:
    """What no command takes off stays on the device, and is no longer ours."""
    for held in situation.held.values():
        unwanted = held.by_command and held.artifact not in situation.chosen
        if unwanted and not held.removable and held.status not in ("pending", "failed"):
            present.left(channel, held.artifact)


def _order(channel: Channel, order: Order) -> None:
    try:
        args = _args(channel, order)
        row = command_queue.enqueue(
            channel,
            order.name,
            args,
            actor=SYSTEM,
            planned_by="planner",
            wakes=False,
        )
    except (Refused, NotFound, Conflict) as refusal:
        # What a channel's platform does not know is not missing there.
        log.info("channel %s: %s is not ordered: %s", channel.id, order.name, refusal)
        present.refused(channel, order.name, order.args, str(refusal))
        if order.name == renewal.NAME:
            renewals.refused(channel.device, getattr(refusal, "why", "") or str(refusal))
        protecting.refused(channel.device, order.name, getattr(refusal, "why", str(refusal)))
    else:
        present.noted(channel, order.name, order.args)
        protecting.ordered(channel.device, order.args, args, row)
        if order.name == ACCOUNTS:
            accounts.ordered(channel.device, args, row)
        if order.name == declarations.NAME:
            sync.ordered(channel, now=utcnow())
        elif order.name in apps.CHECKS:
            progress.asked(channel, now=utcnow())


def _args(channel: Channel, order: Order) -> Mapping[str, Any]:
    if order.name == ACCOUNTS:
        return accounts.arguments(channel.device)
    if order.name != renewal.NAME:
        return protecting.arguments(order.name, order.args)
    return {"session": renewals.begin(channel.device).uid}


def _situation(channel: Channel, deliver: delivery.Delivery, declared: Declared) -> Situation:
    device, settings = channel.device, state().settings
    waiting, attempted = _waiting(channel), _attempted(channel)
    held = renewals.present(channel.device_id)
    known = deliver.known
    return Situation(
        now=utcnow(),
        device_channel=channel.kind == "device",
        awaiting=bool(device.awaiting_configuration) or channel.awaiting_since is not None,
        setup=awaiting.situation(channel),
        collected={
            "DeviceInformation": device.device_information_at,
            "SecurityInfo": device.security_info_at,
            "InstalledApplicationList": device.applications_at,
            "CertificateList": device.certificates_at,
            "ProfileList": device.profiles_at,
        },
        attempted=attempted,
        outstanding=frozenset(row.name for row in waiting),
        under_way=frozenset(row.name for row in waiting if _may_go(row)),
        waiting=frozenset(row.once_key for row in waiting if row.once_key),
        inventory_interval=timedelta(
            seconds=known.inventory_interval if known else settings.inventory_interval
        ),
        collect=known.collect if known else (),
        identity=renewals.holding(held) if held else None,
        renew_before=timedelta(days=settings.identity_renew_before_days),
        os_version=device.os_version,
        wanted=deliver.wanted,
        chosen=deliver.chosen,
        held=deliver.held,
        declarations=declared,
        protection=protected.of(channel),
        lockable=protected.lockable(channel),
    )


def _waiting(channel: Channel) -> Sequence[Any]:
    """What is not finished on this channel: names, and what they are about."""
    columns = (ChannelCommand.name, ChannelCommand.once_key, ChannelCommand.state)
    query = sa.select(*columns, ChannelCommand.not_before).where(
        ChannelCommand.channel_id == channel.id, ChannelCommand.finished_at.is_(None)
    )
    return session().execute(query).all()


def _may_go(row: Any) -> bool:
    held_back = row.not_before is not None and row.not_before > utcnow()
    return row.state != "not_now" and not held_back


def _attempted(channel: Channel) -> dict[str, datetime]:
    """When the planner last ordered each of its commands, since the enrollment."""
    rows = session().execute(
        sa.select(ChannelCommand.name, sa.func.max(ChannelCommand.created_at))
        .where(
            ChannelCommand.channel_id == channel.id,
            ChannelCommand.planned_by.is_not(None),
            ChannelCommand.created_at >= (channel.enrolled_at or utcnow()),
        )
        .group_by(ChannelCommand.name)
    )
    return {name: at for name, at in rows}


def _not_now_deadline(channel: Channel, now: datetime) -> datetime | None:
    rows = session().execute(
        sa.select(ChannelCommand.last_not_now_at, ChannelCommand.not_now_count).where(
            ChannelCommand.channel_id == channel.id,
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.state == "not_now",
            ChannelCommand.last_not_now_at.is_not(None),
        )
    )
    return earliest(*(not_now.next_wake(last, count, now=now) for last, count in rows if last))


def _jittered(deadline: datetime, now: datetime) -> datetime:
    """Spread what would otherwise come due for a whole fleet in one minute."""
    wait = max(deadline - now, timedelta(0))
    return deadline + wait * random.uniform(0, _JITTER)
