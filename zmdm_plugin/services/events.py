"""Facts worth knowing, written in the transaction of the fact; never bodies, never secrets.

Each kind is described once, in `event_kinds`. What does not keep to it raises in tests and in
development; on a running server it is logged and written all the same, for the fact counts more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import HotStatement, any_of, insert_many, json_of, session, texts
from zmdm_plugin.models import Device, EnrollmentSession, Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.origin import origin
from zmdm_plugin.services.event_kinds import KINDS
from zmdm_plugin.services.webhooks import outbox
from zmdm_plugin.state import state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fact:
    """One event that is still to be written, with others."""

    kind: str
    device_id: int | None
    payload: Mapping[str, Any]


def record(
    kind: str,
    /,
    *,
    device: Device | int | None = None,
    enrollment_session: EnrollmentSession | None = None,
    **payload: Any,
) -> None:
    """Add one event; `kind` is a dotted name like `device.enrolled`."""
    device_id = device.id if isinstance(device, Device) else device
    values = _values(Fact(kind, device_id, payload))
    event = Event(session_id=enrollment_session.id if enrollment_session else None, **values)
    session().add(event)
    outbox.write(event, kind, device_id)


def record_all(facts: Sequence[Fact]) -> None:
    """Add some events in one statement, in this order; one by one if a webhook may want them."""
    if not facts:
        return
    if any(outbox.is_wanted(fact.kind) for fact in facts):
        for fact in facts:
            record(fact.kind, device=fact.device_id, **fact.payload)
        return
    rows = [_values(fact) for fact in facts]
    if len(rows) > _AT_ONCE:
        insert_many(Event, rows)
        return
    bound = {name: rows[0][name] for name in _SHARED}
    for at, row in enumerate(rows):
        row["payload"] = json.dumps(row["payload"])
        bound |= {f"{name}_{at}": row[name] for name in _OWN}
    _INSERTS[len(rows) - 1].run(bound, prepare=state().settings.prepared_statements)


def record_by_serial(facts: Sequence[Fact]) -> None:
    """The same about serial numbers, on the timelines of those that are devices of ours."""
    numbers = list({fact.payload["serial_number"] for fact in facts})
    known = sa.select(Device.serial_number, Device.id).where(any_of(Device.serial_number, numbers))
    found = session().execute(known.order_by(Device.id)) if numbers else ()
    ids = {serial: device_id for serial, device_id in found}
    record_all(
        [Fact(one.kind, ids.get(one.payload["serial_number"]), one.payload) for one in facts]
    )


def record_for_each(kind: str, serial_numbers: Collection[str], /, **payload: Any) -> None:
    """The same event about each of them: a thousand cost no more of this process than one."""
    if not serial_numbers:
        return
    facts = (Fact(kind, None, {"serial_number": one, **payload}) for one in serial_numbers)
    if outbox.is_wanted(kind):
        record_by_serial(list(facts))
        return
    serial = texts(serial_numbers)
    values = _values(next(facts))
    about = {name: value for name, value in values["payload"].items() if name != "serial_number"}
    values["payload"] = json_of({"serial_number": serial, **about})
    values["device_id"] = (
        sa.select(sa.func.max(Device.id)).where(Device.serial_number == serial).scalar_subquery()
    )
    columns = Event.__table__.c
    chosen = sa.select(
        *(
            value if isinstance(value, sa.ColumnElement) else sa.literal(value, columns[name].type)
            for name, value in values.items()
        )
    )
    session().execute(sa.insert(Event).from_select(list(values), chosen))


def _values(fact: Fact) -> dict[str, Any]:
    """The columns of an event but for its session."""
    payload = {key: value for key, value in fact.payload.items() if value is not None}
    known = KINDS.get(fact.kind)
    fault = known.faults(payload) if known else f"there is no kind of event {fact.kind!r}"
    if fault:
        _at_fault(fault)
    source = origin()
    return {
        "kind": fact.kind,
        "version": known.version if known else 1,
        "device_id": fact.device_id,
        "actor_id": source.actor_id,
        "actor_label": source.actor_label,
        "request_id": source.request_id,
        "payload": payload,
        "created_at": utcnow(),
    }


def _at_fault(fault: str) -> None:
    app = state().application
    if app.testing or app.debug:
        raise ValueError(fault)
    log.error("an event is not as it is described: %s", fault)


_SHARED = ("actor_id", "actor_label", "request_id", "created_at")
_OWN = ("kind", "version", "device_id", "payload")
_AT_ONCE = 3
"""An answer and the next command are two facts: written out, for they come with every answer."""


def _insert(number: int) -> HotStatement:
    shared = "".join(f", :{name}" for name in _SHARED)
    rows = ", ".join(
        "(" + ", ".join(f":{name}_{at}" for name in _OWN) + shared + ")" for at in range(number)
    )
    return HotStatement(f"INSERT INTO zmdm_event ({', '.join(_OWN + _SHARED)}) VALUES {rows}")


_INSERTS = tuple(_insert(number) for number in range(1, _AT_ONCE + 1))
