"""flask zmdm software-update …"""

from __future__ import annotations

import json
from typing import Any

from tests.updates import Updates


def run(updates: Updates, *words: str, code: int = 0) -> str:
    result = updates.app.test_cli_runner().invoke(args=["zmdm", "software-update", *words])
    assert result.exit_code == code, result.output
    return result.output


def as_json(updates: Updates, *words: str) -> Any:
    return json.loads(run(updates, *words, "--json"))


def test_the_list_is_fetched_in_this_process(lab: Updates) -> None:
    assert "18 releases: 18 new" in run(lab, "sync")
    assert as_json(lab, "sync")["result"]["new"] == 0
    assert as_json(lab, "status")["releases"] == 18


def test_a_failed_fetch_is_one_line_and_an_exit_code(lab: Updates) -> None:
    lab.lookup.fail(status=500)
    assert "answered 500" in run(lab, "sync", code=1)
    assert "answered 500" in as_json(lab, "status")["error"]


def test_releases_are_listed_with_filters(lab: Updates) -> None:
    run(lab, "sync")
    found = as_json(lab, "list", "--platform", "macOS", "--version", "26.2")
    assert [(one["build"], one["managed"]) for one in found] == [("25C56", True)]
    assert "no release matches" in run(lab, "list", "--version", "1.0")


def test_enforcements_and_their_preview(lab: Updates) -> None:
    run(lab, "sync")
    mac = lab.device()
    number = lab.enforce(platforms=["macOS"])
    lab.refresh(mac)
    [one] = as_json(lab, "enforcements")
    assert (one["name"], one["blueprints"], one["told"]) == ("Newest", ["Staff"], 1)
    [item] = as_json(lab, "preview", str(number))
    assert item["gets"][0].startswith("26.2 by ")
    found = as_json(lab, "device", str(mac))
    assert found["told"] == item["gets"]
    assert "26.2" in found["offered"]
