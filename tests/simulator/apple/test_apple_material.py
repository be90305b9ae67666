"""The folder of keys and certificates, and the command that uses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_simulator.apple.material import Material

COMMAND = "import sys; from zmdm_simulator.apple.cli import main; sys.exit(main(sys.argv[1:]))"


def read(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name).read_bytes())


def test_keys_are_for_their_owner_alone(apple_folder: Path) -> None:
    Material(apple_folder).prepare()
    keys = list(apple_folder.glob("*-key.pem"))
    assert len(keys) == 5
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_the_push_certificate_looks_like_apples(apple_folder: Path) -> None:
    material = Material(apple_folder).prepare()
    certificate = read(apple_folder, "push-cert.pem")
    name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    topic = material.topic()
    assert topic.startswith("com.apple.mgmt.External.")
    assert name == "APSP:" + topic.removeprefix("com.apple.mgmt.External.")
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=363) < left < timedelta(days=366)
    certificate.verify_directly_issued_by(read(apple_folder, "push-ca.pem"))


def test_a_second_start_keeps_everything(apple_folder: Path) -> None:
    Material(apple_folder).prepare()
    before = {path.name: path.read_bytes() for path in apple_folder.iterdir()}
    Material(apple_folder).prepare()
    assert before == {path.name: path.read_bytes() for path in apple_folder.iterdir()}


def test_a_device_ca_can_be_as_expired_as_apples_own(tmp_path: Path) -> None:
    Material(tmp_path).prepare(expired_device_ca=True)
    assert read(tmp_path, "device-ca.pem").not_valid_after_utc < datetime.now(UTC)


@pytest.fixture
def command(apple_folder: Path) -> list[str]:
    return [sys.executable, "-c", COMMAND, "--dir", str(apple_folder)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_command_ends_silently_while_a_device_waits(
    command: list[str], number: signal.Signals
) -> None:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=os.getcwd(), text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    control = line.split(" control ")[1].split(" ")[0]
    with httpx.Client() as device:
        assert device.get(f"{control}/ready").status_code == 200
        with httpx.stream("GET", f"{control}/ready"):
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_busy_port_is_one_clear_line(command: list[str], control: httpx.Client) -> None:
    port = str(control.base_url.port)
    ended = subprocess.run(
        [*command, "--control-port", port], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1 and port in ended.stderr
