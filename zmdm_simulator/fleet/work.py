"""What the devices of a fleet do, task by task, and what follows from how it went."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from zmdm_simulator import enrollment
from zmdm_simulator.channel import DEVICE
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.core import Life
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.fleet import upkeep
from zmdm_simulator.fleet.activation import ComeIn
from zmdm_simulator.fleet.clock import Clock
from zmdm_simulator.fleet.runner import Crew, Runner, Task

ENROLL, SETTLE, CONNECT, WAKE, LIVE = "enroll", "settle", "connect", "wake", "live"
# With --once, a device that cannot enroll gives up after so many attempts.
MOST_ATTEMPTS = 5
# How often somebody looks whether Setup Assistant has come to its end.
WAITS = 2.0


@dataclass(frozen=True)
class Habits:
    """When the devices of a fleet do things by themselves, in seconds; None = never."""

    state: Path | None = None
    apple_control: str | None = None
    concurrency: int = 8
    verbose: bool = False
    once: bool = False
    idle: float = 5
    poll: float | None = None
    return_after: float | None = None
    notnow_after: float = 15
    power_on_after: float = 30
    update_step: float = 20
    longest_wait: float = 60  # between attempts to enroll, or to have an answer accepted

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Habits:
        """Read the command line's options."""
        return cls(**{name: getattr(options, name) for name in cls.__dataclass_fields__})

    @property
    def polls_at_once(self) -> bool:
        """Whether devices ask for commands right after enrolling: nobody will push them."""
        return self.once and not self.apple_control


