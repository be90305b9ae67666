"""What it costs to take an answer and hand out the next command.

    python -m bench.result_next [--databases postgresql] [--sizes 1000 100000] [--times 1600]

Two kinds: RestartDevice, whose answer says nothing more, and DeviceInformation, whose facts are
stored and searchable. Signing the answers is the client's work and is not counted.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench import report
from bench.staging import Cost, Stage, arguments, stage
from tests.hosts import ADMINISTRATOR
from zmdm_plugin.services import command_queue
from zmdm_simulator.device import SimulatedDevice

KINDS = ("RestartDevice", "DeviceInformation")


def order(staged: Stage, name: str, each: int) -> None:
    """Queue so many of a command for every real device, as an operator does."""
    for device in staged.devices:
        with staged.road.rows():
            channel = staged.road.channel(device)
            for _ in range(each):
                command_queue.enqueue(channel, name, {}, actor=ADMINISTRATOR)


def answer_all(device: SimulatedDevice, count: list[int], lock: threading.Lock) -> None:
    """One conversation until nothing is left; a Mac that restarts is back at once."""
    device.restart_seconds = 0
    talk = device.connect()
    while talk:
        with lock:
            count[0] += len(talk)
        talk = device.connect()


def run(staged: Stage, name: str, times: int) -> Cost:
    """Order, then measure the conversations alone."""
    order(staged, name, max(times // len(staged.devices), 1))
    count, lock = [0], threading.Lock()
    with ThreadPoolExecutor(4) as threads:
        work = partial(answer_all, count=count, lock=lock)
        cost = staged.measure(1, lambda: list(threads.map(work, staged.devices)))
    return Cost(count[0], cost.seconds, cost.server, cost.database)


def main() -> int:
    options = arguments(__doc__ or "", times=1_600).parse_args()
    for database in options.databases:
        for size in options.sizes:
            with stage(database, size, server=options.server) as staged:
                for name in KINDS:
                    cost = run(staged, name, options.times)
                    where = f"{name}, {options.server}, {database}, {size:,} devices"
                    report.add(cost.row("answer and next", where), str(cost))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
