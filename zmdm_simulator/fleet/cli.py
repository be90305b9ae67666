"""The command line of `python -m zmdm_simulator devices`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from zmdm_simulator.envelope import CIPHERS
from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.fleet.activation import ComeIn, by_apple, by_profile, people_of
from zmdm_simulator.fleet.build import Hardware
from zmdm_simulator.fleet.fleet import Fleet
from zmdm_simulator.fleet.work import Habits
from zmdm_simulator.models_of_devices import FLEET, MODELS
from zmdm_simulator.proof import Proof
from zmdm_simulator.script import Script

EVERYDAY = Path(__file__).with_name("everyday.json")


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="zmdm_simulator devices",
        description="Play a fleet of devices: they enroll, wait for pushes, answer, live on.",
    )
    add = parser.add_argument
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--profile", help="enrollment profile: a file or a URL")
    way.add_argument("--dep-url", help="played device assignment service: come in as it assigned")
    add("--people", type=Path, help="JSON list of username and password, who sign in in turn")
    add("--count", type=int, default=12, help="how many devices")
    add("--seed", default="0", help="same seed: same serial numbers, UDIDs and names")
    add("--first", type=int, default=0, help="number of the first device (two fleets, one seed)")
    add("--models", nargs="+", help=f"taken in turn; known: {' '.join(MODELS)}")
    add("--state", type=Path, help="folder that keeps the devices between runs")
    add("--apple-control", help="control plane of the played Apple: pushes come from there")
    add("--apple-dir", type=Path, help="folder of the played Apple: device CA, factory identities")
    add("--script", help='JSON file of faults, or "everyday"')
    add("--concurrency", type=int, default=8, help="conversations at the same time")
    add("--verbose", action="store_true", help="one line for each change of a device")
    _add_habits(parser)
    _add_hardware(parser)
    return parser.parse_args(argv)


def _add_habits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("habits (seconds)").add_argument
    add("--once", action="store_true", help="enroll, answer until nothing comes, exit")
    add("--idle", type=float, default=5, help="with --once: how long nothing must come")
    add("--poll", type=float, help="poll that often without a push, which real devices do not")
    add("--return-after", type=float, help="enroll again so long after leaving or being erased")
    add("--notnow-after", type=float, default=15, help="come back so long after a final NotNow")
    add("--restart-seconds", type=float, default=20, help="absence during a restart")
    add("--lock-seconds", type=float, default=60, help="absence of a Mac after DeviceLock")
    add("--update-step", type=float, default=20, help="between two steps of a system update")
    add("--longest-wait", type=float, default=60, help="between attempts when the server fails")
    add("--power-on-after", type=float, default=30, help="somebody switches it on again")


def _add_hardware(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the devices are like").add_argument
    add("--proof", choices=[item.value for item in Proof], default="auto")
    add("--signature", choices=["mixed", "ber", "der"], default="mixed", help="Mdm-Signature")
    add("--digest", choices=["sha256", "sha1"], default="sha256", help="of signatures")
    add("--scep-cipher", choices=["auto", *CIPHERS], default="auto")
    add("--scep-digest", choices=["auto", "sha1", "sha256"], default="auto")
    add("--scep-method", choices=["auto", "POST", "GET"], default="auto")
    add("--scep-alphabet", choices=["standard", "raw", "urlsafe"], default="standard")
    add("--csr-version-2", action="store_true", help="as macOS made them")
    add("--csr-unsorted", action="store_true", help="attributes out of DER's order")
    add("--unsupervised", action="store_true")
    add("--clock-skew", type=float, default=0, help="seconds that the devices' clocks are ahead")
    add("--key-pool", type=int, default=0, help="share so many keys, to start thousands quickly")
    add("--allow-http", action="store_true", help="take a ServerURL that is not https")
    add("--ca-file", help="CA of the server's TLS certificate")
    add("--insecure", action="store_true", help="do not check the server's TLS certificate")


def _script(name: str | None) -> Script:
    if name is None:
        return Script()
    return Script.load((EVERYDAY if name == "everyday" else Path(name)).read_text())


def _way(options: argparse.Namespace) -> ComeIn:
    if options.dep_url:
        return by_apple(options.dep_url, people_of(options.people))
    source: str = options.profile
    remote = source.startswith(("http://", "https://"))
    return by_profile(source if remote else Path(source).read_bytes())


def _fleet(options: argparse.Namespace) -> Fleet:
    models = options.models or list(FLEET)
    if unknown := [model for model in models if model not in MODELS]:
        raise ValueError(f"unknown model {unknown[0]}; known: {' '.join(MODELS)}")
    hardware = Hardware.from_options(options, models=models, script=_script(options.script))
    return Fleet(_way(options), hardware, Habits.from_options(options))


def main(argv: Sequence[str]) -> int:
    """Play until SIGINT, SIGTERM or SIGHUP; 1 = a device is not enrolled, 2 = bad arguments."""
    options = _arguments(argv)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    try:
        fleet = _fleet(options)
    except (ValueError, TypeError, OSError, SimulatorError) as error:
        print(f"devices: {error}", file=sys.stderr)
        return 2
    return fleet.run(stopped)
