"""Licences for many devices at once: noted in steps by a JobRun, ordered as Apple allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Asset, Device, JobRun, Licence, LocationAsset
from zmdm_plugin.services import access, audit, bulk, job_runs
from zmdm_plugin.services.apps_books import licences, serials
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.services.spans import counted

JOB = "apps_books.bulk"
ACTIONS: Final = ("assign", "revoke")
CHUNK = 1000
MOST = 1000
"""Serial numbers that may be named; use a filter for more."""


def start(
    actor: Actor,
    location_asset: LocationAsset,
    action: str,
    *,
    which: Which | None = None,
    numbers: Sequence[str] = (),
    confirmed: int,
) -> JobRun:
    """Begin; `confirmed` is the number of devices that the actor saw and agreed to.

    Refused with (field, why), and Conflict if by now more devices match.
    """
    access.demand(actor, access.CHANGE_LOCATION_ASSETS)
    asset = session().get_one(Asset, location_asset.asset_id)
    if action not in ACTIONS:
        raise Refused("action", "one of assign, revoke")
    if action == "assign" and not asset.device_assignable:
        raise Refused("action", "this asset cannot be assigned to devices")
    if action == "revoke" and not asset.revocable:
        raise Refused("action", "licences of this asset cannot be taken back")
    arguments, total = _chosen(actor, which, numbers)
    if total > confirmed:
        raise Conflict(f"{total} devices match by now, not {confirmed}: look again")
    verb = "Assign" if action == "assign" else "Take back"
    run = job_runs.start(
        JOB,
        actor,
        title=f"{verb} licences of {asset.name or asset.adam_id}",
        arguments={"location_asset": location_asset.id, "action": action, **arguments},
        total=total,
    )
    audit.record(actor, f"licences.{action}", location_asset, reason=f"task {run.uid}")
    return run


def keeping(
    actor: Actor,
    location_asset: LocationAsset,
    which: Which | None,
    numbers: Sequence[str] = (),
) -> int:
    """How many of these devices would keep their licence: their blueprint brings them the app."""
    if which is None:
        return licences.scoped(location_asset.id, serials.among(Licence.serial_number, numbers))
    chosen = bulk.chosen(actor, which, Device.serial_number)
    return licences.scoped(location_asset.id, Licence.serial_number.in_(chosen))


def step(claimed: Claimed, *, now: datetime) -> Step:
    """Note the next devices; those without a serial number are passed over."""
    arguments = claimed.arguments
    row = session().get(LocationAsset, int(arguments["location_asset"]))
    if row is None:
        raise NotFound("the location no longer has this app")
    after = int((claimed.cursor or {}).get("after", 0))
    numbers, last, more = _next(claimed, after)
    before = claimed.result or {}
    kept = int(before.get("kept", 0))
    if arguments["action"] == "assign":
        licences.assign(row.id, numbers)
    else:
        kept += licences.revoke(row.id, numbers)
    noted = int(before.get("devices", 0)) + len(numbers)
    done = claimed.done + last[1]
    return Step(
        done=done,
        total=None if more else done,
        cursor={"after": last[0]},
        message=_message(str(arguments["action"]), noted - kept, kept),
        result={"devices": noted, "kept": kept, "at": now.isoformat()},
        finished=not more,
    )


def _message(action: str, noted: int, kept: int) -> str:
    word = "for a licence" if action == "assign" else "to give it back"
    devices = counted(noted, "device is", "devices are")
    said = f"{devices} noted {word}; Apple is asked as fast as it allows"
    if kept:
        keep = counted(kept, "device keeps its licence", "devices keep theirs")
        said += f". {keep}, for the blueprint brings the app"
    return said


def _chosen(
    actor: Actor, which: Which | None, numbers: Sequence[str]
) -> tuple[dict[str, Any], int]:
    if numbers:
        if len(numbers) > MOST:
            raise Refused("serial_numbers", f"at most {MOST}; use a filter for more")
        if any(not 0 < len(one) <= serials.LONGEST for one in numbers):
            raise Refused("serial_numbers", "a serial number has 1 to 128 characters")
        unique = sorted(set(numbers))
        return {"serial_numbers": unique}, len(unique)
    if which is None:
        raise Refused("serial_numbers", "name devices, or give a filter")
    number = bulk.count(actor, which).number
    if not number:
        raise Refused("filter", "no device matches")
    return which.as_json(), number


def _next(claimed: Claimed, after: int) -> tuple[list[str], tuple[int, int], bool]:
    """Serial numbers, (where to go on, how many were looked at), and whether there are more."""
    named = claimed.arguments.get("serial_numbers")
    if named is not None:
        chunk = list(named[after : after + CHUNK])
        return chunk, (after + len(chunk), len(chunk)), after + len(chunk) < len(named)
    which = Which.from_json(claimed.arguments)
    rows = bulk.serial_numbers(claimed.actor, which, after=after, limit=CHUNK)
    last = rows[-1][0] if rows else after
    return [one for _, one in rows if one], (last, len(rows)), len(rows) == CHUNK
