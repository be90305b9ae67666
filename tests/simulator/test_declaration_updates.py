"""System updates that a declaration enforces: what is due, how far it is, and what is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulator.declaration_server import DeclarationServer, managed, told
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

ENFORCE = "com.apple.configuration.softwareupdate.enforcement.specific"
ITEMS = (
    "softwareupdate.install-state",
    "softwareupdate.pending-version",
    "softwareupdate.install-reason",
    "softwareupdate.failure-reason",
    "device.operating-system.version",
    "device.operating-system.build-version",
)
# The simulated Mac runs 26.1 (25B78).
DUE = datetime(2026, 12, 1, 18, 0, 0)  # noqa: DTZ001 - the device's local time
BEFORE, AFTER = (DUE.replace(tzinfo=UTC) + timedelta(hours=hours) for hours in (-3, 1))


@pytest.fixture
def server() -> DeclarationServer:
    server = DeclarationServer()
    server.subscribe(*ITEMS)
    return server


def enforce(
    server: DeclarationServer, version: str = "26.2", name: str = "update", **more: Any
) -> None:
    payload = {"TargetOSVersion": version, "TargetLocalDateTime": DUE.isoformat(), **more}
    server.declare(ENFORCE, name, **payload)
    names = [name for name, item in server.offered.items() if item["Type"] == ENFORCE]
    server.activate(*names)


def state(device: SimulatedDevice) -> str:
    return str(device.status()["softwareupdate.install-state"])


def states(server: DeclarationServer) -> list[str]:
    """Every state that was reported."""
    told_of = [report["StatusItems"].get("softwareupdate", {}) for report in server.reports]
    return [item["install-state"] for item in told_of if "install-state" in item]


def test_an_update_goes_its_way_and_every_step_is_reported(server: DeclarationServer) -> None:
    enforce(server, TargetBuildVersion="25C56")
    device = managed(server)
    for _ in range(4):
        device.progress(AFTER)
    assert states(server) == ["waiting", "downloading", "prepared", "installing", "none"]
    system = server.reports[-1]["StatusItems"]["device"]["operating-system"]
    assert system == {"version": "26.2", "build-version": "25C56"}
    assert device.facts.model.os_version == "26.2"


def test_a_pending_update_says_what_and_why(server: DeclarationServer) -> None:
    enforce(server, TargetBuildVersion="25C56")
    managed(server)
    told_of = server.reports[-1]["StatusItems"]["softwareupdate"]
    assert told_of["pending-version"] == {"os-version": "26.2", "build-version": "25C56"}
    assert told_of["install-reason"] == {"reason": ["declaration"], "declaration-id": "update"}
    assert told_of["failure-reason"] == {"count": 0}


def test_nothing_is_installed_before_its_time(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    for _ in range(6):
        device.progress(BEFORE)
    assert state(device) == "prepared"
    device.progress(AFTER)
    assert state(device) == "installing"


def test_the_time_is_the_devices_own(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    device.utc_offset = timedelta(hours=9)
    for _ in range(3):
        device.progress(BEFORE)
    assert state(device) == "installing"


def test_a_user_may_be_quicker(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    device.installs_early = True
    for _ in range(4):
        device.progress(BEFORE)
    assert device.facts.model.os_version == "26.2"


@pytest.mark.parametrize("version", ["26.1", "26.1.0", "26.0.1", "15.7"])
def test_a_target_that_is_not_newer_is_an_error(server: DeclarationServer, version: str) -> None:
    enforce(server, version)
    device = managed(server)
    assert device.declarations["update"].codes == ["Error.ConfigurationCannotBeApplied"]
    assert state(device) == "none"


@pytest.mark.parametrize(
    ("key", "value"),
    [("TargetLocalDateTime", "2026-12-01T18:00:00Z"), ("TargetOSVersion", "next")],
)
def test_a_target_that_cannot_be_read_is_an_error(
    server: DeclarationServer, key: str, value: str
) -> None:
    enforce(server)
    server.offered["update"]["Payload"][key] = value
    device = managed(server)
    assert device.declarations["update"].codes == ["Error.ConfigurationIsInvalid"]


def test_an_installed_update_is_an_error_until_it_is_withdrawn(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    for _ in range(4):
        device.progress(AFTER)
    assert device.declarations["update"].codes == ["Error.ConfigurationCannotBeApplied"]


def test_of_several_the_earliest_date_comes_first(server: DeclarationServer) -> None:
    enforce(server, "26.3", "far", TargetLocalDateTime="2026-12-24T18:00:00")
    enforce(server, "26.2", "near")
    device = managed(server)
    assert device.status()["softwareupdate.pending-version"]["os-version"] == "26.2"
    for _ in range(5):
        device.progress(AFTER)
    assert device.status()["softwareupdate.pending-version"]["os-version"] == "26.3"


def test_an_update_whose_declaration_goes_is_dropped(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    device.progress(BEFORE)
    del server.offered["update"]
    server.activate()
    told(server, device)
    assert states(server)[-1] == "none" and device.facts.model.os_version == "26.1"


def test_another_date_does_not_begin_the_download_again(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    device.progress(BEFORE)
    enforce(server, TargetLocalDateTime="2026-12-24T18:00:00")
    told(server, device)
    assert state(device) == "downloading"


def test_a_failure_is_told_and_followed_by_another_attempt(server: DeclarationServer) -> None:
    enforce(server)
    rule = {"do": "update_fails", "command": "26.*", "times": 1}
    device = managed(server, script=Script.load({"rules": [rule]}))
    for _ in range(2):
        device.progress(AFTER)
    failure = server.reports[-1]["StatusItems"]["softwareupdate"]["failure-reason"]
    assert (failure["count"], failure["timestamp"]) == (1, "2026-12-01T19:00:00Z")
    for _ in range(5):
        device.progress(AFTER)
    assert states(server)[2:5] == ["failed", "waiting", "downloading"]
    assert device.facts.model.os_version == "26.2"


def test_a_supplement_of_the_same_version_is_newer(server: DeclarationServer) -> None:
    enforce(server, "26.1", TargetBuildVersion="25B78a")
    device = managed(server)
    for _ in range(4):
        device.progress(AFTER)
    assert device.facts.model.build == "25B78a"


@pytest.mark.parametrize(("builds", "build"), [({}, "25B79"), ({"26.2": "25C56"}, "25C56")])
def test_a_build_that_is_not_named_is_found(
    server: DeclarationServer, builds: dict[str, str], build: str
) -> None:
    enforce(server)
    device = SimulatedDevice("MacBookPro18,3", 7, http=server.client())
    device.builds = builds
    device = managed(server, device=device)
    assert device.status()["softwareupdate.pending-version"]["build-version"] == build


def test_the_new_system_is_what_the_device_says_of_itself(server: DeclarationServer) -> None:
    enforce(server)
    device = managed(server)
    for _ in range(4):
        device.progress(AFTER)
    server.queue("DeviceInformation", Queries=["OSVersion"])
    assert device.connect()[0].answer["QueryResponses"] == {"OSVersion": "26.2"}
