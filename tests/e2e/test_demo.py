"""The whole demo: real processes, a first run that checks itself, a second one that lives on."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEVICES = 6

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Demo:
    """A folder and the process that runs in it."""

    folder: Path
    process: subprocess.Popen[str]
    left: list[int] = field(default_factory=list)
    """What still ran when it had ended."""

    @classmethod
    def start(cls, folder: Path, *words: str) -> Demo:
        command = [sys.executable, "-m", "host_app.demo", "--dir", str(folder), *words]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return cls(folder, process)

    def read_until(self, wanted: str) -> str:
        """Read its output up to a line that holds `wanted`."""
        assert self.process.stdout is not None
        seen = ""
        for line in self.process.stdout:
            seen += line
            if wanted in line:
                return seen
        raise AssertionError(seen)

    def finish(self) -> tuple[int, str]:
        """Wait for its end: status and output."""
        output, _ = self.process.communicate(timeout=400)
        self.left = self.processes()
        return self.process.returncode, output

    def processes(self) -> list[int]:
        """All that still run and were started with this folder."""
        return [pid for pid, words in running() if str(self.folder) in words]

    def credentials(self) -> dict[str, str]:
        lines = (self.folder / "credentials").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def url(self) -> str:
        port = json.loads((self.folder / "ports.json").read_text())["web"]
        return f"http://127.0.0.1:{port}"

    def device_ids(self) -> list[tuple[str, str]]:
        """Serial number and identity of every device, as the database has them."""
        query = (
            "SELECT d.serial_number, n.fingerprint FROM zmdm_device d"
            " JOIN zmdm_identity n ON n.device_id = d.id AND n.state = 'active' ORDER BY 1, 2"
        )
        with closing(sqlite3.connect(self.folder / "host.sqlite3")) as connection:
            return connection.execute(query).fetchall()


def running() -> Iterator[tuple[int, str]]:
    """Every process with its command line and environment."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if int(entry.name) != os.getpid():
            yield int(entry.name), words.decode(errors="replace")


