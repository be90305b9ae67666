"""The demo's supervisor, driven with small stand-in processes in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOON = 12.0
"""Seconds: what a stop may take (STOP_WITHIN) on a machine that has much else to do."""

# A child that writes its name to the journal when it starts and when it is told to end.
CHILD = """
import os, signal, sys, time
name, journal = sys.argv[1:3]
def note(word):
    with open(journal, "a") as lines:
        lines.write(f"{name} {word} {os.getpid()}\\n")
def end(number, frame):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else end)
if "horse" in sys.argv and os.fork() == 0:
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("horse")
    time.sleep(60)
note("start")
if "broken" in sys.argv:
    sys.exit("the roof is on fire")
if "late" not in sys.argv:
    open(journal + "." + name, "w").close()
time.sleep(60)
"""

DRIVER = """
import os, sys
from contextlib import suppress
sys.path.insert(0, {root!r})
from pathlib import Path
from host_app.demo.process import Process
from host_app.demo.supervisor import Failed, Stopped, Supervisor
journal = {journal!r}
def child(name, *words, **more):
    ready = Path(journal + "." + name)
    ready.unlink(missing_ok=True)
    command = [sys.executable, {child!r}, name, journal, *words]
    return Process(name, command, ready=lambda pid: ready.exists(), **more)
def say(line):
    with suppress(OSError):
        os.write(1, (line + "\\n").encode())
try:
    with Supervisor(Path({folder!r}) / "log", say=say) as supervisor:
{body}
        say("watching")
        supervisor.watch()
except Failed as failed:
    say(f"failed: {{failed}}")
    sys.exit(1)
except Stopped:
    say("stopped")
