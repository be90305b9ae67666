"""`python -m zmdm_simulator vpp`: play Apps & Books, or change what it says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zmdm_simulator.apple.kept import KeptFile
from zmdm_simulator.apple.playing import Action, get, on_signals, post, run, until
from zmdm_simulator.apple.vpp import PlayedVpp


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zmdm_simulator vpp", description="Play Apps & Books.")
    actions = parser.add_subparsers(dest="action", required=True)
    play = actions.add_parser("play", help="play until told to stop")
    play.add_argument("--host", default="127.0.0.1", help="address to listen on")
    play.add_argument("--port", type=int, default=0, help="port; 0 is any free one")
    play.add_argument("--state", type=Path, help="file that keeps the locations between runs")
    token = _action(actions, "location", "make a location; its content token is written")
    token.add_argument("--name", default="Berlin", help="name of the location")
    token.add_argument("--token", type=Path, required=True, help="where the .vpptoken goes")
    app = _action(actions, "app", "give the location an app")
    app.add_argument("adam_id", help="its number in the store")
    app.add_argument("--name", default="", help="its name in the store")
    app.add_argument("--total", type=int, default=10, help="how many licences")
    buy = _action(actions, "buy", "buy more licences of an app")
    buy.add_argument("adam_id")
    buy.add_argument("delta", type=int)
    _action(actions, "books", "who holds what")
    return parser.parse_args(argv)


def _action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what)
    parser.add_argument("--url", required=True, help="where the service is played")
    parser.add_argument("--location", default="", help="name of the location; else the first one")
    return parser


def _play(options: argparse.Namespace) -> None:
    stopped = on_signals()
    played, file = PlayedVpp(), KeptFile(options.state)
    played.restore(file.read())
    played.start(host=options.host, port=options.port)
    print(f"vpp: http://{options.host}:{played.port}", flush=True)
    until(stopped, lambda: _keep(played, file, options.state))
    played.stop()
    _keep(played, file, options.state)


def _keep(played: PlayedVpp, file: KeptFile, state: Path | None) -> None:
    """All that is known, where it is to be kept: a million licences are written out for it."""
    if state is not None:
        file.write(played.kept())


def _location(options: argparse.Namespace) -> None:
    options.token.write_text(post(options, "locations", {"name": options.name})["token"])


def _app(options: argparse.Namespace) -> None:
    asked = {"adam_id": options.adam_id, "name": options.name, "total": options.total}
    post(options, "assets", {"location": options.location, **asked})


def _buy(options: argparse.Namespace) -> None:
    asked = {"adam_id": options.adam_id, "delta": options.delta}
    post(options, "count", {"location": options.location, **asked})


def _books(options: argparse.Namespace) -> None:
    for one in get(options, "books", {"location": options.location})["assets"]:
        print(one["adamId"], one["assignedCount"], one["totalCount"], *one["serials"])


ACTIONS: dict[str, Action] = {
    "play": _play,
    "location": _location,
    "app": _app,
    "buy": _buy,
    "books": _books,
}


def main(argv: Sequence[str]) -> int:
    """0, or 2 if the arguments, ports or the service are no good."""
    return run("vpp", ACTIONS, _arguments(argv))