def eventually(condition: object, seconds: float = 120) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Demo, int, str]:
    """`make demo CHECK=1` on a new folder, to its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo") / "folder"
    words = ("--check", "--devices", str(DEVICES), "--port", str(port))
    demo = Demo.start(folder, *words)
    return demo, *demo.finish()


@pytest.fixture(scope="module")
def later_runs() -> Iterator[list[Demo]]:
    """Those begun after the first one, the newest last."""
    runs: list[Demo] = []
    yield runs
    for demo in runs:
        demo.process.terminate()
        demo.finish()


@pytest.fixture
def second_run(first_run: tuple[Demo, int, str], later_runs: list[Demo]) -> Demo:
    """The same folder again, living on; begun anew if the test before has ended it.

    Processes that take work from each other run the tests of a module in any order.
    """
    if not later_runs or later_runs[-1].process.poll() is not None:
        demo = Demo.start(first_run[0].folder, "--devices", str(DEVICES))
        later_runs.append(demo)
        demo.read_until("Logs")
        eventually(lambda: is_healthy(demo.url))
    return later_runs[-1]


def test_every_device_enrolls_is_pushed_and_answers(first_run: tuple[Demo, int, str]) -> None:
    _, status, output = first_run
    assert status == 0, output
    assert f"all devices ({DEVICES}) have done everything" in output


def test_the_check_prints_a_line_for_each_device(first_run: tuple[Demo, int, str]) -> None:
    demo, _, output = first_run
    for serial, _ in demo.device_ids():
        line = next(line for line in output.splitlines() if serial in line)
        *_, licence, store_app, package, signed_in, let_go = line.split()
        assert line.split()[-10:-5] == ["yes"] * 5
        assert licence == "yes"
        assert store_app in ("command", "declaration")
        assert package in (("command", "declaration") if " Mac" in line else ("-",))
        assert (signed_in, let_go) in (("-", "-"), ("yes", "yes"))


def test_a_store_app_and_a_package_reach_devices_by_both_ways(
    first_run: tuple[Demo, int, str],
) -> None:
    _, _, output = first_run
    assert "the store app came by command to 2, by declaration to 4" in output
    assert "the package came by command to 1, by declaration to 2" in output


def test_the_devices_hold_the_licences_in_apples_books(first_run: tuple[Demo, int, str]) -> None:
    demo, _, _ = first_run
    books = json.loads((demo.folder / "books.json").read_text())["Berlin"]["books"]
    holders = {stock["adam_id"]: set(stock["places"]) for stock in books["stocks"]}
    assert holders["361285480"] == {serial for serial, _ in demo.device_ids()}
    assert not holders["361309726"]


def test_a_third_came_as_apple_had_assigned_it(first_run: tuple[Demo, int, str]) -> None:
    books = json.loads((first_run[0].folder / "abm.json").read_text())
    devices = books["Demo MDM"]["books"]["devices"].values()
    assert [device["profile_status"] for device in devices] == ["pushed"] * (DEVICES // 3)


def test_nothing_is_left_running_after_the_check(first_run: tuple[Demo, int, str]) -> None:
    assert first_run[0].left == []


def test_secrets_are_readable_by_their_owner_alone(first_run: tuple[Demo, int, str]) -> None:
    folder = first_run[0].folder
    assert [path for path in folder.rglob("*") if path.lstat().st_mode & 0o077] == []


def test_no_log_holds_the_password_or_the_token(first_run: tuple[Demo, int, str]) -> None:
    demo = first_run[0]
    logs = "".join(path.read_text() for path in (demo.folder / "log").glob("*.log"))
    assert demo.credentials()["password"] not in logs
    assert demo.credentials()["token"] not in logs


def test_a_second_run_prints_the_same_credentials(
    first_run: tuple[Demo, int, str], second_run: Demo
) -> None:
    kept = first_run[2]
    for name in ("password", "token"):
        assert second_run.credentials()[name] in kept


def test_the_printed_token_opens_the_api(second_run: Demo) -> None:
    token = second_run.credentials()["token"]
    request = urllib.request.Request(
        f"{second_run.url}/api/mdm/devices/", headers={"Authorization": f"Token {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        devices = json.load(answer)
    assert {device["serial_number"] for device in devices} == {
        serial for serial, _ in second_run.device_ids()
    }


def test_a_second_run_still_reads_the_location(second_run: Demo) -> None:
    token = second_run.credentials()["token"]
    headers = {"Authorization": f"Token {token}"}
    url = f"{second_run.url}/api/mdm/locations/1/"
    order = urllib.request.Request(f"{url}sync/", b"{}", headers=headers, method="POST")
    order.add_header("Content-Type", "application/json")
    urllib.request.urlopen(order, timeout=10).close()

    def health() -> dict[str, object]:
        with urllib.request.urlopen(
            urllib.request.Request(f"{url}health/", headers=headers), timeout=10
        ) as answer:
            found: dict[str, object] = json.load(answer)
            return found

    eventually(lambda: health()["task_id"] is None)
    assert health()["error"] is None


def test_a_second_run_has_the_same_fleet(second_run: Demo) -> None:
    before = second_run.device_ids()
    log = second_run.folder / "log" / "devices-ota.log"
    eventually(log.exists)
    time.sleep(5)
    assert second_run.device_ids() == before
    assert len(before) == DEVICES


def test_a_killed_web_server_is_back(second_run: Demo) -> None:
    web = [pid for pid in second_run.processes() if parent(pid) == second_run.process.pid]
    for pid in web:
        if "gunicorn" in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)
    second_run.read_until("web died and is started again")
    eventually(lambda: is_healthy(second_run.url))


def test_ctrl_c_ends_all_of_it_silently(second_run: Demo) -> None:
    began = time.monotonic()
    second_run.process.send_signal(signal.SIGINT)
    status, output = second_run.finish()
    assert (status, output.splitlines()[-1]) == (0, "stopped")
    assert time.monotonic() - began < 40
    assert "Traceback" not in output
    assert second_run.left == []


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
