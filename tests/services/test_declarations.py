"""Declarations end to end: what devices are offered, fetch, hold, take over and give back."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest

from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from tests.shelf import mobileconfig, payload
from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import declarations
from zmdm_plugin.services import release
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

CONFIGURATION_FILES = "com.apple.configuration.services.configuration-files"


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road)


@pytest.fixture
def mac(road: Road, desk: Desk) -> SimulatedDevice:
    return desk.assign(quiet(road, road.enrolled()))


def zipped() -> bytes:
    """Settings of a service, as its data asset holds them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("sshd_config", "Port 22\n")
    return packed.getvalue()


def settle(device: SimulatedDevice) -> list[str]:
    """Converse until nothing is left to say; returns the commands that it took."""
    given: list[str] = []
    while names := device.connect().request_types:
        given += names
        assert len(given) < 10
    return given


def test_a_linked_configuration_is_fetched_and_its_status_known(
    desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode")
    assert mac.connect().request_types == ["DeclarativeManagement"]
    held = mac.declarations[desk.identifier(passcode)]
    assert (held.valid, held.active) == ("valid", True)
    state = desk.state(mac, passcode)
    assert (state.status, state.via, state.install_count) == ("installed", "declaration", 1)


def test_a_new_version_is_fetched_and_nothing_else(desk: Desk, mac: SimulatedDevice) -> None:
    passcode, other = desk.configuration("Passcode"), desk.configuration("Another")
    settle(mac)
    kept = mac.declarations[desk.identifier(other)].token
    newer = desk.wording(passcode, {"MinimumLength": 12})
    assert settle(mac) == ["DeclarativeManagement"]
    assert mac.declarations[desk.identifier(passcode)].payload == {"MinimumLength": 12}
    assert mac.declarations[desk.identifier(other)].token == kept
    assert desk.state(mac, passcode).installed_version_id == newer


def test_what_is_no_longer_linked_goes_and_is_forgotten(desk: Desk, mac: SimulatedDevice) -> None:
    passcode = desk.configuration("Passcode")
    settle(mac)
    desk.unlink(passcode)
    assert settle(mac) == ["DeclarativeManagement"]
    assert desk.identifier(passcode) not in mac.declarations
    assert desk.found(mac, passcode) is None


def test_without_its_blueprint_a_device_loses_everything(desk: Desk, mac: SimulatedDevice) -> None:
    passcode = desk.configuration("Passcode")
    settle(mac)
    desk.assign(mac, blueprint=False)
    assert mac.connect().request_types == ["DeclarativeManagement"]
    assert dict(mac.declarations) == {}
    assert desk.found(mac, passcode) is None


def test_once_in_agreement_nothing_is_ordered_again(desk: Desk, mac: SimulatedDevice) -> None:
    desk.configuration("Passcode")
    settle(mac)
    for _ in range(3):
        desk.due(mac)
        assert mac.connect().request_types == []


def test_a_profile_is_brought_by_declaration_under_the_names_of_ours(
    desk: Desk, mac: SimulatedDevice
) -> None:
    wifi = desk.profile("Wi-Fi")
    assert settle(mac) == ["DeclarativeManagement"] * 2
    state = desk.state(mac, wifi)
    profile = mac.installed_profiles[desk.identifier(wifi)]
    assert (state.status, state.via) == ("installed", "declaration")
    assert profile.data["PayloadUUID"] == desk.uid(state.installed_version_id or 0).upper()


def test_a_profile_that_came_by_command_is_taken_over_as_it_is_and_then_renewed(
    desk: Desk, mac: SimulatedDevice
) -> None:
    desk.change(legacy_profiles_via_ddm=False)
    inner = payload()
    wifi = desk.profile("Wi-Fi", mobileconfig(inner))
    assert "InstallProfile" in settle(mac)
    first = desk.state(mac, wifi).installed_version_id
    desk.change(legacy_profiles_via_ddm=True)
    newer = desk.version(wifi, mobileconfig(inner, payload(PayloadIdentifier="org.example.two")))
    assert mac.connect().request_types == ["DeclarativeManagement"]
    state = desk.state(mac, wifi)
    assert (state.via, state.installed_version_id) == ("declaration", first)
    assert settle(mac) == ["DeclarativeManagement"]
    state = desk.state(mac, wifi)
    assert (state.status, state.installed_version_id) == ("installed", newer)
    assert len(mac.installed_profiles[desk.identifier(wifi)].payloads) == 2


def test_a_profile_that_goes_back_to_commands_is_let_go_first(
    desk: Desk, mac: SimulatedDevice
) -> None:
    wifi = desk.profile("Wi-Fi")
    settle(mac)
    desk.change(legacy_profiles_via_ddm=False)
    assert settle(mac) == ["DeclarativeManagement", "InstallProfile"]
    state = desk.state(mac, wifi)
    assert (state.status, state.via) == ("installed", "command")
    assert desk.identifier(wifi) in mac.installed_profiles


@pytest.mark.parametrize("step", ["tokens", "declaration-items", "declaration", "status"])
@pytest.mark.parametrize("fault", ["lose_reply", "silent"])
def test_whatever_is_lost_on_the_way_it_ends_the_same(
    road: Road, desk: Desk, step: str, fault: str
) -> None:
    rule = {"do": fault, "command": step, "times": 1, "after": int(step == "declaration")}
    mac = road.enrolled(script=Script.load({"rules": [rule]}))
    desk.assign(quiet(road, mac))
    passcode, wifi = desk.configuration("Passcode"), desk.profile("Wi-Fi")
    settle(mac)
    for _ in range(3):
        mac.sync()
        settle(mac)
    assert {desk.state(mac, one).status for one in (passcode, wifi)} == {"installed"}
    assert {desk.state(mac, one).install_count for one in (passcode, wifi)} == {1}


def test_a_device_without_declarations_gets_its_profile_by_command(road: Road, desk: Desk) -> None:
    old = desk.assign(quiet(road, road.enrolled(seed=7, system=("12.7.6", "21H1320"))))
    wifi = desk.profile("Wi-Fi")
    desk.configuration("Passcode")
    assert settle(old) == ["InstallProfile"]
    assert desk.state(old, wifi).via == "command"


def test_a_configuration_finds_the_data_it_refers_to(desk: Desk, mac: SimulatedDevice) -> None:
    source = zipped()
    desk.artifact("data_asset", "SSH settings", source, linked=False, platforms=["macOS"])
    payload = {"ServiceType": "com.apple.sshd", "DataAssetReference": "SSH settings"}
    sshd = desk.configuration("SSH", CONFIGURATION_FILES, payload, platforms=["macOS"])
    settle(mac)
    assert desk.state(mac, sshd).reasons is None
    assert desk.state(mac, sshd).status == "installed"
    assert source in [content for _, content in mac.channel().declared.assets.values()]


def test_an_activation_of_the_operators_own_decides_on_its_configurations(
    desk: Desk, mac: SimulatedDevice
) -> None:
    passcode = desk.configuration("Passcode", linked=False)
    desk.configuration(
        "Only on tablets",
        "com.apple.activation.simple",
        {
            "StandardConfigurations": ["Passcode"],
            "Predicate": "@status(device.model.family) == 'iPad'",
        },
    )
    settle(mac)
    state = desk.state(mac, passcode)
    assert (state.status, state.active) == ("pending", False)
    assert state.reasons and state.reasons[0]["code"] == "Info.NotReferencedByActivation"
    ours = mac.declarations["zmdm.activation"].payload["StandardConfigurations"]
    assert desk.identifier(passcode) not in ours


def test_subscriptions_are_what_the_client_lists_but_for_test_items(
    desk: Desk, mac: SimulatedDevice
) -> None:
    settle(mac)
    held = mac.declarations["zmdm.status-subscriptions"]
    names = {one["Name"] for one in held.payload["StatusItems"]}
    known = desk.held(mac).capabilities or {}
    listed = set(known["supported-payloads"]["status-items"])
    assert names == {name for name in listed if not name.startswith("test.")}


def test_a_type_that_the_client_does_not_list_is_left_out_with_the_reason(
    road: Road, desk: Desk
) -> None:
    old = desk.assign(quiet(road, road.enrolled(seed=3, system=("13.6", "22G120"))))
    bookmarks = desk.configuration(
        "Screens",
        "com.apple.configuration.screensharing.host.settings",
        {"MaximumVirtualDisplays": 2},
        platforms=["macOS"],
    )
    settle(old)
    assert desk.identifier(bookmarks) not in old.declarations
    state = desk.state(old, bookmarks)
    assert state.status == "pending"
    assert state.reasons and state.reasons[0]["code"] == "NotSupported"


def test_a_configuration_that_fails_is_tried_again_with_growing_waits(
    road: Road, desk: Desk
) -> None:
    rule = {"do": "invalid", "command": "com.apple.configuration.passcode.settings"}
    script = Script.load({"rules": [rule]})
    mac = desk.assign(quiet(road, road.enrolled(script=script)))
    passcode = desk.configuration("Passcode")
    settle(mac)
    state = desk.state(mac, passcode)
    assert (state.status, state.attempts) == ("failed", 1)
    assert state.reasons and state.reasons[0]["code"] == "Error.ConfigurationCannotBeApplied"
    assert "could not apply" in state.reasons[0]["description"]
    assert state.next_try_at is not None
    assert timedelta(minutes=13) < state.next_try_at - utcnow() < timedelta(minutes=16)
    desk.due(mac)
    assert settle(mac) == []
    _let_try_again(road, desk, mac, passcode)
    assert settle(mac) == ["DeclarativeManagement"]
    state = desk.state(mac, passcode)
    assert (state.status, state.attempts, state.retry_count) == ("failed", 2, 1)
    assert mac.declarations[desk.identifier(passcode)].token.endswith(".r1")


def _let_try_again(road: Road, desk: Desk, mac: SimulatedDevice, artifact: int) -> None:
    found = desk.state(mac, artifact)
    with road.rows() as session:
        row = session.get_one(ChannelArtifact, found.id)
        row.next_try_at = utcnow() - timedelta(seconds=1)
        road.channel(mac).plan_due_at = utcnow()


def test_one_that_fails_stops_no_other(road: Road, desk: Desk) -> None:
    rule = {"do": "invalid", "command": "com.apple.configuration.legacy"}
    mac = desk.assign(quiet(road, road.enrolled(script=Script.load({"rules": [rule]}))))
    wifi, passcode = desk.profile("Wi-Fi"), desk.configuration("Passcode")
    settle(mac)
    assert desk.state(mac, wifi).status == "failed"
    assert desk.state(mac, passcode).status == "installed"


def test_variables_are_replaced_and_part_of_the_token(desk: Desk, mac: SimulatedDevice) -> None:
    echo = {"Echo": "I am $ENROLLED_DEVICE.SERIAL_NUMBER"}
    said = desk.configuration("Echo", "com.apple.configuration.management.test", echo)
    settle(mac)
    held = mac.declarations[desk.identifier(said)]
    assert held.payload == {"Echo": f"I am {mac.facts.serial}"}
    assert ".v" in held.token


def test_without_a_value_a_declaration_is_held_back_and_says_so(
    desk: Desk, mac: SimulatedDevice
) -> None:
    said = desk.configuration(
        "Echo", "com.apple.configuration.management.test", {"Echo": "$REALM_USER.EMAIL"}
    )
    settle(mac)
    state = desk.state(mac, said)
    assert desk.identifier(said) not in mac.declarations
    assert (state.status, state.unresolved) == ("pending", ["$REALM_USER.EMAIL"])


def test_what_cannot_be_made_anew_stays_in_its_last_good_form(
    desk: Desk, mac: SimulatedDevice
) -> None:
    test = "com.apple.configuration.management.test"
    said = desk.configuration("Echo", test, {"Echo": "fine"})
    settle(mac)
    token = mac.declarations[desk.identifier(said)].token
    desk.wording(said, {"Echo": "$REALM_USER.EMAIL"}, test)
    settle(mac)
    assert mac.declarations[desk.identifier(said)].token == token
    assert desk.state(mac, said).unresolved == ["$REALM_USER.EMAIL"]


def test_a_configuration_waits_for_what_comes_by_command(desk: Desk, mac: SimulatedDevice) -> None:
    desk.change(legacy_profiles_via_ddm=False)
    root = desk.profile("Root certificate", linked=False)
    passcode = desk.configuration("Passcode", requires=[root], platforms=["macOS"])
    settle(mac)
    assert desk.state(mac, root).via == "command"
    assert desk.state(mac, passcode).status == "installed"


def test_in_setup_assistant_declarations_rest(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    desk.configuration("Passcode")
    with road.rows():
        road.row(mac).awaiting_configuration = True
    assert "DeclarativeManagement" not in settle(mac)


def test_a_user_has_declarations_of_their_own(desk: Desk, mac: SimulatedDevice) -> None:
    mine = desk.configuration("Mine", channel="user", platforms=["macOS"])
    ours = desk.configuration("Ours")
    assert mac.log_in()
    user = next(channel for channel in mac.channels.values() if channel.user)
    settle(mac)
    while mac.connect(user.name).request_types:
        pass
    key = next(iter({(user.user.guid if user.user else "").upper()}))
    assert desk.state(mac, mine, key).status == "installed"
    assert desk.identifier(mine) in user.declared.held
    assert desk.identifier(ours) not in user.declared.held
    assert desk.identifier(mine) not in mac.declarations


def test_a_report_tells_facts_of_the_device(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    settle(mac)
    with road.rows():
        row = road.row(mac)
        row.os_version, row.build_version = "13.0", "22A1"
    items = {"device": {"operating-system": {"version": "15.6", "build-version": "24G84"}}}
    assert desk.ask(mac, "status", {"StatusItems": items}).status_code == 200
    with road.rows():
        row = road.row(mac)
        assert (row.os_version, row.build_version) == ("15.6", "24G84")
        assert road.channel(mac).plan_due_at is not None


@pytest.mark.parametrize("model", ["iPhone15,2", "iPad13,18", "AppleTV14,1"])
def test_other_devices_hold_what_they_know_and_all_of_it_is_valid(
    road: Road, desk: Desk, model: str
) -> None:
    device = desk.assign(quiet(road, road.enrolled(model, 4)))
    passcode = desk.configuration("Passcode", platforms=["iOS", "iPadOS", "macOS"])
    wifi = desk.profile("Wi-Fi", platforms=["iOS", "iPadOS", "tvOS"])
    settle(device)
    assert desk.state(device, wifi).status == "installed"
    if model.startswith("AppleTV"):
        assert desk.found(device, passcode) is None
    else:
        assert desk.state(device, passcode).status == "installed"
    for held in device.declarations.values():
        assert declarations.validate(held.type, held.payload) == []
        assert held.valid == "valid"


def test_each_user_of_a_shared_ipad_has_declarations(road: Road, desk: Desk) -> None:
    ipad = desk.assign(quiet(road, road.enrolled("iPad13,18", 5, shared=True, supervised=True)))
    said = desk.configuration(
        "Echo",
        "com.apple.configuration.management.test",
        {"Echo": "Hello"},
        channel="user",
        platforms=["iPadOS"],
    )
    for name in ("ada@example.com", "grace@example.com"):
        assert ipad.log_in(name)
        while ipad.connect(name).request_types:
            pass
        assert desk.state(ipad, said, name).status == "installed"


def test_a_blocked_device_downloads_nothing(road: Road, desk: Desk, mac: SimulatedDevice) -> None:
    source = zipped()
    desk.artifact("data_asset", "SSH settings", source, linked=False, platforms=["macOS"])
    payload = {"ServiceType": "com.apple.sshd", "DataAssetReference": "SSH settings"}
    desk.configuration("SSH", CONFIGURATION_FILES, payload, platforms=["macOS"])
    settle(mac)
    settle(mac)
    (asset,) = mac.channel().declared.of_kind("asset")
    url = asset.payload["Reference"]["DataURL"]
    assert mac.http.get(url).content == source
    with road.rows():
        release.block(road.row(mac))
    assert mac.http.get(url).status_code == 404
