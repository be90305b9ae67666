"""`python -m zmdm_simulator dep`: play the device assignment service, or change what it says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.apple.dep_store import Store
from zmdm_simulator.apple.playing import Action, get, on_signals, post, run, until
from zmdm_simulator.models_of_devices import MODELS


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="zmdm_simulator dep", description="Play Apple's device assignment service."
    )
    actions = parser.add_subparsers(dest="action", required=True)
    play = actions.add_parser("play", help="play until told to stop")
    play.add_argument("--dir", type=Path, help="folder of keys and certificates: speak TLS")
    play.add_argument("--host", default="127.0.0.1", help="address to listen on")
    play.add_argument("--port", type=int, default=0, help="port; 0 is any free one")
    play.add_argument("--name", default="Example organization", help="name of the organization")
    play.add_argument("--state", type=Path, help="file that keeps the organization between runs")
    server = _action(actions, "server", "make a service, or its next token")
    server.add_argument("--name", default="MDM", help="name of the service")
    server.add_argument("--public-key", type=Path, required=True, help="certificate, PEM")
    server.add_argument("--token", type=Path, required=True, help="where the .p7m goes")
    server.add_argument("--days", type=float, default=365, help="days that the token is good for")
    add = _action(actions, "add", "assign devices to a service")
    add.add_argument("--count", type=int, default=1, help="how many")
    add.add_argument("--first", type=int, default=0, help="number of the first one")
    add.add_argument("--seed", default="0", help="as for a fleet: same seed, same devices")
    add.add_argument("--models", nargs="+", default=[], choices=sorted(MODELS), metavar="MODEL")
    remove = _action(actions, "remove", "take devices away from a service")
    remove.add_argument("serials", nargs="+", metavar="SERIAL")
    _action(actions, "list", "what the books say of each device")
    return parser.parse_args(argv)


def _action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what)
    parser.add_argument("--url", required=True, help="where the service is played")
    if name != "server":
        parser.add_argument("--server", default="", help="name of the service; else the first one")
    return parser


def _play(options: argparse.Namespace) -> None:
    stopped = on_signals()
    played, store = PlayedDep(options.dir, name=options.name), Store(options.state)
    store.load(played.organization)
    played.start(host=options.host, port=options.port)
    print(f"dep: {played.url}", flush=True)
    until(stopped, lambda: store.save(played.organization))
    played.stop()
    store.save(played.organization)


def _server(options: argparse.Namespace) -> None:
    asked = {
        "name": options.name,
        "certificate": options.public_key.read_text(),
        "days": options.days,
    }
    made = post(options, "servers", asked)
    options.token.write_text(made["p7m"])
    print(made["uuid"])


def _add(options: argparse.Namespace) -> None:
    asked = {
        "server": options.server,
        "count": options.count,
        "first": options.first,
        "seed": options.seed,
        "models": options.models,
    }
    print("\n".join(post(options, "devices", asked)["serials"]))


def _remove(options: argparse.Namespace) -> None:
    asked = {"server": options.server, "serials": options.serials}
    print(post(options, "remove", asked)["removed"])


def _list(options: argparse.Namespace) -> None:
    found = get(options, "devices", {"server": options.server})
    for serial, device in found["devices"].items():
        print(serial, device["device_family"], device["profile_status"], device["profile_uuid"])


ACTIONS: dict[str, Action] = {
    "play": _play,
    "server": _server,
    "add": _add,
    "remove": _remove,
    "list": _list,
}


def main(argv: Sequence[str]) -> int:
    """0, or 2 if the arguments, ports or the service are no good."""
    return run("dep", ACTIONS, _arguments(argv))
