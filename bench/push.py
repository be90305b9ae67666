"""How many pushes a second one process sends on one connection, and what each costs.

    python -m bench.push [--peer nginx|simulator] [--pushes 20000] [--batch 1000] [--bar 2000]

The peer is nginx (a C peer that is never the bottleneck; Debian: apt-get install nginx-light) or
the played Apple. CPU times come from the operating system (/proc of the peer, os.times here).
The outcomes are consumed: each one is decided upon. Storing them is measured with the whole road.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import report
from zmdm_plugin.clients.apns import Action, ApnsClient, Push, decide
from zmdm_simulator.apple.material import Material

CONF = Path(__file__).with_name("push-nginx.conf")
MANY = 10_000_000
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Peer:
    """A running push service: its port and the processes that are it."""

    port: int
    pids: tuple[int, ...]

    def cpu(self) -> float:
        """Sum the CPU seconds that its processes have used, user and system."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the peer did not start")


def _children(pid: int) -> tuple[int, ...]:
    return tuple(
        int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    )


def _nginx_command(folder: Path, port: int, streams: int) -> list[str]:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise SystemExit("nginx is not installed (Debian: apt-get install nginx-light)")
    text = CONF.read_text()
    for name, value in (("FOLDER", folder), ("PORT", port), ("STREAMS", streams)):
        text = text.replace(name, str(value))
    if os.geteuid() == 0:
        text = "user root;\n" + text  # the folder is ours alone
    path = folder / "nginx.conf"
    path.write_text(text)
    return [binary, "-c", str(path), "-p", str(folder), "-e", str(folder / "error.log")]


@contextmanager
def running(kind: str, folder: Path, *, streams: int = MANY) -> Iterator[Peer]:
    """Start the peer, and stop it; `streams` is how many nginx takes on one connection."""
    port = _free_port()
    if kind == "nginx":
        command = _nginx_command(folder, port, streams)
    else:
        command = [sys.executable, "-m", "zmdm_simulator", "apple", "--dir", str(folder)]
        command += ["--apns-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Peer(port, (process.pid, *_children(process.pid)))
    finally:
        process.terminate()
        process.wait(10)


def measure(client: ApnsClient, pushes: list[Push], batch: int) -> Counter[Action]:
    """Send everything in batches, and decide upon each outcome."""
    seen: Counter[Action] = Counter()
    for start in range(0, len(pushes), batch):
        seen.update(decide(outcome) for outcome in client.send(pushes[start : start + batch]))
    return seen


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system


def run(kind: str, count: int, batch: int, bar: float) -> float:
    """Measure against one kind of peer, print a line, and give the pushes per second."""
    with tempfile.TemporaryDirectory(prefix="zmdm-bench-") as name, running_in(kind, name) as work:
        client, peer = work
        warm = [Push(n, os.urandom(32), f"magic-{n}", 0) for n in range(200)]
        measure(client, warm, batch)
        pushes = [
            Push(n, os.urandom(32), "5F1D8D3A-8E0E-4F0C-9B7E-6E0F3C1B2A99", 1_900_000_000)
            for n in range(count)
        ]
        own, theirs, began = _own_cpu(), peer.cpu(), time.perf_counter()
        seen = measure(client, pushes, batch)
        seconds = time.perf_counter() - began
        own, theirs = _own_cpu() - own, peer.cpu() - theirs
    rate = count / seconds
    outcomes = ", ".join(f"{action.value} {number}" for action, number in seen.items())
    row = report.Row(
        benchmark="push",
        what=f"{kind}, {count:,} pushes, batches of {batch:,}",
        cpu_ms=own / count * 1e3,
        per_second=rate,
        bar=f"{bar:,.0f}/s",
        met=rate >= bar,
    )
    each = f"{own / count * 1e6:.0f} us CPU per push here, {theirs / count * 1e6:.0f} us there"
    report.add(row, f"{rate:,.0f}/s, {each}; {outcomes}")
    return rate if seen[Action.DELIVERED] == count else 0.0


@contextmanager
def running_in(kind: str, folder: str, *, streams: int = MANY) -> Iterator[tuple[ApnsClient, Peer]]:
    """Start the peer with fresh certificates and connect a client to it."""
    material = Material(Path(folder)).prepare()
    with running(kind, material.folder, streams=streams) as peer:
        client = ApnsClient(
            base_url=f"https://127.0.0.1:{peer.port}",
            certificate_pem=material.path("push-cert.pem").read_bytes(),
            key_pem=material.path("push-key.pem").read_bytes(),
            topic=material.topic(),
            ca_pem=material.path("apns-ca.pem").read_text(),
        )
        with client:
            yield client, peer


def main() -> int:
    """Exit with 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description="Pushes per second on one connection.")
    parser.add_argument("--peer", choices=("nginx", "simulator"), default="nginx")
    parser.add_argument("--pushes", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--bar", type=float, default=2_000.0, help="pushes per second demanded")
    options = parser.parse_args()
    rate = run(options.peer, options.pushes, options.batch, options.bar)
    return int(rate < options.bar)


if __name__ == "__main__":
    raise SystemExit(main())
