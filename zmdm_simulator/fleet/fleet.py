"""The life of a fleet: devices with a crew that does their work, a clock, and an ear for pushes."""

from __future__ import annotations

import threading
import time
from collections import deque

from zmdm_simulator.core import DeviceCore, Life
from zmdm_simulator.fleet.activation import ComeIn
from zmdm_simulator.fleet.build import Hardware
from zmdm_simulator.fleet.pushes import Listener, Push
from zmdm_simulator.fleet.runner import Runner
from zmdm_simulator.fleet.store import Store
from zmdm_simulator.fleet.work import CONNECT, Habits, Work

# How long a stop may take: a supervisor gives three seconds.
PATIENCE = 1.5
# With --once, what is due so soon (a retry, a return after NotNow) is waited for.
SOON = 20.0
UNCLAIMED = 1000


class Fleet:
    """All devices of one process."""

    def __init__(self, come_in: ComeIn, hardware: Hardware, habits: Habits) -> None:
        self._habits, self._store = habits, Store(habits.state)
        self._work = Work(come_in, habits, seed=hardware.seed, keep=self._keep)
        self._runners = [Runner(device) for device in hardware.devices(self._event)]
        self._addresses: dict[str, tuple[Runner, str, str]] = {}
        # A server may push while the device still reads the answer to its TokenUpdate.
        self._unclaimed: deque[Push] = deque(maxlen=UNCLAIMED)
        self._lock = threading.Lock()
        self._heard = time.monotonic()
        for runner in self._runners:
            self._store.restore(runner.device)
            self._note_addresses(runner)

    def run(self, stopped: threading.Event) -> int:
        """Live until told to stop, or until all is done; 1 if a device is not enrolled then."""
        self._work.crew.start()
        self._work.clock.start()
        ear = self._listen()
        for runner in self._runners:
            self._work.begin(runner)
        while not stopped.wait(0.2 if self._habits.once else 3600):
            if self._habits.once and self._is_idle():
                break
        if ear:
            ear.stop()
        self._work.clock.stop()
        self._work.crew.stop(PATIENCE)
        enrolled = all(runner.device.life is Life.ENROLLED for runner in self._runners)
        return 0 if enrolled or not self._habits.once else 1

    def _listen(self) -> Listener | None:
        if not self._habits.apple_control:
            return None
        ear = Listener(self._habits.apple_control, self._store.pushes_seen, self._push)
        ear.start()
        return ear

    def _is_idle(self) -> bool:
        last = max(self._heard, self._work.last_done)
        due = self._habits.poll is None and self._work.clock.busy(SOON)
        return time.monotonic() - last > self._habits.idle and not self._work.crew.busy and not due

    def _push(self, pushes: list[Push], seen: int) -> None:
        self._heard = time.monotonic()
        for push in pushes:
            self._deliver(push)
        self._store.pushes_seen = seen

    def _deliver(self, push: Push) -> None:
        with self._lock:
            found = self._addresses.get(push["token"])
            if found is None:
                self._unclaimed.append(push)
                return
        runner, channel, magic = found
        if push["magic"] == magic:
            self._work.crew.submit(runner, (CONNECT, channel))
        else:
            self._event(runner.device, "ignored a push with the wrong magic")

    def _keep(self, runner: Runner) -> None:
        self._note_addresses(runner)
        self._store.save(runner.device)

    def _note_addresses(self, runner: Runner) -> None:
        early: list[Push] = []
        with self._lock:
            for address in runner.device.push_addresses:
                token = address.token.hex()
                if token not in self._addresses:
                    early += [push for push in self._unclaimed if push["token"] == token]
                self._addresses[token] = (runner, address.channel, address.magic)
        for push in early:
            self._deliver(push)

    def _event(self, device: DeviceCore, event: str) -> None:
        if self._habits.verbose:
            model = device.facts.model.identifier
            print(f"{device.facts.serial} {model} {event}", flush=True)
