"""What the commands that play a service have in common: playing on, and asking one that plays."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx

Action = Callable[[argparse.Namespace], None]


def on_signals() -> threading.Event:
    """What SIGINT, SIGTERM and SIGHUP set from now on: taken before anybody is told to use us."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def until(stopped: threading.Event, each_second: Callable[[], None] = lambda: None) -> None:
    """Return once that is set; every second meanwhile, do this."""
    while not stopped.wait(1.0):
        each_second()


def post(options: argparse.Namespace, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Order something of the service that is played at `options.url`."""
    return _checked(httpx.post(f"{options.url}/played/{name}", json=asked, timeout=60))


def get(options: argparse.Namespace, name: str, asked: dict[str, str]) -> dict[str, Any]:
    """Ask the service that is played at `options.url`."""
    return _checked(httpx.get(f"{options.url}/played/{name}", params=asked, timeout=60))


def _checked(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        raise ValueError(found.get("error", f"status {answer.status_code}"))
    return found


def run(name: str, actions: Mapping[str, Action], options: argparse.Namespace) -> int:
    """0, or 2 if the arguments, ports or the service are no good."""
    try:
        actions[options.action](options)
    except (ValueError, OSError, httpx.HTTPError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0
