"""The fleet on the command line: it enrolls, is pushed, lives on, stops, and goes on again."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.processes import Child, wait_until
from tests.simulator.device_server import (
    BASE,
    DeviceServer,
    enrollment_profile,
    service_profile,
)

FLEET = [sys.executable, "-m", "zmdm_simulator", "devices"]


class Quiet(WSGIRequestHandler):
    """Logs nothing: who failed says so itself."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Log nothing."""


@dataclass
class World:
    """A server on a real port, a folder, and the processes started in a test."""

    server: DeviceServer
    url: str
    folder: Path
    children: list[Child] = field(default_factory=list)

    def profile(self, content: bytes) -> str:
        """Write a profile that points to the server and return its path."""
        path = self.folder / "enroll.mobileconfig"
        path.write_bytes(content.replace(BASE.encode(), self.url.encode()))
        return str(path)

    def once(self, *words: str, count: int = 2) -> subprocess.CompletedProcess[str]:
        """Run a fleet of phones until nothing is left to do."""
        source = () if "--profile" in words else ("--profile", self.profile(enrollment_profile()))
        command = [*FLEET, *source, "--count", str(count), "--once", "--idle", "0.3"]
        command += ["--models", "iPhone15,2", "--key-pool", "1", "--verbose", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def live(self, *words: str) -> Child:
        """Start a fleet of one phone that lives on."""
        command = [*FLEET, "--profile", self.profile(enrollment_profile()), "--count", "1"]
        command += ["--models", "iPhone15,2", "--verbose", *words]
        child = Child(command, self.folder / "fleet.log")
        self.children.append(child)
        child.start(lambda: bool(self.server.messages("TokenUpdate")))
        return child

    def heard(self, kind: str, times: int = 1) -> None:
        """Wait until the server heard a message so often."""
        wait_until(lambda: len(self.server.messages(kind)) >= times, what=f"{times} {kind}")


@contextmanager
def serving(server: DeviceServer, folder: Path) -> Iterator[World]:
    """The server on a real port until the end, and no process that outlives it."""
    http = make_server("127.0.0.1", 0, server, threaded=True, request_handler=Quiet)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server.base = f"http://127.0.0.1:{http.server_port}"
    world = World(server, server.base, folder)
    yield world
    for child in world.children:
        child.stop()
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(DeviceServer(), tmp_path) as world:
        yield world


@pytest.fixture
def apple(world: World, tmp_path: Path) -> tuple[str, str]:
    """Play Apple; the URLs of its push service and of its control plane."""
    log = tmp_path / "apple.log"
    command = [sys.executable, "-m", "zmdm_simulator", "apple", "--dir", str(tmp_path / "apple")]
    child = Child(command, log)
    world.children.append(child)
    child.start(lambda: "control http" in log.read_text())
    words = log.read_text().split()
    return words[words.index("push") + 1], words[words.index("control") + 1]


def push(folder: Path, url: str, token: str, magic: str) -> int:
    """Send one push as an MDM server does."""
    context = ssl.create_default_context(cafile=str(folder / "apns-ca.pem"))
    context.load_cert_chain(folder / "push-cert.pem", folder / "push-key.pem")
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", str(folder / "push-cert.pem")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    topic = next(part for part in text.replace(",", " ").split() if part.startswith("com.apple."))
    headers = {"apns-topic": topic, "apns-push-type": "mdm", "apns-priority": "10"}
    headers["apns-expiration"] = str(int(time.time()) + 600)
    with httpx.Client(http2=True, verify=context) as http:
        body = f'{{"mdm":"{magic}"}}'
        return http.post(f"{url}/3/device/{token}", content=body, headers=headers).status_code


def test_a_fleet_enrolls_and_is_done(world: World) -> None:
    done = world.once()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("enrolled") == 2


def test_a_fleet_enrolls_over_the_air(world: World) -> None:
    done = world.once("--profile", world.profile(service_profile()))
    assert done.returncode == 0, done.stderr
    assert len(world.server.messages("OTA")) == 4


def test_a_second_run_goes_on_with_the_same_devices(world: World) -> None:
    state = str(world.folder / "state")
    world.once("--state", state)
    before = set(world.server.signers)
    world.server.heard.clear()
    assert world.once("--state", state).returncode == 0
    assert [body["Status"] for body in world.server.heard] == ["Idle", "Idle"]
    assert set(world.server.signers) == before


def test_the_state_is_for_its_owner_alone(world: World) -> None:
    state = world.folder / "state"
    world.once("--state", str(state))
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}