class Work:
    """The tasks; `keep` is called when a device's state should be kept."""

    def __init__(
        self,
        come_in: ComeIn,
        habits: Habits,
        *,
        seed: str,
        keep: Callable[[Runner], None],
    ) -> None:
        self._come_in, self._habits, self._keep = come_in, habits, keep
        self._dice = random.Random(seed)
        self.clock = Clock()
        self.crew = Crew(habits.concurrency, self._perform)
        self.last_done = time.monotonic()
        self._tasks = {
            ENROLL: self._enroll,
            SETTLE: self._settle,
            CONNECT: self._connect,
            WAKE: self._wake,
            LIVE: self._live,
        }

    def begin(self, runner: Runner) -> None:
        """Start a device, or go on where it stopped."""
        device = runner.device
        if device.life is Life.NEW:
            self.crew.submit(runner, (ENROLL, None))
        elif device.life is not Life.ENROLLED:
            self._return(runner)
        elif not device.powered:
            self._away(runner)
        else:
            # What was not accepted before the last stop is sent first of all.
            for name, channel in device.channels.items():
                if channel.unaccepted or channel.notnow_last or self._habits.polls_at_once:
                    self.crew.submit(runner, (CONNECT, name))
            self._plan_poll(runner)
            self._plan_life(runner)

    def _perform(self, runner: Runner, task: Task) -> None:
        what, channel = task
        self._tasks[what](runner, channel)
        self.last_done = time.monotonic()

    def _enroll(self, runner: Runner, _: str | None) -> None:
        try:
            self._come_in(runner.device)
        except (SimulatorError, httpx.HTTPError) as error:
            self._failed(runner, "not enrolled", error)
            if not self._habits.once or runner.failures < MOST_ATTEMPTS:
                self._later(self._patience(runner), runner, (ENROLL, None))
            return
        runner.failures = 0
        self._keep(runner)
        self.crew.submit(runner, (SETTLE, None))
        self._plan_poll(runner)

    def _settle(self, runner: Runner, _: str | None) -> None:
        device = runner.device
        if device.awaiting and _enrolled(device):  # nobody logs in during Setup Assistant
            return self._later(WAITS, runner, (SETTLE, None))
        try:
            device.settle()
        except (SimulatorError, httpx.HTTPError) as error:
            self._failed(runner, "not settled", error)
            if device.life is Life.ENROLLED:
                self._later(self._patience(runner), runner, (SETTLE, None))
            return
        self._keep(runner)
        if self._habits.polls_at_once:
            self._poll(runner)

    def _connect(self, runner: Runner, name: str | None) -> None:
        device = runner.device
        if device.life is not Life.ENROLLED or name not in device.channels:
            return
        if not device.reachable:
            self._away(runner, name)
            return
        talk = device.connect(None if name == DEVICE else name)
        if talk or talk.unfinished or talk.left or (talk.sync and talk.sync.endpoints):
            self._keep(runner)
        self._after(runner, talk, name)

    def _after(self, runner: Runner, talk: Conversation, name: str) -> None:
        device = runner.device
        if device.life is not Life.ENROLLED:
            self._return(runner)
        elif not device.reachable:
            self._away(runner)
        elif talk.unfinished:
            runner.failures += 1
            self._later(self._patience(runner), runner, (CONNECT, name))
        else:
            runner.failures = 0
            if talk.polls_again:
                self._later(self._habits.notnow_after, runner, (CONNECT, name))
        self._plan_life(runner)

    def _live(self, runner: Runner, _: str | None) -> None:
        """Go on with what declarations ask for: an update, a daily report, another attempt."""
        device, runner.live_at = runner.device, None
        if not _enrolled(device) or not device.reachable:
            return
        for name, channel in list(device.channels.items()):
            if channel.declared.asked and not channel.declined and _enrolled(device):
                sync = device.sync(None if name == DEVICE else name)
                runner.failures = 0 if sync.complete else runner.failures + 1
        device.progress()
        self._keep(runner)
        if _enrolled(device):
            self._plan_life(runner)
        else:
            self._return(runner)

    def _wake(self, runner: Runner, _: str | None) -> None:
        device = runner.device
        runner.away = False
        device.wake_up()
        device.tell("back")
        if device.life is not Life.ENROLLED:
            return
        try:
            self._log_in_again(device)
        except (SimulatorError, httpx.HTTPError) as error:
            self._failed(runner, "no log-in", error)
        self._keep(runner)
        # Apple kept the pushes that came meanwhile.
        for channel in runner.missed & set(device.channels):
            self.crew.submit(runner, (CONNECT, channel))
        runner.missed.clear()
        self._plan_life(runner)

    def _log_in_again(self, device: SimulatedDevice) -> None:
        """After a restart somebody logs in, and the user channel says so; macOS wants its token."""
        if device.bootstrap_token is not None:
            device.get_bootstrap_token()
        for channel in list(device.channels.values()):
            if channel.user and not channel.declined:
                enrollment.log_in(device, channel)

    # What comes later

    def _failed(self, runner: Runner, what: str, error: Exception) -> None:
        runner.failures += 1
        print(f"{runner.device.facts.serial} {what}: {error}", file=sys.stderr, flush=True)

    def _away(self, runner: Runner, name: str | None = None) -> None:
        """Come back after an absence; `name` is a channel that was pushed during it."""
        if name:
            runner.missed.add(name)
        if runner.away:
            return
        runner.away, device = True, runner.device
        wait = self._habits.power_on_after
        if device.powered:
            wait = max(0.0, device.silent_until - time.monotonic())
        self._later(wait, runner, (WAKE, None))

    def _return(self, runner: Runner) -> None:
        if self._habits.return_after is not None:
            self._later(self._habits.return_after, runner, (ENROLL, None))

    def _poll(self, runner: Runner) -> None:
        for name in list(runner.device.channels):
            self.crew.submit(runner, (CONNECT, name))

    def _plan_poll(self, runner: Runner) -> None:
        if self._habits.poll is None:
            return

        def poll() -> None:
            self._poll(runner)
            if runner.device.life is Life.ENROLLED:
                self._plan_poll(runner)

        self.clock.later(self._habits.poll * self._dice.uniform(0.5, 1.5), poll)

    def _plan_life(self, runner: Runner) -> None:
        device = runner.device
        if not _enrolled(device):
            return
        retry = self._patience(runner)
        step = self._habits.update_step * self._dice.uniform(0.5, 1.5)
        wait = upkeep.next_in(device, now=device.clock(), step=step, retry=retry)
        if wait is None:
            return
        at = time.monotonic() + wait
        if runner.live_at is None or at < runner.live_at:
            runner.live_at = at
            self._later(wait, runner, (LIVE, None))

    def _later(self, seconds: float, runner: Runner, task: Task) -> None:
        self.clock.later(seconds, lambda: self.crew.submit(runner, task))

    def _patience(self, runner: Runner) -> float:
        longest = min(self._habits.longest_wait, 2.0 ** min(runner.failures, 10))
        return longest * self._dice.uniform(0.5, 1)


def _enrolled(device: SimulatedDevice) -> bool:
    return device.life is Life.ENROLLED
