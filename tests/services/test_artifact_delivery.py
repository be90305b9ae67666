"""Artifacts by command: installed, replaced, removed, tried again, as the wire shows it."""

from __future__ import annotations

import plistlib
from datetime import timedelta

import pytest

from tests.orders import Line, later, quiet
from tests.road import Road
from tests.shelf import Shelf, mobileconfig, payload
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.artifacts import present
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def shelf(road: Road) -> Shelf:
    shelf = Shelf(road)
    shelf.blueprint(legacy_profiles_via_ddm=False)
    return shelf


@pytest.fixture
def mac(road: Road, shelf: Shelf) -> SimulatedDevice:
    """Too old for declarations: whatever it gets comes by command."""
    return shelf.assign(quiet(road, road.enrolled(system=("12.7.6", "21H1320"))))


def installed(line: Line) -> dict[str, object]:
    """The profile in the command that was given last."""
    return dict(plistlib.loads(line.command["Payload"]))


def test_a_linked_profile_is_installed(shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi")
    assert mac.connect().request_types == ["InstallProfile"]
    state = shelf.state(mac, wifi)
    assert (state.status, state.via, state.install_count) == ("installed", "command", 1)
    assert mac.connect().request_types == []


def test_the_identifier_is_the_artifacts_and_the_uuid_the_versions(
    shelf: Shelf, mac: SimulatedDevice
) -> None:
    inner = payload(PayloadIdentifier="org.example.kept")
    wifi = shelf.profile("Wi-Fi", mobileconfig(inner))
    line = Line(mac)
    assert line.idle() == "InstallProfile"
    first = installed(line)
    line.say()
    shelf.version(wifi, mobileconfig(inner))
    assert line.idle() == "InstallProfile"
    second = installed(line)
    assert first["PayloadIdentifier"] == second["PayloadIdentifier"] == shelf.identifier(wifi)
    assert first["PayloadUUID"] != second["PayloadUUID"]
    assert first["PayloadContent"] == [inner]


def test_what_is_no_longer_linked_is_removed(shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi")
    mac.connect()
    shelf.unlink(wifi)
    line = Line(mac)
    assert line.idle() == "RemoveProfile"
    assert line.command["Identifier"] == shelf.identifier(wifi)
    assert line.say() is None
    assert shelf.found(mac, wifi) is None


def test_without_its_blueprint_a_device_loses_what_that_brought(
    road: Road, shelf: Shelf, mac: SimulatedDevice
) -> None:
    shelf.profile("Wi-Fi")
    mac.connect()
    with road.rows():
        road.row(mac).blueprint_id = None
        road.channel(mac).plan_due_at = utcnow()
    assert mac.connect().request_types == ["RemoveProfile"]


def test_a_dependent_waits_and_goes_in_the_same_conversation(
    shelf: Shelf, mac: SimulatedDevice
) -> None:
    root, wifi = shelf.profile("Root certificate"), shelf.profile("A Wi-Fi that needs it")
    shelf.require(wifi, root)
    line = Line(mac)
    names = []
    line.idle()
    for _ in range(2):
        names.append(installed(line)["PayloadIdentifier"])
        line.say()
    assert names == [shelf.identifier(root), shelf.identifier(wifi)]


def test_a_failure_is_tried_again_with_growing_waits_and_never_at_once(
    road: Road, shelf: Shelf, mac: SimulatedDevice
) -> None:
    wifi = shelf.profile("Wi-Fi")
    line = Line(mac)
    line.idle()
    line.say("Error")
    assert [line.idle() for _ in range(3)] == [None, None, None]
    state = shelf.state(mac, wifi)
    assert state.next_try_at is not None
    assert timedelta(minutes=14) < state.next_try_at - utcnow() < timedelta(minutes=16)
    with road.rows() as session:
        session.merge(state).next_try_at = utcnow()
        road.channel(mac).plan_due_at = utcnow()
    assert line.idle() == "InstallProfile"
    line.say("Error")
    state = shelf.state(mac, wifi)
    assert state.next_try_at is not None
    assert state.next_try_at - utcnow() > timedelta(minutes=50)


def test_a_new_version_is_tried_at_once_after_a_failure(shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi")
    line = Line(mac)
    line.idle()
    line.say("Error")
    shelf.version(wifi)
    assert line.idle() == "InstallProfile"


def test_what_failed_and_is_no_longer_wanted_is_forgotten(
    shelf: Shelf, mac: SimulatedDevice
) -> None:
    wifi = shelf.profile("Wi-Fi")
    line = Line(mac)
    assert line.idle() == "InstallProfile"
    line.say("Error")
    assert shelf.state(mac, wifi).status == "failed"
    shelf.unlink(wifi)
    assert line.idle() is None
    assert shelf.found(mac, wifi) is None


def test_a_broken_artifact_blocks_no_other(shelf: Shelf, mac: SimulatedDevice) -> None:
    shelf.profile("A broken one")
    good = shelf.profile("B good one")
    line = Line(mac)
    line.idle()
    assert line.say("Error") == "InstallProfile"
    line.say()
    assert shelf.state(mac, good).status == "installed"


def test_a_value_that_is_missing_holds_the_profile_back_and_is_reported(
    shelf: Shelf, mac: SimulatedDevice
) -> None:
    mail = shelf.profile("Mail", mobileconfig(payload(Address="$REALM_USER.EMAIL")))
    assert mac.connect().request_types == []
    state = shelf.state(mac, mail)
    assert (state.status, state.unresolved) == ("pending", ["$REALM_USER.EMAIL"])


def test_variables_are_replaced_in_parsed_values(shelf: Shelf, mac: SimulatedDevice) -> None:
    shelf.profile("Named", mobileconfig(payload(Deep=[{"x": "sn $ENROLLED_DEVICE.SERIAL_NUMBER"}])))
    line = Line(mac)
    line.idle()
    content = installed(line)["PayloadContent"]
    assert content[0]["Deep"] == [{"x": f"sn {mac.facts.serial}"}]  # type: ignore[index]


def test_in_setup_assistant_only_flagged_artifacts_are_installed(
    road: Road, shelf: Shelf, mac: SimulatedDevice
) -> None:
    shelf.profile("Later")
    flagged = shelf.profile("Now", install_during_setup_assistant=True)
    with road.rows():
        road.row(mac).awaiting_configuration = True
    line = Line(mac)
    line.idle()
    assert installed(line)["PayloadIdentifier"] == shelf.identifier(flagged)
    assert line.say() is None


def test_a_profile_that_vanished_from_the_device_comes_back(
    road: Road, shelf: Shelf, mac: SimulatedDevice
) -> None:
    wifi = shelf.profile("Wi-Fi")
    mac.connect()
    with road.rows():
        channel = road.channel(mac)
        present.compared(channel, {})
    assert shelf.state(mac, wifi).status == "uninstalled"
    assert mac.connect().request_types == ["InstallProfile"]


def test_an_interval_installs_it_again(road: Road, shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi", reinstall_interval=2)
    mac.connect()
    state = shelf.state(mac, wifi)
    with road.rows() as session:
        session.merge(state).installed_at = utcnow() - timedelta(days=3)
    later(road, mac, 1)
    with road.rows():
        road.channel(mac).plan_due_at = utcnow()
    assert "InstallProfile" in mac.connect().request_types


def test_what_waits_is_replaced_by_the_newer_version(shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi")
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    shelf.version(wifi, mobileconfig(payload(New=True)))
    assert line.idle() == "InstallProfile"
    assert installed(line)["PayloadContent"][0]["New"] is True  # type: ignore[index]
    assert line.say() is None


def test_what_is_no_longer_wanted_is_not_sent_at_all(shelf: Shelf, mac: SimulatedDevice) -> None:
    first = shelf.profile("A first")
    second = shelf.profile("B second")
    line = Line(mac)
    line.idle()
    assert installed(line)["PayloadIdentifier"] == shelf.identifier(first)
    shelf.unlink(second)
    assert line.idle() is None
    line.say()
    assert shelf.found(mac, second) is None


def test_what_is_wanted_again_is_not_removed(shelf: Shelf, mac: SimulatedDevice) -> None:
    wifi = shelf.profile("Wi-Fi")
    mac.connect()
    shelf.unlink(wifi)
    line = Line(mac)
    line.idle()
    line.say("NotNow")
    shelf.link(wifi)
    assert line.idle() == "InstallProfile"
    assert line.say() is None
    assert shelf.state(mac, wifi).status == "installed"