def test_the_seed_decides_who_the_devices_are(world: World) -> None:
    for seed in ("a", "a", "b"):
        world.once("--seed", seed, count=1)
    first, again, other = (body["SerialNumber"] for body in world.server.messages("Authenticate"))
    assert first == again != other


def test_an_answer_that_was_not_taken_is_sent_again_in_the_next_run(world: World) -> None:
    state = ("--state", str(world.folder / "state"))
    world.once(*state, count=1)
    world.server.queue("SecurityInfo")
    world.server.statuses.extend(["200 OK"] + ["503 Busy"] * 50)
    child = world.live(*state, "--models", "iPhone15,2", "--poll", "0.1")
    world.heard("Acknowledged")
    child.stop()
    world.server.statuses.clear()
    world.once(*state, count=1)
    said = world.server.messages("Acknowledged")
    assert said[0] == said[-1] and len(said) > 1


def test_a_server_that_is_away_is_one_line_per_attempt_and_a_failure(world: World) -> None:
    nowhere = enrollment_profile().replace(BASE.encode(), b"http://127.0.0.1:1")
    (world.folder / "nowhere").write_bytes(nowhere)
    words = ("--profile", str(world.folder / "nowhere"), "--longest-wait", "0.1")
    done = world.once(*words, count=1)
    assert done.returncode == 1
    assert all("not enrolled: " in line for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    "words",
    [("--models", "Newton"), ("--script", "/nowhere"), ("--apple-dir", "/nowhere")],
    ids=str,
)
def test_bad_arguments_are_one_line(world: World, words: tuple[str, ...]) -> None:
    done = world.once(*words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_notnow_brings_the_device_back_by_itself(world: World) -> None:
    script = world.folder / "script.json"
    script.write_text('{"rules": [{"do": "notnow", "command": "SecurityInfo", "times": 1}]}')
    world.server.queue("SecurityInfo")
    done = world.once("--script", str(script), "--notnow-after", "0.2", count=1)
    assert done.returncode == 0
    statuses = [body.get("Status") for body in world.server.heard]
    assert statuses[2:] == ["Idle", "NotNow", "Idle"]


def test_an_erased_device_returns_if_told_to(world: World) -> None:
    world.server.queue("EraseDevice")
    world.live("--poll", "0.2", "--return-after", "0.2")
    world.heard("Authenticate", times=2)


def test_a_restarted_device_is_back_after_a_while(world: World) -> None:
    world.server.queue("RestartDevice")
    world.live("--poll", "0.2", "--restart-seconds", "0.5")
    world.heard("Acknowledged")
    idle = len(world.server.messages("Idle"))
    world.heard("Idle", times=idle + 2)


def test_a_push_wakes_the_device_that_it_is_for(world: World, apple: tuple[str, str]) -> None:
    push_url, control = apple
    world.live("--apple-control", control, "--apple-dir", str(world.folder / "apple"))
    said = world.server.messages("TokenUpdate")[0]
    token = said["Token"].hex()
    assert push(world.folder / "apple", push_url, token, "another magic") == 200
    assert push(world.folder / "apple", push_url, token, said["PushMagic"]) == 200
    world.heard("Idle")
    log = (world.folder / "fleet.log").read_text()
    assert "wrong magic" in log and len(world.server.messages("Idle")) == 1


def test_a_push_that_overtakes_the_answer_to_the_tokenupdate_is_kept(
    world: World, apple: tuple[str, str]
) -> None:
    def hasty(said: dict[str, Any]) -> None:
        if said["MessageType"] == "TokenUpdate":
            push(world.folder / "apple", apple[0], said["Token"].hex(), said["PushMagic"])
            time.sleep(0.3)

    world.server.before_reply = hasty
    world.live("--apple-control", apple[1])
    world.heard("Idle")


def test_sigterm_ends_a_fleet_quickly_and_without_a_word(
    world: World, apple: tuple[str, str]
) -> None:
    child = world.live("--apple-control", apple[1])
    assert child.process is not None
    os.kill(child.process.pid, signal.SIGTERM)
    assert child.process.wait(10) == 0
    assert "Traceback" not in (world.folder / "fleet.log").read_text()
