"""What the questions of declarative management cost: tokens, and the list of declarations.

    python -m bench.declarations [--databases postgresql] [--sizes 1000] [--artifacts 100]

Bar: at most 1.5 ms of CPU each, server and PostgreSQL together.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from bench import report
from bench.staging import Cost, Stage, arguments, request, send, stage
from tests.declaring import Desk
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.proof import Prover
from zmdm_simulator.wire import CHECKIN_TYPE, dumps

BAR = 1.5
ENDPOINTS = ("tokens", "declaration-items")


def question(device: SimulatedDevice, endpoint: str) -> bytes:
    """One check-in of a device, signed; the same bytes for ever."""
    said = checkins.declarative_management(device, device.channel(), endpoint, None)
    body = dumps(said)
    headers = {"Content-Type": CHECKIN_TYPE, **Prover().headers(body, device.own_identity)}
    url = device.installed.checkin_url or device.installed.server_url
    return request(urlsplit(url).path, body, headers)


def manage(staged: Stage, artifacts: int, devices: Sequence[SimulatedDevice] = ()) -> Desk:
    """A blueprint with so many configurations; each device fetches and reports them all."""
    desk = Desk(staged.road)
    for number in range(artifacts):
        desk.configuration(f"Configuration {number}")
    for device in devices or staged.devices:
        desk.assign(device)
        while device.connect().request_types:
            pass
    return desk


def run(staged: Stage, endpoint: str, times: int) -> Cost:
    """The cheapest of three rounds: what others do on this machine only adds."""
    questions = [question(device, endpoint) for device in staged.devices]
    send(staged.url, questions, times=200)
    rounds = [
        staged.measure(times, lambda: send(staged.url, questions, times=times)) for _ in range(3)
    ]
    return min(rounds, key=lambda cost: cost.per_operation)


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--artifacts", type=int, default=100)
    options = parser.parse_args()
    missed = False
    for database in options.databases:
        for size in options.sizes:
            with stage(database, size, server=options.server) as staged:
                manage(staged, options.artifacts)
                for endpoint in ENDPOINTS:
                    cost = run(staged, endpoint, options.times)
                    where = f"{endpoint}, {database}, {options.artifacts} artifacts"
                    report.add(cost.row("declarations", where, bar=BAR), str(cost))
                    missed |= cost.per_operation > BAR
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
