"""Declarations in a fleet: kept between runs, and gone on with by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.processes import wait_until
from tests.simulator.declaration_server import PROFILE, TEST, DeclarationServer, managed
from tests.simulator.device_server import BASE, profile
from tests.simulator.test_device_fleet import World, serving
from zmdm_simulator.fleet.store import restore, to_json
from zmdm_simulator.fleet.upkeep import next_in

ENFORCE = "com.apple.configuration.softwareupdate.enforcement.specific"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(DeclarationServer(), tmp_path) as world:
        yield world


def offer(world: World) -> DeclarationServer:
    server = world.server
    assert isinstance(server, DeclarationServer)
    server.subscribe("softwareupdate.install-state", "device.operating-system.version")
    server.declare(TEST, "one", Echo="1")
    server.activate("one")
    server.queue("DeclarativeManagement")
    return server


def test_a_second_run_knows_what_it_holds(world: World) -> None:
    server, state = offer(world), ("--state", str(world.folder / "state"))
    world.once(*state, count=1)
    assert [report.get("FullReport") for report in server.reports] == [True]
    server.asked.clear()
    server.queue("DeclarativeManagement")
    done = world.once(*state, count=1)
    assert (done.returncode, done.stderr, server.asked) == (0, "", ["tokens"])


def test_a_synchronization_that_failed_is_tried_again(world: World) -> None:
    server = offer(world)
    failing = [("503 Busy", "text/plain", b"")] * 2
    server.answers["declaration-items"] = type(server.commands)(failing)
    world.once("--longest-wait", "0.2", count=1)
    assert server.asked.count("declaration-items") == 3 and server.reports


def test_an_update_goes_on_without_a_push(world: World) -> None:
    server = offer(world)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    server.declare(ENFORCE, "update", TargetOSVersion="26.2", TargetLocalDateTime=yesterday)
    server.activate("update", "one")
    world.live("--poll", "0.2", "--update-step", "0.05")
    wait_until(
        lambda: "26.2" in json.dumps([r["StatusItems"] for r in server.reports[1:]]),
        what="a report of the new system",
    )


def test_a_device_restored_is_the_same(tmp_path: Path) -> None:
    server = DeclarationServer()
    server.subscribe("management.declarations", "device.operating-system.version")
    server.asset("data", b"content")
    server.declare(TEST, "one", Echo="1", EchoDataAssetReference="data")
    url = server.file("wifi", profile(name="wifi"), PROFILE)
    server.declare("com.apple.configuration.legacy", "wifi", ProfileURL=url)
    server.activate("one", "wifi")
    device = managed(server)
    device.update_system("26.2", "25C56")
    device.progress()
    kept = json.loads(json.dumps(to_json(device)))
    again = type(device)("MacBookPro18,3", 7, http=server.client())
    restore(again, kept)
    assert again.channel().declared == device.channel().declared
    assert again.facts.model.os_version == "26.2"
    reports = len(server.reports)
    again.progress()
    assert len(server.reports) == reports and BASE in url


def test_a_device_knows_when_it_has_something_to_do() -> None:
    server = DeclarationServer()
    device = managed(server)
    now = device.clock()

    def wait() -> float | None:
        return next_in(device, now=now, step=3, retry=7)

    assert wait() == pytest.approx(86400, abs=5)
    at = (now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S")
    server.declare(ENFORCE, "update", TargetOSVersion="26.2", TargetLocalDateTime=at)
    server.activate("update")
    device.sync()
    assert wait() == 3
    device.progress(now)
    device.progress(now)
    assert wait() == pytest.approx(7200, abs=5)
    device.channel().declared.asked = True
    assert wait() == 7


def test_a_device_without_declarations_has_nothing_to_do() -> None:
    device = managed(DeclarationServer())
    device.channel().declarative = False
    assert next_in(device, now=device.clock(), step=1, retry=1) is None
