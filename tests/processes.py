"""Child processes of the tests: started, awaited, ended, and never left behind.

A child dies with the test process even if that is killed, where the operating system offers it
(Linux: PR_SET_PDEATHSIG); elsewhere the fixtures' clean-up is the only guard.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class NotReady(Exception):
    """A server did not come up; carries the end of its log, for that names the reason."""


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(ready: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
    """Ask every 20 ms, so that a test waits as long as it must and no longer."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise NotReady(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


@dataclass(slots=True)
class Child:
    """One process with its log; it can be stopped, killed and started again with the same data."""

    command: Sequence[str]
    log: Path
    user: str | None = None  # only root may give one: PostgreSQL refuses to run as root
    env: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, ready: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Start and wait until `ready()`; a child that ends at once fails with its last lines."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(self.env or {})},
                user=self.user,
                extra_groups=[] if self.user else None,
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            wait_until(lambda: self._alive() and ready(), what=self.command[0], seconds=seconds)
        except NotReady as error:
            self.kill()
            raise NotReady(f"{error}\n{self.last_lines()}") from None

    def _alive(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise NotReady(f"{self.command[0]} ended with {self.process.returncode}")
        return True

    def stop(self, *, seconds: float = 10.0) -> None:
        """End it as an operator would, and by force after `seconds`."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the process with all its children, as a power cut would."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self.process.wait(10)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, for a message that says what went wrong."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])