"""


class Scene:
    """One supervisor in a process of its own, and the journal that its children write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        (folder / "child.py").write_text(CHILD)
        self.process: subprocess.Popen[str] | None = None

    def play(self, body: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start a driver whose `body` starts the children."""
        script = DRIVER.format(
            root=str(ROOT),
            journal=str(self.journal),
            child=str(self.folder / "child.py"),
            folder=str(self.folder),
            body=textwrap.indent(textwrap.dedent(body).strip(), " " * 8),
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def lines(self) -> list[list[str]]:
        """What the children wrote: name, word, process id."""
        text = self.journal.read_text() if self.journal.exists() else ""
        return [line.split() for line in text.splitlines()]

    def noted(self, name: str, word: str) -> list[int]:
        """The process ids with which this child wrote this word."""
        return [int(pid) for who, what, pid in self.lines() if (who, what) == (name, word)]

    def finish(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, float]:
        """Signal the driver: its status, its output and the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output, time.monotonic() - began

    def survivors(self) -> list[int]:
        """Which of all processes that ever wrote to the journal still live."""
        return [int(pid) for _, _, pid in self.lines() if alive(int(pid))]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


TWO = """
    supervisor.start(child("first"))
    supervisor.start(child("second"))
"""


def test_processes_start_in_order_and_stop_in_reverse(scene: Scene) -> None:
    scene.play(TWO)
    eventually(lambda: scene.noted("second", "start"))
    scene.finish()
    assert [(name, word) for name, word, _ in scene.lines()] == [
        ("first", "start"),
        ("second", "start"),
        ("second", "stop"),
        ("first", "stop"),
    ]


def test_the_next_process_waits_until_the_one_before_is_ready(scene: Scene) -> None:
    scene.play("""
        supervisor.start(child("first", "late", ready_within=1))
        supervisor.start(child("second"))
    """)
    assert scene.process is not None
    output, _ = scene.process.communicate(timeout=60)
    assert "failed: first is not ready after 1 s" in output
    assert scene.process.returncode == 1
    assert not scene.noted("second", "start")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_silently(scene: Scene, number: signal.Signals) -> None:
    scene.play(TWO)
    eventually(lambda: scene.noted("second", "start"))
    status, output, seconds = scene.finish(number)
    assert (status, output.splitlines()[-1]) == (0, "stopped")
    assert "Traceback" not in output
    assert seconds < SOON
    assert scene.survivors() == []


def test_interrupt_is_heard_where_the_shell_left_it_ignored(scene: Scene) -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        scene.play(TWO)
    finally:
        signal.signal(signal.SIGINT, former)
    eventually(lambda: scene.noted("second", "start"))
    assert scene.finish(signal.SIGINT)[0] == 0


def test_a_deaf_process_is_killed(scene: Scene) -> None:
    scene.play("""
        supervisor.start(child("first", "deaf"))
        supervisor.start(child("second", "deaf"))
    """)
    eventually(lambda: scene.noted("second", "start"))
    assert scene.finish()[2] < SOON
    assert scene.survivors() == []


def test_what_dies_is_started_again(scene: Scene) -> None:
    scene.play(TWO)
    eventually(lambda: scene.noted("second", "start"))
    os.kill(scene.noted("first", "start")[0], signal.SIGKILL)
    eventually(lambda: len(scene.noted("first", "start")) == 2)
    assert "first died and is started again in 0.5 s" in scene.finish()[1]


def test_what_keeps_dying_ends_the_demo_after_longer_and_longer_waits(scene: Scene) -> None:
    scene.play("""
        import host_app.demo.process as process
        process.FIRST_WAIT = 0.05
        supervisor.start(child("first"))
        Path(journal + ".first").unlink()
        supervisor.start(Process("second", [sys.executable, "-c", "raise SystemExit(3)"]))
    """)
    assert scene.process is not None
    output, _ = scene.process.communicate(timeout=60)
    assert "failed: second keeps dying" in output
    assert scene.process.returncode == 1
    assert scene.survivors() == []


def test_a_process_that_dies_before_it_is_ready_is_named_with_its_last_words(scene: Scene) -> None:
    scene.play('supervisor.start(child("first", "late", "broken"))')
    assert scene.process is not None
    output, _ = scene.process.communicate(timeout=60)
    assert output.count("\n") == 1
    assert "failed: first ended (log: " in output
    assert "the roof is on fire" in output


def test_the_horse_of_a_killed_worker_dies_too(scene: Scene) -> None:
    scene.play('supervisor.start(child("worker", "horse"))')
    eventually(lambda: scene.noted("worker", "horse") and scene.noted("worker", "start"))
    os.kill(scene.noted("worker", "start")[0], signal.SIGKILL)
    eventually(lambda: not alive(scene.noted("worker", "horse")[0]))
    scene.finish()
    assert scene.survivors() == []


def test_stopping_takes_the_horses_along(scene: Scene) -> None:
    scene.play('supervisor.start(child("worker", "horse"))')
    eventually(lambda: scene.noted("worker", "horse") and scene.noted("worker", "start"))
    assert scene.finish()[2] < SOON
    assert scene.survivors() == []


def test_children_end_when_the_supervisor_is_killed(scene: Scene) -> None:
    scene.play(TWO)
    eventually(lambda: scene.noted("second", "start"))
    scene.finish(signal.SIGKILL)
    eventually(lambda: scene.survivors() == [])


def test_a_signal_during_the_start_stops_what_has_started(scene: Scene) -> None:
    scene.play("""
        supervisor.start(child("first"))
        supervisor.run(child("step", "late"))
    """)
    eventually(lambda: scene.noted("step", "start"))
    status, output, seconds = scene.finish(signal.SIGINT)
    assert (status, output) == (0, "stopped\n")
    assert seconds < SOON
    assert scene.survivors() == []


def test_a_terminal_that_goes_away_stops_everything(scene: Scene) -> None:
    """As under `make`, which is told and tells nobody: so the driver is no session leader."""
    ours, terminal = os.openpty()
    scene.play(TWO, stdout=terminal)
    os.close(terminal)
    eventually(lambda: scene.noted("second", "start"))
    os.close(ours)
    assert scene.process is not None
    assert scene.process.wait(10) == 0
    assert scene.survivors() == []


def test_a_step_that_fails_ends_the_demo(scene: Scene) -> None:
    scene.play('supervisor.run(child("step", "broken"))')
    assert scene.process is not None
    output, _ = scene.process.communicate(timeout=60)
    assert "failed: step ended" in output
    assert "the roof is on fire" in output
