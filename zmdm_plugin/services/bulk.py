"""Bulk actions: one order to many devices, worked off as a JobRun in steps.

What was confirmed is what is done: the filter is frozen with its moments, no device that came
later is touched (`up_to`), and never more than were counted. Each device is asked for by itself:
the permission, whether it can do it, the audit entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Denied, NotFound, Refused, ZmdmError
from zmdm_plugin.models import Channel, Device, JobRun
from zmdm_plugin.services import access, audit, channels, job_runs, vault
from zmdm_plugin.services.bulk_actions import ACTIONS, Ready, Unfinished, prepare
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.services.keyset import MAX_ID

JOB = "bulk.run"
MOST_IDS = 1000
_REASONS, _EXAMPLES = 20, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The devices that were chosen: some by id, or all that match as things were."""

    ids: tuple[int, ...] = ()
    filter: DeviceFilter | None = None
    up_to: int = 0
    """The highest id at the time; devices that came later were not meant."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_device joined with its device channel."""
        if self.filter is None:
            return [Device.id.in_(self.ids)]
        return [Device.id <= self.up_to, *self.filter.conditions()]

    def as_json(self) -> dict[str, Any]:
        """What the run keeps."""
        if self.filter is None:
            return {"ids": list(self.ids)}
        return {"filter": self.filter.as_json(), "up_to": self.up_to}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Which:
        """Refused, KeyError, TypeError or ValueError if nobody could have chosen that."""
        if "filter" in kept:
            chosen = DeviceFilter.from_json(kept["filter"])
            return cls(filter=chosen, up_to=_row_id(kept["up_to"]))
        return cls(ids=tuple(_row_id(one) for one in kept["ids"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many devices somebody is about to act on, and up to which id."""

    number: int
    up_to: int


def count(actor: Actor, which: Which | DeviceFilter) -> Counted:
    """Count what matches now, to be confirmed; only devices that the actor may see count."""
    conditions = which.conditions()
    row = session().execute(
        _from(sa.select(sa.func.count(), sa.func.max(Device.id))).where(
            *conditions, *_scope(actor, access.VIEW_DEVICES)
        )
    )
    number, highest = row.one()
    return Counted(number=number, up_to=highest or 0)


def start(
    actor: Actor,
    action: str,
    which: Which,
    *,
    args: Mapping[str, Any] | None = None,
    confirmed: int,
) -> JobRun:
    """Begin a bulk action; `confirmed` is the number that the actor saw and agreed to.

    Raises Refused with (field, why), Denied, and Conflict if by now more devices match.
    """
    ready = prepare(action, args or {})
    access.demand(actor, ready.permission)
    if len(which.ids) > MOST_IDS:
        raise Refused("ids", f"at most {MOST_IDS}; use a filter for more")
    now = count(actor, which)
    if not now.number:
        raise Refused("ids" if which.ids else "filter", "no device matches")
    if now.number > confirmed:
        raise Conflict(f"{now.number} devices match by now, not {confirmed}: look again")
    run = job_runs.start(
        JOB,
        actor,
        title=ready.title,
        arguments={"action": action, "confirmed": confirmed, **which.as_json()},
        total=now.number,
    )
    vault.seal(run, "secret_arguments", json.dumps(ready.stored).encode())
    audit.record(actor, "bulk.start", run, after=audit.snapshot(run))
    return run


def step(claimed: Claimed) -> Step:
    """Act on the next devices; what one of them refuses is counted and hurts no other."""
    run = job_runs.find(claimed.uid)
    arguments = claimed.arguments
    ready = prepare(str(arguments["action"]), _stored(run))
    left = int(arguments["confirmed"]) - claimed.done
    after = int((claimed.cursor or {}).get("id", 0))
    chunk = min(ready.chunk, left)
    found = _next(claimed.actor, Which.from_json(arguments), ready, after, chunk)
    tally, done = _Tally(claimed.result), 0
    for device in found:
        try:
            tally.add(device, _one(claimed, ready, device))
        except Unfinished:
            break
        done, after = done + 1, device.id
    finished = done == len(found) and (done < chunk or done == left)
    return Step(
        done=claimed.done + done,
        total=claimed.done + done if finished else None,
        cursor={"id": after},
        message=tally.words(),
        result=tally.as_json(),
        finished=finished,
    )


def _one(claimed: Claimed, ready: Ready, device: Device) -> str:
    """Act on one device; empty, or why not."""
    actor = claimed.actor
    try:
        if not access.allowed(actor, ready.permission, device):
            raise Denied(f"this needs the permission {ready.permission}")
        changed = ready.act(device, actor)
    except Refused as error:
        return error.why
    except (Conflict, NotFound, Denied) as error:
        return str(error)
    if changed is None:
        return "nothing to change"
    audit.record(actor, ready.audited, changed, reason=f"bulk action {claimed.uid}")
    return ""


def _next(actor: Actor, which: Which, ready: Ready, after: int, limit: int) -> Sequence[Device]:
    """The next devices in the order of their ids, their channels locked as conversations do."""
    if limit <= 0:
        return []
    ids = session().scalars(
        _from(sa.select(Device.id))
        .where(*which.conditions(), Device.id > after)
        .where(*_scope(actor, access.VIEW_DEVICES), *_scope(actor, ready.permission))
        .order_by(Device.id)
        .limit(limit)
    )
    chosen = list(ids)
    if ready.changes_devices:
        channels.hold_devices(chosen)
    else:
        channels.hold(Channel.device_id.in_(chosen))
    query = sa.select(Device).where(Device.id.in_(chosen)).order_by(Device.id)
    return session().scalars(query.execution_options(populate_existing=True)).all()


def chosen(actor: Actor, which: Which, column: Any) -> sa.Select[tuple[Any]]:
    """One column of the chosen devices that the actor may see, for a statement of its own."""
    found: sa.Select[tuple[Any]] = _from(sa.select(column)).where(
        *which.conditions(), *_scope(actor, access.VIEW_DEVICES)
    )
    return found


def serial_numbers(
    actor: Actor, which: Which, *, after: int, limit: int
) -> Sequence[tuple[int, str | None]]:
    """Ids and serial numbers of the next chosen devices that the actor may see; locks nothing."""
    rows = session().execute(
        _from(sa.select(Device.id, Device.serial_number))
        .where(*which.conditions(), Device.id > after, *_scope(actor, access.VIEW_DEVICES))
        .order_by(Device.id)
        .limit(limit)
    )
    return [(row_id, serial) for row_id, serial in rows]


class _Tally:
    """How it went, by reason; kept in the run's result from step to step."""

    def __init__(self, kept: Mapping[str, Any] | None) -> None:
        self.done = int((kept or {}).get("done", 0))
        self.skipped: dict[str, dict[str, Any]] = {
            item["why"]: dict(item) for item in (kept or {}).get("skipped", [])
        }

    def add(self, device: Device, why: str) -> None:
        if not why:
            self.done += 1
            return
        if why not in self.skipped and len(self.skipped) >= _REASONS:
            why = "another reason"
        item = self.skipped.setdefault(why, {"why": why, "count": 0, "devices": []})
        item["count"] += 1
        if len(item["devices"]) < _EXAMPLES:
            item["devices"] = [*item["devices"], device.id]

    def words(self) -> str:
        left_out = sum(item["count"] for item in self.skipped.values())
        said = f"done for {self.done:,}"
        return f"{said}, left out {left_out:,}" if left_out else said

    def as_json(self) -> dict[str, Any]:
        return {"done": self.done, "skipped": list(self.skipped.values())}


def _stored(run: JobRun) -> dict[str, Any]:
    body = vault.unseal(run, "secret_arguments")
    if body is None:
        raise ZmdmError("what was ordered is no longer kept")
    stored: dict[str, Any] = json.loads(body)
    return stored


def _row_id(given: Any) -> int:
    if type(given) is not int or not 0 <= given <= MAX_ID:
        raise ValueError("no id")
    return given


def _from(select: Any) -> Any:
    """Devices with their own channels, which filters ask as well."""
    own = sa.and_(Channel.device_id == Device.id, Channel.key == "")
    return select.select_from(Device).outerjoin(Channel, own)


def _scope(actor: Actor, permission: str) -> list[sa.ColumnElement[bool]]:
    condition = access.row_scope(actor, permission)
    return [] if condition is None else [condition]


def offered(actor: Actor) -> list[str]:
    """The actions that the actor may order, commands apart."""
    return [name for name, action in ACTIONS.items() if access.allowed(actor, action.permission)]
