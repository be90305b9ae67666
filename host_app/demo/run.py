"""The demo from its command line to its last process: see `main`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from host_app.demo import processes
from host_app.demo.check import Check
from host_app.demo.folder import DemoFolder
from host_app.demo.processes import Stage
from host_app.demo.supervisor import Failed, Stopped, Supervisor
from zmdm_plugin.errors import ConfigError

# Seconds since the start; but the fleet gets the second number however long the start took.
CHECK_WITHIN, AT_LEAST = 240.0, 180.0


def say(line: str) -> None:
    """Print a line at once; a terminal that has gone is no reason to fail."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main(argv: Sequence[str]) -> int:
    """Run the demo until told to stop: 0; whatever keeps it from running is one line and 1."""
    options = _arguments(argv)
    began = time.monotonic()
    os.umask(0o077)
    redis_url = os.environ.get("ZMDM_REDIS_URL")
    _forget_settings()
    folder = DemoFolder(options.dir.absolute())
    try:
        with folder.locked():
            folder.check_database()
            ports = folder.choose_ports(options.port)
            folder.ensure_config()
            stage = Stage(folder, ports, options.devices, redis_url)
            with Supervisor(folder.path / "log", say=say) as supervisor:
                _start(supervisor, stage)
                _welcome(stage, time.monotonic() - began)
                if not options.check:
                    supervisor.watch()
                deadline = max(began + CHECK_WITHIN, time.monotonic() + AT_LEAST)
                return _check(supervisor, stage, deadline)
    except (Failed, ConfigError) as failed:
        say(f"demo: {failed}")
        return 1
    except Stopped:
        say("stopped")
        return 1 if options.check else 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="host_app.demo", description="A living demo fleet.")
    parser.add_argument("--dir", type=Path, default=Path(".demo"), help="where its data are kept")
    parser.add_argument("--devices", type=_count, default=12, help="how many devices are played")
    parser.add_argument("--port", type=_port, help="of the web server (default: 8080)")
    parser.add_argument(
        "--check", action="store_true", help="stop once every device has done what it should"
    )
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not 1 <= (count := int(text)) <= 1000:
        raise argparse.ArgumentTypeError("must lie between 1 and 1000")
    return count


def _port(text: str) -> int:
    if not 1 <= (port := int(text)) <= 65535:
        raise argparse.ArgumentTypeError("must lie between 1 and 65535")
    return port


def _forget_settings() -> None:
    """The demo is the same whatever this shell has set for another host."""
    for name in list(os.environ):
        if name.startswith(("ZMDM_", "HOST_APP_", "FLASK_", "GUNICORN_")):
            del os.environ[name]


def _start(supervisor: Supervisor, stage: Stage) -> None:
    """In order, each once the one before is ready; the fleet last, for it knows the address."""
    for process in processes.before_setup(stage):
        supervisor.start(process)
    supervisor.run(processes.setup(stage))
    for process in processes.after_setup(stage):
        supervisor.start(process)
    for step in processes.shop(stage):
        supervisor.run(step)
    stage.folder.keep_ports(stage.ports)
    for process in processes.fleet(stage):
        supervisor.start(process)


def _welcome(stage: Stage, seconds: float) -> None:
    credentials = stage.folder.read_credentials()
    say(f"Ready after {seconds:.0f} s; {stage.devices} devices are enrolling. Ctrl-C stops it all.")
    say(f"  Address    {stage.ports.url}/")
    say(f"  E-mail     {credentials.get('email', '')}")
    say(f"  Password   {credentials.get('password', '')}")
    say(f"  API token  {credentials.get('token', '')}")
    say(f"  Logs       {stage.folder.path / 'log'}")


def _check(supervisor: Supervisor, stage: Stage, deadline: float) -> int:
    """Wait for the fleet, then print what each device has done; 1 if something is missing."""
    check = Check(stage)
    supervisor.watch(until=lambda: check.passed() or time.monotonic() > deadline)
    for line in check.report():
        say(line)
    return 1 if check.missing else 0
