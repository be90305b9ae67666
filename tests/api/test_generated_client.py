"""A client that openapi-python-client makes from the description, used as a program uses it."""

from __future__ import annotations

import importlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.api.world import add_device, make_token

PACKAGE = "zmdm_generated_client"
OPTIONS = """post_hooks: []
content_type_overrides:
  application/pkcs10: application/octet-stream
  application/x-apple-aspen-config: application/octet-stream
  application/x-ndjson: text/plain
  application/x-pem-file: text/plain
  application/x-plist: application/octet-stream
  image/png: application/octet-stream
  text/csv: text/plain
"""


@pytest.fixture
def client(
    app: Flask, live_server: Callable[[Flask], str], tmp_path: Path
) -> Iterator[Callable[[str], ModuleType]]:
    """`client("devices.list_devices")` is a module of the generated package; see `call`."""
    url = live_server(app)
    (tmp_path / "openapi.json").write_text(httpx.get(f"{url}/api/mdm/openapi.json").text)
    (tmp_path / "options.yml").write_text(OPTIONS)
    order = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    order += ["--path", "openapi.json", "--config", "options.yml", "--fail-on-warning"]
    made = subprocess.run(
        [*order, "--output-path", PACKAGE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(tmp_path))
    yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def test_a_program_finds_a_device_locks_it_and_takes_the_order_back(
    app: Flask, client: Callable[[str], ModuleType], live_server: Callable[[Flask], str]
) -> None:
    device_id = add_device(app)
    package = client("client")
    with package.AuthenticatedClient(
        base_url=live_server(app), token=make_token(app), prefix="Token"
    ) as program:

        def call(name: str, *args: Any, **values: Any) -> Any:
            return client(f"api.{name}").sync_detailed(*args, client=program, **values)

        found = call("devices.list_devices", serial_number="SERIAL0001")
        assert [device.id for device in found.parsed] == [device_id]
        assert isinstance(found.parsed[0].last_seen_at, datetime)
        args, key = client("models").DeviceLockArgs(pin="123456"), str(uuid.uuid4())
        first, again = (
            call("device_commands.lock_device", device_id, body=args, idempotency_key=key)
            for _ in range(2)
        )
        assert (first.status_code, first.parsed.name) == (201, "DeviceLock")
        assert again.parsed.uuid == first.parsed.uuid
        taken_back = call("commands.cancel_command", first.parsed.uuid)
        assert taken_back.parsed.state == "cancelled"
        refused = call("commands.cancel_command", first.parsed.uuid)
        assert (refused.status_code, refused.parsed.code) == (409, 409)
