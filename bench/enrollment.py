"""What an enrollment costs: SCEP (three requests), Authenticate, TokenUpdate.

    python -m bench.enrollment [--databases postgresql] [--sizes 1000 100000] [--times 60]

The keys of the devices are made beforehand; their signatures are the client's work.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bench import report
from bench.staging import Cost, Stage, arguments, stage
from zmdm_simulator.device import SimulatedDevice


def _one(key: RSAPrivateKey) -> Callable[[int], RSAPrivateKey]:
    return lambda _bits: key


def run(staged: Stage, times: int) -> Cost:
    """Enroll so many new devices by hand, two at a time."""
    http = staged.devices[0].http
    made = [staged.road.device(seed=f"new {number}", http=http) for number in range(times)]
    for device in made:
        device.make_key = _one(device.make_key(2048))

    def enroll(device: SimulatedDevice) -> None:
        device.enroll(staged.road.profile)

    with ThreadPoolExecutor(2) as threads:
        return staged.measure(times, lambda: list(threads.map(enroll, made)))


def main() -> int:
    options = arguments(__doc__ or "", times=60).parse_args()
    for database in options.databases:
        for size in options.sizes:
            with stage(database, size, server=options.server) as staged:
                cost = run(staged, options.times)
            where = f"{options.server}, {database}, {size:,} devices"
            report.add(cost.row("enrollment", where), str(cost))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
