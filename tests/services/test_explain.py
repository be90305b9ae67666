"""What Explain says stands first in the way, of situations that devices came into on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.declaring import Desk
from tests.orders import Line, quiet
from tests.road import Road
from tests.shelf import mobileconfig, payload
from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import tags
from zmdm_plugin.services.artifacts import artifacts, blueprints, standing
from zmdm_plugin.services.artifacts.explain import explain
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Do, Rule, Script

DISKS = "com.apple.configuration.diskmanagement.settings"
BROKEN = Rule(Do.ERROR, command="InstallProfile", description="It is invalid")
INVALID = Rule(Do.INVALID, command="com.apple.configuration.passcode.settings")


@pytest.fixture
def desk(road: Road) -> Desk:
    """What a blueprint brings comes by command, if it can."""
    return Desk(road, legacy_profiles_via_ddm=False)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    """A Mac that knows declarations."""
    return desk.assign(quiet(road, road.enrolled()))


@pytest.fixture
def old(road: Road, desk: Desk) -> SimulatedDevice:
    """A Mac that knows none."""
    return desk.assign(quiet(road, road.enrolled(seed=7, system=("12.7.6", "21H1320"))))


def first(road: Road, device: SimulatedDevice, artifact_id: int) -> tuple[str, str]:
    """The rule that stands in the way first and its words; nothing does: two empty ones.

    What the device's list gives as the reason has to be the same.
    """
    with road.rows():
        row = road.row(device)
        found = explain(row, artifacts.find(artifact_id)).obstacle
        listed = [one for one in standing.of(row) if one.artifact.id == artifact_id]
        if found is None:
            assert all(one.reason == "" for one in listed)
            return "", ""
        for one in listed:
            assert found.words in one.reason or one.reason in found.words
        return found.rule, found.words


def scoped(desk: Desk, artifact_id: int, **scope: Any) -> None:
    """Bring it with a scope."""
    with desk.road.rows():
        blueprint = blueprints.find(desk.blueprint_id)
        whole = {"platforms": {"macOS": {}}, **scope}
        blueprints.link(blueprint, artifacts.find(artifact_id), scope=whole)


def test_a_device_that_has_left(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    mac.check_out()
    assert first(road, mac, wifi)[0] == "enrolled"


def test_a_device_without_a_blueprint(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    desk.assign(mac, blueprint=False)
    assert first(road, mac, wifi) == ("blueprint", "The device has no blueprint.")


def test_an_artifact_that_nothing_brings(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    assert first(road, mac, desk.profile("Wi-Fi", linked=False))[0] == "linked"


def test_another_platform(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi", platforms=["iOS"])
    assert first(road, mac, wifi) == ("link.platform", "It is for iOS; the device has macOS.")


def test_an_os_that_is_too_old(road: Road, desk: Desk, old: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi", linked=False)
    scoped(desk, wifi, platforms={"macOS": {"min": "14.0"}})
    words = "It needs 14.0 or newer; the device has 12.7.6."
    assert first(road, old, wifi) == ("link.os", words)


def test_a_tag_that_is_excluded(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi", linked=False)
    with road.rows():
        lab = tags.create("Lab")
        tags.put(road.row(mac), lab)
        lab_id = lab.id
    scoped(desk, wifi, excluded_tags=[lab_id])
    assert first(road, mac, wifi)[0] == "link.tags"


def test_a_shard_that_is_not_its_own(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi", linked=False)
    scoped(desk, wifi, default_shard=0)
    assert first(road, mac, wifi)[0] == "link.shard"


def test_a_declaration_for_an_os_that_knows_none(
    road: Road, desk: Desk, old: SimulatedDevice
) -> None:
    assert first(road, old, desk.configuration("Passcode"))[0] == "declarations"


def test_something_needed_that_it_cannot_have(road: Road, desk: Desk, old: SimulatedDevice) -> None:
    passcode = desk.configuration("Passcode", linked=False, platforms=["macOS"])
    wifi = desk.profile("Wi-Fi", requires=[passcode])
    rule, words = first(road, old, wifi)
    assert (rule, "“Passcode”, which the device cannot have" in words) == ("requires", True)


def test_something_needed_that_failed(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    root = desk.profile("Root")
    wifi = desk.profile("Wi-Fi", requires=[root])
    mac.script = Script((BROKEN,))
    mac.connect()
    assert first(road, mac, wifi) == ("prerequisites", "It waits for “Root” to be there.")


def test_a_variable_without_a_value(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    mail = desk.profile("Mail", mobileconfig(payload(Address="$REALM_USER.EMAIL")))
    mac.connect()
    words = "The device has no value for $REALM_USER.EMAIL."
    assert first(road, mac, mail) == ("variables", words)


def test_a_device_that_has_not_come_by(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    rule, words = first(road, mac, desk.profile("Wi-Fi"))
    assert (rule, "that is looked at when the device polls" in words) == ("queued", True)


def test_a_command_without_an_answer(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    assert Line(mac).idle() == "InstallProfile"
    rule, words = first(road, mac, wifi)
    assert (rule, "the answer has not come yet" in words) == ("delivered", True)


def test_a_command_that_was_put_off(road: Road, desk: Desk, old: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    old.script = Script((Rule(Do.NOTNOW, command="InstallProfile"),))
    old.connect()
    rule, words = first(road, old, wifi)
    assert (rule, "said NotNow 1 time" in words) == ("not_now", True)


def test_a_command_that_failed(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    mac.script = Script((BROKEN,))
    mac.connect()
    rule, words = first(road, mac, wifi)
    assert rule == "retries"
    assert "It failed 1 time" in words and "It is invalid" in words and "tried again in" in words


def test_a_list_that_was_not_fetched(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    passcode = desk.configuration("Passcode")
    assert Line(mac).idle() == "DeclarativeManagement"
    assert first(road, mac, passcode)[0] == "delivered"


def test_a_report_that_did_not_come(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    passcode = desk.configuration("Passcode")
    mac.script = Script((Rule(Do.STATUS_LOST, command="status"),))
    mac.connect()
    words = "The device has not reported on it yet."
    assert first(road, mac, passcode) == ("reported", words)


def test_a_declaration_that_the_device_finds_invalid(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode")
    mac.script = Script((INVALID,))
    mac.connect()
    rule, words = first(road, mac, passcode)
    assert (rule, "could not apply the configuration" in words) == ("retries", True)


def test_a_declaration_that_the_device_does_not_take(road: Road, desk: Desk) -> None:
    sonoma = desk.assign(quiet(road, road.enrolled(seed=5, system=("14.0", "23A344"))))
    disks = desk.configuration("Disks", DISKS, {}, platforms=["macOS"])
    sonoma.connect()
    rule, words = first(road, sonoma, disks)
    assert (rule, DISKS in words or "15" in words) == ("supported", True)


def test_what_was_removed_on_the_device(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi")
    while mac.connect().request_types:
        pass
    row_id = desk.state(mac, wifi).id
    with road.rows() as session:
        row = session.get_one(ChannelArtifact, row_id)
        row.status, row.installed_version_id = "uninstalled", None
        row.reasons = [{"code": None, "description": "It was removed on the device."}]
        row.next_try_at = utcnow() + timedelta(hours=1, seconds=5)
    rule, words = first(road, mac, wifi)
    said = (
        "It was there and is not any more: It was removed on the device; brought again in 1 hour."
    )
    assert (rule, words) == ("retries", said)


def test_updates_that_are_turned_off(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    wifi = desk.profile("Wi-Fi", auto_update=False)
    mac.connect()
    desk.version(wifi, mobileconfig(payload(), payload(PayloadIdentifier="org.example.two")))
    mac.connect()
    assert first(road, mac, wifi)[0] == "update"


@pytest.mark.parametrize("declared", [False, True])
def test_nothing_at_all(road: Road, desk: Desk, mac: SimulatedDevice, declared: bool) -> None:
    artifact_id = desk.configuration("Passcode") if declared else desk.profile("Wi-Fi")
    while mac.connect().request_types:
        pass
    assert first(road, mac, artifact_id) == ("", "")


def test_rules_behind_the_obstacle_are_told_as_not_reached(
    road: Road, desk: Desk, mac: SimulatedDevice
) -> None:
    wifi = desk.profile("Wi-Fi")
    with road.rows():
        found = explain(road.row(mac), artifacts.find(wifi))
    unreached = [step.rule for step in found.steps if step.words.startswith("Not reached")]
    assert unreached == ["delivered", "present"]
    assert all(step.ok is None for step in found.steps if step.rule in unreached)
