"""What the demo keeps between two runs, and what keeps it from starting."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_app.demo.folder import DemoFolder, Ports
from host_app.demo.supervisor import Failed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    place = tmp_path / "demo"
    place.mkdir()
    return DemoFolder(place)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def demo(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the demo's command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "host_app.demo", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_run_keeps_the_port(folder: DemoFolder, free_port: int) -> None:
    ports = folder.choose_ports(free_port)
    folder.keep_ports(ports)
    assert folder.choose_ports(None) == ports


def test_the_port_of_enrolled_devices_may_not_change(folder: DemoFolder, free_port: int) -> None:
    folder.keep_ports(Ports(web=free_port, apns=1, control=2, lookup=3, dep=4, books=5))
    with pytest.raises(Failed, match=f"know this server at port {free_port}: leave PORT=1234 out"):
        folder.choose_ports(1234)


def test_ports_that_only_the_demo_knows_move_when_they_are_taken(
    folder: DemoFolder, free_port: int, busy_port: int
) -> None:
    others = dict.fromkeys(("lookup", "dep", "books"), 0)
    folder.keep_ports(Ports(web=free_port, apns=busy_port, control=busy_port, **others))
    assert folder.choose_ports(None).apns != busy_port


def test_a_busy_port_is_one_line_before_anything_starts(tmp_path: Path, busy_port: int) -> None:
    run = demo("--dir", str(tmp_path / "demo"), "--port", str(busy_port))
    wanted = f"demo: port {busy_port} is in use: choose another one with PORT=\n"
    assert (run.returncode, run.stdout, run.stderr) == (1, wanted, "")
    assert not (tmp_path / "demo" / "log").exists()


def test_a_broken_database_is_one_line(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "host.sqlite3").write_bytes(b"SQLite format 3\x00" + b"\x00broken" * 1000)
    run = demo("--dir", str(tmp_path), "--port", str(free_port))
    assert (run.returncode, run.stderr, run.stdout.count("\n")) == (1, "", 1)
    assert run.stdout.startswith(f"demo: the database {tmp_path / 'host.sqlite3'} is broken (")


def test_missing_packages_are_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-m", "host_app.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "packages are missing (argon2, " in run.stderr


def test_two_demos_do_not_share_a_folder(folder: DemoFolder) -> None:
    other = DemoFolder(folder.path)
    with (
        folder.locked(),
        pytest.raises(Failed, match=r"runs in .* already"),
        other.locked(),
    ):
        pass


def test_credentials_are_kept_for_the_owner_alone(folder: DemoFolder) -> None:
    folder.keep_credential("password", "a=b c")
    folder.keep_credential("token", "t")
    assert folder.read_credentials() == {"password": "a=b c", "token": "t"}
    assert stat.S_IMODE(folder.credentials.stat().st_mode) == 0o600


def test_secret_keys_are_made_once(folder: DemoFolder) -> None:
    folder.ensure_config()
    first = (folder.path / "config.json").read_text()
    folder.ensure_config()
    assert (folder.path / "config.json").read_text() == first


def test_a_database_without_its_keys_is_not_given_new_ones(folder: DemoFolder) -> None:
    folder.database.touch()
    with pytest.raises(Failed, match=r"lost its config\.json"):
        folder.ensure_config()


@pytest.mark.parametrize("words", [("--devices", "0"), ("--port", "70000"), ("--devices", "many")])
def test_an_argument_out_of_bounds_is_refused(words: tuple[str, str]) -> None:
    run = demo(*words)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
