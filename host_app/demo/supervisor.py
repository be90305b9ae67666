"""Starts processes in order, restarts what dies, and stops all of them without a trace.

    with Supervisor(log_folder) as supervisor:      signals are ours from here on
        supervisor.run(task)                        a step that must end with status 0
        supervisor.start(process)                   waits until it is ready
        supervisor.watch(until)                     restarts what dies until `until()` or a signal
                                                    … and leaving stops all, in reverse order

One thread, no locks: every wait is a poll of the pipe that signals write to.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

from host_app.demo import kernel
from host_app.demo.process import Process, Running

# What still runs so many seconds after Ctrl-C is killed; all of it is to be gone after three.
STOP_WITHIN = 2.0
HEAD_START = 0.2
TICK = 0.1


class Failed(Exception):
    """The demo cannot go on; the message is the one line that says why."""


class Stopped(Exception):
    """Somebody asked us to stop."""


class Supervisor:
    """Holds the processes of one demo, in the order in which they were started."""

    def __init__(self, log_folder: Path, *, say: Callable[[str], None]) -> None:
        self.log_folder = log_folder
        self.say = say
        self._running: list[Running] = []
        self._stop_asked = False
        self._former_handlers: dict[signal.Signals, object] = {}
        self._former_wakeup = -1
        self._wakeup: tuple[int, int] = (-1, -1)
        self._poll = select.poll()

    def __enter__(self) -> Supervisor:
        """Take over the signals: in the background a shell leaves SIGINT ignored."""
        self.log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kernel.adopt_orphans()
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        self._poll.register(self._wakeup[0], select.POLLIN)
        # When a terminal goes, only the leader of its session is told; `make` keeps it to itself.
        if sys.platform == "linux" and os.isatty(sys.stdout.fileno()):
            self._poll.register(sys.stdout.fileno(), 0)
        self._former_wakeup = signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._former_handlers[number] = signal.signal(number, self._ask_to_stop)
        self._former_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _wake_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        signal.set_wakeup_fd(self._former_wakeup)
        for number, handler in self._former_handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        for end in self._wakeup:
            os.close(end)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    # -- starting ------------------------------------------------------------------------------

    def run(self, task: Process) -> None:
        """Run a step to its end; Failed with its last words unless its status is 0."""
        running = self._launch(task)
        self._wait(lambda: not running.alive, running)
        self._running.remove(running)
        if running.popen is not None and running.popen.returncode != 0:
            raise Failed(self._obituary(running))

    def start(self, process: Process) -> None:
        """Start a process and wait until it is ready; Failed if it dies or is late."""
        running = self._launch(process)
        self._wait(lambda: not running.alive or process.ready(running.pid), running)
        if not running.alive:
            raise Failed(self._obituary(running))

    def _launch(self, process: Process) -> Running:
        running = Running(process, self.log_folder / f"{process.name}.log")
        try:
            running.start()
        except OSError as error:
            raise Failed(f"{process.name} does not start: {error}") from error
        self._running.append(running)
        return running

    def _wait(self, done: Callable[[], bool], running: Running) -> None:
        deadline = time.monotonic() + running.process.ready_within
        while not done():
            self._pause(TICK)
            if time.monotonic() > deadline:
                seconds = running.process.ready_within
                raise Failed(
                    f"{running.process.name} is not ready after {seconds:.0f} s"
                    f" (log: {running.log}): {running.last_words()}"
                )

    def _obituary(self, running: Running) -> str:
        status = running.popen.returncode if running.popen is not None else None
        why = running.last_words() or f"status {status}"
        return f"{running.process.name} ended (log: {running.log}): {why}"

    # -- watching ------------------------------------------------------------------------------

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep all processes up until `until()` is true; Stopped on a signal, Failed on a cap."""
        while not until():
            for running in self._running:
                if not running.alive:
                    self._revive(running)
            self._pause(TICK)

    def _revive(self, running: Running) -> None:
        if running.popen is not None:
            running.popen = None
            worth_while = running.died()
            self.say(self._obituary_of_the_day(running))
            if not worth_while:
                raise Failed(f"{running.process.name} keeps dying (log: {running.log})")
        elif time.monotonic() >= running.restart_at:
            try:
                running.start()
            except OSError as error:
                raise Failed(f"{running.process.name} does not start: {error}") from error

    def _obituary_of_the_day(self, running: Running) -> str:
        wait = max(0.0, running.restart_at - time.monotonic())
        return f"{running.process.name} died and is started again in {wait:.1f} s"

    # -- stopping ------------------------------------------------------------------------------

    def stop(self) -> None:
        """End all processes, the last started first; what does not end in time is killed."""
        deadline = time.monotonic() + STOP_WITHIN
        for running in reversed(self._running):
            if running.pid:
                kernel.kill(running.pid, signal.SIGTERM)
                # The one before may still need it; but a slow one does not hold up all others.
                self._wait_for_end([running], until=min(deadline, time.monotonic() + HEAD_START))
        self._wait_for_end(self._running, until=deadline)
        for running in self._running:
            if running.pid:
                kernel.kill_group(running.pid, signal.SIGKILL)
        self._end_orphans()
        self._running.clear()

    def _wait_for_end(self, these: list[Running], *, until: float) -> None:
        while any(running.alive for running in these) and time.monotonic() < until:
            self._sleep(0.05)
            self._reap()

    def _end_orphans(self) -> None:
        """Kill what we have adopted; ending one may bring us its children in turn."""
        deadline = time.monotonic() + 0.4
        while (left := kernel.children(os.getpid())) and time.monotonic() < deadline:
            for pid in left:
                kernel.kill(pid, signal.SIGKILL)
            self._sleep(0.01)
            self._reap()

    # -- waiting -------------------------------------------------------------------------------

    def _pause(self, seconds: float) -> None:
        """Wait, then notice who died; Stopped if we were asked to."""
        if self._stop_asked:
            raise Stopped
        self._sleep(seconds)
        self._reap()
        if self._stop_asked:
            raise Stopped

    def _sleep(self, seconds: float) -> None:
        """Wait for at most so long; a signal, a child's death included, ends it early."""
        for end, event in self._poll.poll(seconds * 1000):
            if end == self._wakeup[0]:
                with suppress(BlockingIOError):
                    os.read(end, 4096)
            elif event & (select.POLLHUP | select.POLLERR):
                self._stop_asked = True
                self._poll.unregister(end)

    def _reap(self) -> None:
        """Take note of every child that ended, then kill the orphans it left to us."""
        ended = False
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                ended = True
                for running in self._running:
                    if running.popen is not None and running.popen.pid == pid:
                        running.popen.returncode = os.waitstatus_to_exitcode(status)
        if ended:
            for orphan in kernel.children(os.getpid()) - {one.pid for one in self._running}:
                kernel.kill(orphan, signal.SIGKILL)


def _wake_up(number: int, frame: FrameType | None) -> None:
    """SIGCHLD needs a handler, or the wake-up pipe would not hear of it."""
