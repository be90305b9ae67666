"""The demo's folder: what a second run finds again, readable by its owner alone.

.demo/config.json     the host's secret keys         .demo/credentials   what is printed
.demo/ports.json      the address devices know       .demo/done          set-up steps taken
.demo/people.json     who signs in at devices
.demo/host.sqlite3    .demo/redis/   .demo/apple/   .demo/devices/   .demo/log/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from host_app.demo.supervisor import Failed

HOST = "127.0.0.1"
DEFAULT_PORT = 8080
ADMINISTRATOR = "admin@example.com"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo listens, always on 127.0.0.1."""

    web: int
    apns: int
    control: int
    lookup: int
    dep: int
    books: int

    @property
    def url(self) -> str:
        """The address that devices enroll with, which may not change afterwards."""
        return f"http://{HOST}:{self.web}"


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Paths below one folder, and the few files that this package itself reads and writes."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "host.sqlite3"

    @property
    def credentials(self) -> Path:
        return self.path / "credentials"

    @property
    def by_hand_profile(self) -> Path:
        return self.path / "manual.mobileconfig"

    @property
    def people(self) -> Path:
        """Who signs in at the devices that Apple assigns, with their passwords."""
        return self.path / "people.json"

    def enrollment_link(self) -> str:
        """Where devices that enroll over the air fetch their first profile."""
        return (self.path / "ota.link").read_text().strip()

    @property
    def content_token(self) -> Path:
        """Of the location of Apps & Books."""
        return self.path / "berlin.vpptoken"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it, for two demos in one folder would share a database."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "lock").open("w")
        except OSError as error:
            raise Failed(f"{self.path} cannot be used: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Failed(f"a demo runs in {self.path} already: stop it first") from error
            yield

    def check_database(self) -> None:
        """Say in one line that the file is broken, before anything is started on it."""
        if not self.database.exists():
            return
        try:
            with closing(sqlite3.connect(f"file:{self.database}?mode=rw", uri=True)) as connection:
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            verdict = str(error)
        if verdict != "ok":
            raise Failed(
                f"the database {self.database} is broken ({verdict}): "
                f"remove {self.path} to start anew"
            )

    def choose_ports(self, asked: int | None) -> Ports:
        """The ports of the last run, or the one asked for; Failed unless the web port is free."""
        stored = self._read("ports.json")
        known = stored.get("web")
        if known and asked and asked != known:
            raise Failed(
                f"the devices in {self.path} know this server at port {known}: "
                f"leave PORT={asked} out, or remove {self.path} to start anew"
            )
        web = int(known or asked or DEFAULT_PORT)
        if not _is_free(web):
            remedy = "stop what listens there" if known else "choose another one with PORT="
            raise Failed(f"port {web} is in use: {remedy}")
        names = ("apns", "control", "lookup", "dep", "books")
        others = {name: _free_port(stored.get(name)) for name in names}
        return Ports(web=web, **others)

    def keep_ports(self, ports: Ports) -> None:
        """From now on devices may enroll with this address."""
        self.write("ports.json", json.dumps(asdict(ports)))

    def ensure_config(self) -> None:
        """Make the host's secret keys once; new ones could not open what the old ones sealed."""
        if (self.path / "config.json").exists():
            return
        if self.database.exists():
            raise Failed(f"{self.path} lost its config.json: remove the folder to start anew")
        config = {
            "SECRET_KEY": secrets.token_urlsafe(32),
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{self.database}",
            "ZMDM_SEALING_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        self.write("config.json", json.dumps(config, indent=1))

    def read_credentials(self) -> dict[str, str]:
        """What was printed when the demo was made; only hashes of it are in the database."""
        with suppress(OSError):
            lines = self.credentials.read_text().splitlines()
            return dict(line.split("=", 1) for line in lines if "=" in line)
        return {}

    def keep_credential(self, name: str, value: str) -> None:
        """Write one down before, or as soon as, it is hashed."""
        kept = {**self.read_credentials(), name: value}
        self.write("credentials", "".join(f"{key}={kept[key]}\n" for key in kept))

    def done(self) -> set[str]:
        """The set-up steps that were taken."""
        return set(self._read("done"))

    def mark_done(self, step: str) -> None:
        """Note a step as taken."""
        self.write("done", json.dumps(dict.fromkeys(sorted({*self.done(), step}), True)))

    def write(self, name: str, text: str) -> None:
        """Replace a file as a whole, never readable by others, not even for a moment."""
        new = self.path / f"{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / name)

    def _read(self, name: str) -> dict[str, int]:
        try:
            values: dict[str, int] = json.loads((self.path / name).read_text())
            return values
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Failed(f"{self.path / name} cannot be read: {error}") from error


def _is_free(port: int) -> bool:
    """Whether gunicorn will be able to listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def _free_port(wanted: int | None) -> int:
    """The one wanted if it is free, else any: only this demo's own processes need to know it."""
    if wanted and _is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
