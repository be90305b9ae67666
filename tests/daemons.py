"""Real `flask zmdm worker` and `flask zmdm scheduler` processes, to be killed and stopped.

with Daemons(folder, database_uri, settings) as daemons:
    worker = daemons.worker()            # listens to both queues
    daemons.scheduler("--lease", "2")
    daemons.web(8080)                    # gunicorn, two processes
    worker.kill()                        # as a power cut would; .stop() as an operator would
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import redis

from tests import worker_host
from tests.processes import Child, wait_until

ROOT = Path(__file__).resolve().parents[1]


class Daemons:
    """The processes of one application; all are gone in the end."""

    def __init__(self, folder: Path, database_uri: str, settings: Mapping[str, object]) -> None:
        self._folder = folder
        self._redis_url = str(settings["ZMDM_REDIS_URL"])
        self._environment = {
            "FLASK_APP": "tests.worker_host:create_app",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            worker_host.DATABASE: database_uri,
            worker_host.SETTINGS: json.dumps(settings),
        }
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for child in self._children:
            child.kill()

    def worker(self, queues: str = "push,default") -> Child:
        """Start a worker and wait until it listens."""
        child = self._child("worker", "--queues", queues)
        child.start(lambda: self.listens(child), seconds=60)
        return child

    def scheduler(self, *options: str) -> Child:
        """Start a scheduler; it is up when it takes the lease, which another one may hold."""
        child = self._child("scheduler", *options)
        child.start(lambda: True)
        return child

    def web(self, port: int) -> Child:
        """Serve the application on a local port, as the README does."""
        child = self._web(f"127.0.0.1:{port}")
        child.start(lambda: self._answers(port), seconds=60)
        return child

    def doomed_web(self) -> Child:
        """The same for one that is not expected to serve."""
        child = self._web("127.0.0.1:0")
        child.start(lambda: True)
        return child

    def _web(self, address: str) -> Child:
        command = ["gunicorn", "--workers", "2", "--threads", "4", "--bind", address]
        command += ["--no-control-socket", "tests.worker_host:create_app()"]
        return self._run("web", *command)

    def command(self, *words: str) -> Child:
        """Start `flask zmdm …`, which ends by itself; see `ended` and `said`."""
        child = self._child(*words)
        child.start(lambda: True)
        return child

    @staticmethod
    def _answers(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def listens(self, child: Child) -> bool:
        """Whether this worker waits for jobs."""
        with redis.Redis.from_url(self._redis_url) as client:
            for key in client.smembers("rq:workers"):
                pid, state = client.hmget(key, "pid", "state")
                if child.process and pid == str(child.process.pid).encode():
                    return bool(state == b"idle")
        return False

    def _child(self, *words: str) -> Child:
        return self._run(words[0], "flask", "zmdm", *words)

    def _run(self, name: str, *module: str) -> Child:
        log = self._folder / f"{name}-{len(self._children)}.log"
        command = [sys.executable, "-m", *module]
        child = Child(command, log, env=self._environment, cwd=ROOT)
        self._children.append(child)
        return child


def said(child: Child) -> str:
    """What a process has printed and logged."""
    return child.log.read_text("utf-8", "replace")


def ended(child: Child, *, seconds: float = 30.0) -> int:
    """Wait for its end; its exit code."""
    process: Any = child.process
    wait_until(lambda: process.poll() is not None, what="the end", seconds=seconds)
    return int(process.returncode)
