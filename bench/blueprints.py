"""What blueprints cost: polls of their devices, planning after a change, and the change itself.

    python -m bench.blueprints [--databases postgresql] [--sizes 100000] [--artifacts 10 300]

Every device of the fleet has the blueprint. Bars: a poll with nothing to do costs with the most
artifacts at most 10 % more than with the fewest; a change is accepted in less than a second, its
wakes are ordered at 2,000 a second (the push rate), and meanwhile no poll waits 300 ms. Planning is
what one channel costs after a new version of one artifact (the choice, the list of declarations,
the orders), in this process, without the wire.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import sqlalchemy as sa

from bench import idle, report
from bench.declarations import manage
from bench.push_flush import own_cpu
from bench.staging import Cost, Stage, arguments, connected, cpu, receive, send, stage, tidy
from tests.api.world import make_token
from tests.declaring import Desk
from zmdm_plugin import db
from zmdm_plugin.models import Artifact, Channel, Device, Revision
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.models.blueprints import revision_name
from zmdm_plugin.services import wake
from zmdm_plugin.services.planner import plan_channel
from zmdm_simulator.device import SimulatedDevice

GROWTH = 1.10
ACCEPTED = 1.0
"""Seconds that an operator waits."""
RATE = 2_000.0
LONGEST = 0.3
"""Seconds that a poll waits."""
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that polls took: a device's first one after the change, and the others."""

    planned: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a change that touches a whole fleet; times in seconds."""

    accepted: float
    marked: int
    lasted: float
    used: float
    """CPU of this process, which is the worker, and of the database: polls included."""
    planned: list[float]
    """What each device's first poll waited, which is planned; infinity: it was refused."""
    idle: list[float]
    """What the others waited."""

    @property
    def longest(self) -> float:
        return max([*self.planned, *self.idle], default=0.0)

    @property
    def rate(self) -> float:
        return self.marked / self.lasted


def give_all(desk: Desk) -> None:
    """Every device of the fleet gets the blueprint, and nothing of it is new to anyone."""
    with desk.road.rows() as session:
        name = revision_name(desk.blueprint_id)
        revision = session.scalar(sa.select(Revision.value).where(Revision.name == name))
        session.execute(sa.update(Device).values(blueprint_id=desk.blueprint_id))
        session.execute(sa.update(Channel).values(planned_blueprint_revision=revision))
        session.execute(sa.update(Revision).values(marked=Revision.value))
    tidy(desk.road)


def planning(staged: Stage, desk: Desk, devices: Sequence[SimulatedDevice]) -> Cost:
    """A new version, and each device is planned for it; as often as there are rounds."""
    with staged.road.rows() as session:
        artifact_id = session.scalars(sa.select(Artifact.id).order_by(Artifact.id)).first()
    assert artifact_id is not None
    server = database = seconds = 0.0
    for number in range(ROUNDS):
        desk.wording(artifact_id, {"MinimumLength": number})
        _plan(staged, devices[0])  # this one compiles the blueprint, for all that follow
        own, theirs, began = own_cpu(), cpu(staged.database), time.perf_counter()
        for device in devices[1:]:
            _plan(staged, device)
        seconds += time.perf_counter() - began
        server += own_cpu() - own
        database += cpu(staged.database) - theirs
    return Cost(ROUNDS * (len(devices) - 1), seconds, server, database)


def _plan(staged: Stage, device: SimulatedDevice) -> None:
    with staged.road.rows():
        plan_channel(staged.road.channel(device))


