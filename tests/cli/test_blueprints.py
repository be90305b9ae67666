"""Blueprints and artifacts without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.shelf import mobileconfig, payload


@pytest.fixture
def wifi(tmp_path: Path) -> str:
    path = tmp_path / "wifi.mobileconfig"
    path.write_bytes(mobileconfig())
    return str(path)


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["zmdm", *arguments])


def told(app: Flask, *arguments: str) -> Any:
    result = run(app, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_profile_is_made_and_brought_by_a_blueprint(app: Flask, wifi: str) -> None:
    assert told(app, "blueprint", "create", "Staff", "--inventory-hours", "8")["name"] == "Staff"
    made = told(app, "artifact", "create", "Wi-Fi", wifi, "--platform", "macOS")
    assert (made["type"], made["version"]["number"]) == ("profile", 1)
    link = told(app, "blueprint", "add", "Staff", "Wi-Fi")
    assert list(link["scope"]["platforms"]) == ["macOS"]
    assert told(app, "blueprint", "list")[0]["inventory_interval"] == 8 * 3600


def test_the_scope_of_a_link_is_changed_by_adding_again(app: Flask, wifi: str) -> None:
    run(app, "blueprint", "create", "Staff")
    run(app, "artifact", "create", "Wi-Fi", wifi)
    run(app, "blueprint", "add", "Staff", "Wi-Fi")
    scope = {"platforms": {"macOS": {"min": "14.0", "max": None}}}
    said = told(app, "blueprint", "add", "Staff", "Wi-Fi", "--scope", json.dumps(scope))
    assert said["scope"]["platforms"] == scope["platforms"]


def test_an_older_version_is_made_current(app: Flask, wifi: str, tmp_path: Path) -> None:
    newer = tmp_path / "newer.mobileconfig"
    newer.write_bytes(mobileconfig(payload(New=True)))
    run(app, "artifact", "create", "Wi-Fi", wifi)
    assert told(app, "artifact", "upload", "Wi-Fi", str(newer))["number"] == 2
    assert told(app, "artifact", "current", "Wi-Fi", "1")["rank"] == 3
    shown = told(app, "artifact", "show", "Wi-Fi")
    assert [one["number"] for one in shown["versions"]] == [2, 1]


def test_what_is_not_a_profile_is_refused_with_the_reason(app: Flask, tmp_path: Path) -> None:
    junk = tmp_path / "junk.txt"
    junk.write_text("junk")
    result = run(app, "artifact", "create", "Junk", str(junk))
    assert result.exit_code == 1 and "Error: source" in result.output
    assert told(app, "artifact", "list") == []


def test_what_a_blueprint_brings_is_deleted_only_once_it_is_removed(app: Flask, wifi: str) -> None:
    run(app, "blueprint", "create", "Staff")
    run(app, "artifact", "create", "Wi-Fi", wifi)
    run(app, "blueprint", "add", "Staff", "Wi-Fi")
    refused = run(app, "artifact", "delete", "Wi-Fi", "--yes")
    assert refused.exit_code == 1 and "Staff" in refused.output
    assert run(app, "blueprint", "remove", "Staff", "Wi-Fi", "--yes").exit_code == 0
    assert run(app, "artifact", "delete", "Wi-Fi", "--yes").exit_code == 0


def test_a_name_that_nobody_has_is_an_error_that_says_where_to_look(app: Flask) -> None:
    result = run(app, "blueprint", "add", "Nobody", "Nothing")
    assert result.exit_code == 1 and "flask zmdm blueprint list" in result.output
