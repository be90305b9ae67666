"""One process of the demo: how it is described, started and known to be ready."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host_app.demo import kernel

# A log that has grown beyond this many bytes is set aside at the next start.
LONGEST_LOG = 5_000_000
# A process that has lived this many seconds is well: its former deaths no longer count.
WELL_AFTER = 60.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
MOST_DEATHS = 6


@dataclass(frozen=True, slots=True)
class Process:
    """What the supervisor needs to know of one process; `ready` gets its process id."""

    name: str
    command: Sequence[str]
    ready: Callable[[int], bool] = lambda pid: True
    env: Mapping[str, str] = field(default_factory=dict)
    ready_within: float = 90.0


@dataclass(slots=True)
class Running:
    """A process that was started, and how often it has died of late."""

    process: Process
    log: Path
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    log_from: int = 0
    deaths: int = 0
    restart_at: float = 0.0

    @property
    def pid(self) -> int:
        """The process id, 0 while it is down."""
        return self.popen.pid if self.alive and self.popen is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as the supervisor has reaped."""
        return self.popen is not None and self.popen.returncode is None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self.log_from = output.tell()
            self.popen = subprocess.Popen(
                self.process.command,
                env={**os.environ, **self.process.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # The supervisor has one thread, so running Python between fork and exec is safe.
                preexec_fn=kernel.die_with_parent(),
            )
        self.started_at = time.monotonic()

    def died(self) -> bool:
        """Count a death and say whether another start is worth while, and when."""
        now = time.monotonic()
        self.deaths = 1 if now - self.started_at > WELL_AFTER else self.deaths + 1
        self.restart_at = now + min(FIRST_WAIT * 2 ** (self.deaths - 1), LONGEST_WAIT)
        return self.deaths < MOST_DEATHS

    def last_words(self) -> str:
        """The last line it logged since its start, which tells best why it died."""
        with self.log.open("rb") as log:
            log.seek(self.log_from)
            lines = log.read()[-20_000:].decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
