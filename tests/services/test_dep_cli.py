"""flask zmdm dep …"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.dep_road import Dep, fill


def run(dep: Dep, *words: str, code: int = 0) -> str:
    result = dep.app.test_cli_runner().invoke(args=["zmdm", "dep", *words])
    assert result.exit_code == code, result.output
    return result.output


def as_json(dep: Dep, *words: str) -> Any:
    return json.loads(run(dep, *words, "--json"))


def test_a_server_is_connected_with_two_files(dep: Dep, tmp_path: Path) -> None:
    number = str(as_json(dep, "connect", "Lab")["id"])
    run(dep, "public-key", number, "-o", str(tmp_path / "key.pem"))
    server = dep.played.organization.new_server("Lab")
    (tmp_path / "p7m").write_bytes(server.token_file((tmp_path / "key.pem").read_bytes()))
    assert "Lab is connected" in run(dep, "token", number, str(tmp_path / "p7m"))
    assert [one["name"] for one in as_json(dep, "servers")] == ["Lab", "MDM"]
    (tmp_path / "bad").write_text("nonsense")
    assert "not a server token" in run(dep, "token", "1", str(tmp_path / "bad"), code=1)
    run(dep, "stage-key", "1")
    run(dep, "cancel-key", "1", "--yes")


def test_devices_are_synchronized_listed_and_assigned(dep: Dep) -> None:
    first, second = fill(dep.played, 2)
    assert "2 new" in run(dep, "sync", "1", "--full")
    dep.enrollment("Staff")
    assert "1 to be assigned" in run(dep, "assign", "Staff", first)
    dep.converge()
    assert as_json(dep, "device", first)["assignment"] == "assigned"
    found = as_json(dep, "devices", "--assignment", "none", "--search", second[:6])
    assert [one["serial_number"] for one in found] == [second]
    run(dep, "default", "1", "Staff")
    dep.converge()
    assert as_json(dep, "refresh", second)["assignment"] == "assigned"
    run(dep, "default", "1", "-")
    assert "there is no enrollment Nobody" in run(dep, "default", "1", "Nobody", code=1)


def test_what_apple_has_against_it_is_one_line_and_an_exit_code(dep: Dep) -> None:
    assert as_json(dep, "beta-tokens", "1")[0]["os"] == "iOS"
    dep.played.fail(terms_signed=False)
    assert "terms and conditions" in run(dep, "sync", "1", code=1)
    assert "terms and conditions" in run(dep, "beta-tokens", "1", code=1)


def test_disowning_is_asked(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    run(dep, "disown", serial, code=1)
    assert dep.book(serial)
    assert run(dep, "disown", serial, "--yes").strip() == "SUCCESS"
    assert "no device NOBODY" in run(dep, "device", "NOBODY", code=1)