def change(staged: Stage, desk: Desk, devices: Sequence[SimulatedDevice]) -> Change:
    """An operator changes the blueprint; a job orders the wakes while devices poll."""
    operator = staged.road.app.test_client()
    headers = {"Authorization": f"Token {make_token(staged.road.app)}"}
    path = f"/api/mdm/blueprints/{desk.blueprint_id}/"
    began = time.perf_counter()
    answer = operator.patch(path, headers=headers, json={"inventory_interval": 100_000})
    accepted = time.perf_counter() - began
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status}")
    over, waits = threading.Event(), Waits()
    polling = threading.Thread(target=_poll, args=(staged, devices, over, waits))
    polling.start()
    own, theirs, began = own_cpu(), cpu(staged.database), time.perf_counter()
    with staged.road.app.app_context():
        while db.run_in_transaction(lambda: wake.fan_out(now=utcnow())):
            pass
    lasted = time.perf_counter() - began
    over.set()
    polling.join()
    used = own_cpu() - own + cpu(staged.database) - theirs
    return Change(accepted, _due(staged), lasted, used, waits.planned, waits.idle)


def _poll(
    staged: Stage, devices: Sequence[SimulatedDevice], over: threading.Event, waits: Waits
) -> None:
    """Poll without a pause, one device after the other, and note what each has waited."""
    with connected(staged.url) as wire:
        for number, poll in enumerate(cycle([idle.poll(device) for device in devices])):
            if over.is_set():
                return
            began = time.perf_counter()
            wire.sendall(poll)
            answered = receive(wire).startswith(b"HTTP/1.1 200")
            waited = time.perf_counter() - began if answered else float("inf")
            (waits.planned if number < len(devices) else waits.idle).append(waited)


def _due(staged: Stage) -> int:
    with staged.road.rows() as session:
        due = sa.select(sa.func.count()).where(Channel.push_due_at.is_not(None))
        return session.scalar(due) or 0


def run(
    database: str, size: int, artifacts: int, options: argparse.Namespace
) -> tuple[float, bool]:
    """Milliseconds of an idle poll, and whether the other bars are met."""
    where = f"{database}, {size:,} devices, {artifacts} artifacts"
    with stage(database, size, server=options.server) as staged:
        devices = staged.devices[::4]
        desk = manage(staged, artifacts, devices)
        give_all(desk)
        polls = idle.run(staged, options.times)
        report.add(polls.row("idle, with a blueprint", where), str(polls))
        planned = planning(staged, desk, devices)
        report.add(planned.row("planning a channel", where), str(planned))
        desk.change(inventory_interval=90_000)
        send(staged.url, [idle.poll(device) for device in devices], times=40)  # warms the server
        give_all(desk)
        done = change(staged, desk, devices)
    return polls.per_operation, tell(done, where)


def tell(done: Change, where: str) -> bool:
    """Two rows: the operator's request, and the wakes; False if a bar is missed."""
    accepted = report.Row(
        benchmark="a change, accepted",
        what=where,
        bar=f"{ACCEPTED * 1e3:,.0f} ms",
        met=done.accepted < ACCEPTED,
    )
    report.add(accepted, f"{done.accepted * 1e3:.0f} ms")
    fanned = report.Row(
        benchmark="a change, fanned out",
        what=where,
        cpu_ms=done.used / done.marked * 1e3,
        per_second=done.rate,
        bar=f"{RATE:,.0f}/s, no poll {LONGEST * 1e3:.0f} ms",
        met=done.rate >= RATE and done.longest < LONGEST,
    )
    report.add(fanned, f"{done.marked:,} channels in {done.lasted:.1f} s; {_waited(done)}")
    return bool(accepted.met and fanned.met)


def _waited(done: Change) -> str:
    """The longest of either kind of poll, in words."""
    kinds = {"planned": done.planned, "with nothing to do": done.idle}
    return "; ".join(
        f"longest of {len(waits):,} polls {kind} {max(waits) * 1e3:.0f} ms"
        for kind, waits in kinds.items()
        if waits
    )


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--artifacts", nargs="+", type=int, default=(10, 300))
    options = parser.parse_args()
    good = True
    for database in options.databases:
        for size in options.sizes:
            costs = []
            for artifacts in options.artifacts:
                cost, met = run(database, size, artifacts, options)
                costs.append(cost)
                good &= met
            growth = costs[-1] / costs[0]
            print(f"idle, {database}: {growth:.2f} times the CPU with {artifacts} artifacts")
            good &= growth <= GROWTH
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
