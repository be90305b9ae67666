"""`python -m zmdm_simulator apple`: play Apple until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.apple.faults import BadFaults, Faults
from zmdm_simulator.apple.material import Material
from zmdm_simulator.apple.service import PlayedApple


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="zmdm_simulator apple", description="Play Apple's push service."
    )
    parser.add_argument("--dir", type=Path, required=True, help="folder of keys and certificates")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--apns-port", type=int, default=0, help="port of the push service")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control plane")
    parser.add_argument("--dep-port", type=int, help="play device assignment, too; 0: any port")
    parser.add_argument("--faults", type=Path, help="JSON file of faults in force from the start")
    parser.add_argument(
        "--expired-device-ca",
        action="store_true",
        help="make a device CA that has expired, as Apple's own has; only when none exists yet",
    )
    return parser.parse_args(argv)


async def _play(options: argparse.Namespace, faults: Faults) -> None:
    material = Material(options.dir).prepare(expired_device_ca=options.expired_device_ca)
    apple = PlayedApple(material, faults=faults)
    await apple.start(
        push_port=options.apns_port, control_port=options.control_port, host=options.host
    )
    dep = None
    if options.dep_port is not None:
        dep = PlayedDep().start(host=options.host, port=options.dep_port)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    print(
        f"apple: push https://{options.host}:{apple.push_port}"
        f" control http://{options.host}:{apple.control_port} topic {material.topic()}"
        + (f" dep http://{options.host}:{dep.port}" if dep else ""),
        flush=True,
    )
    await stopped.wait()
    if dep:
        dep.stop()
    await apple.stop()


def main(argv: Sequence[str]) -> int:
    """Play until SIGINT, SIGTERM or SIGHUP; 2 says that the arguments or ports are no good."""
    options = _arguments(argv)
    faults = Faults()
    try:
        if options.faults:
            faults.apply(json.loads(options.faults.read_text()))
        asyncio.run(_play(options, faults))
    except (BadFaults, ValueError, OSError) as error:
        print(f"apple: {error}", file=sys.stderr)
        return 2
    return 0
