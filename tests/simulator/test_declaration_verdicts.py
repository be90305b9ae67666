"""What a device makes of declarations: active, valid, and the reasons, in Apple's codes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.declaration_server import TEST, DeclarationServer, managed, told
from zmdm_simulator.declared import Held
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

MAC, PHONE, TV = "MacBookPro18,3", "iPhone15,2", "AppleTV14,1"
CALENDAR = "com.apple.configuration.account.caldav"  # for users of a Mac
PASSCODE = "com.apple.configuration.passcode.settings"


@pytest.fixture
def server() -> DeclarationServer:
    return DeclarationServer()


def one(server: DeclarationServer, kind: str, model: str = MAC, **payload: Any) -> Held:
    """Declare a configuration that is active, and return what became of it."""
    server.declare(kind, "one", **payload)
    server.activate("one")
    return managed(server, model).declarations["one"]


def summary(held: Held) -> tuple[bool, str, list[str]]:
    return held.active, held.valid, held.codes


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        ("com.apple.configuration.nonsense", {}, "Error.UnknownDeclarationType"),
        ("com.apple.configuration.app.settings", {}, "Error.UnknownDeclarationType"),
        (CALENDAR, {"HostName": "h"}, "Error.ConfigurationNotSupported"),
        (TEST, {}, "Error.ConfigurationCannotBeDeserialized"),
        (TEST, {"Echo": 1}, "Error.ConfigurationCannotBeDeserialized"),
        (PASSCODE, {"MinimumLength": True}, "Error.ConfigurationCannotBeDeserialized"),
        (TEST, {"Echo": "e", "Ecco": "?"}, "Error.UnknownPayloadKeys"),
        (TEST, {"Echo": "e", "ReturnStatus": "Failed"}, "Error.ConfigurationFailed"),
        (TEST, {"Echo": "e", "EchoDataAssetReference": "none"}, "Error.MissingAssets"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_invalid_and_says_why(
    server: DeclarationServer, kind: str, payload: dict[str, Any], code: str
) -> None:
    assert summary(one(server, kind, **payload)) == (False, "invalid", [code])


def test_a_test_configuration_echoes(server: DeclarationServer) -> None:
    held = one(server, TEST, Echo="hello", ReturnStatus="Installed")
    assert held.active and held.valid == "valid"
    assert held.verdict.reasons[0].description == "hello"


def test_a_configuration_that_nobody_activates_is_known_but_not_in_effect(
    server: DeclarationServer,
) -> None:
    server.declare(TEST, "one", Echo="1")
    held = managed(server).declarations["one"]
    assert summary(held) == (False, "unknown", ["Info.NotReferencedByActivation"])


def test_an_activation_of_what_is_not_there_is_invalid(server: DeclarationServer) -> None:
    server.activate("nowhere")
    held = managed(server).declarations["activation"]
    assert summary(held) == (False, "invalid", ["Error.MissingConfigurations"])


def test_one_bad_configuration_does_not_stop_its_neighbour(server: DeclarationServer) -> None:
    server.declare(TEST, "bad", Echo="b", ReturnStatus="Failed")
    server.declare(TEST, "good", Echo="g")
    server.activate("bad", "good")
    device = managed(server)
    assert [device.declarations[name].active for name in ("bad", "good")] == [False, True]


@pytest.mark.parametrize(
    ("predicate", "verdict"),
    [
        ("@status(device.model.family) == 'Mac'", (True, "valid", [])),
        ("@status(device.model.family) == 'iPad'", (False, "valid", ["Info.Predicate"])),
        ("@status(device.operating-system.version) >= '26.0'", (True, "valid", [])),
        ("@property(age) > 18", (False, "valid", ["Info.Predicate"])),
        ("@property(age) > 17", (True, "valid", [])),
        ("@property(nothing) > 1", (False, "valid", ["Info.Predicate"])),
        ("@property(age) == 18 AND FALSEPREDICATE", (False, "valid", ["Info.Predicate"])),
        ("@property(age) == 1 OR NOT FALSEPREDICATE", (True, "valid", [])),
        ("@status(", (False, "invalid", ["Error.UnableToParsePredicate"])),
        ("SUBQUERY(x, $y, $y = 1)", (False, "invalid", ["Error.UnableToParsePredicate"])),
        ("@property(age) > 'x'", (False, "invalid", ["Error.UnableToEvaluatePredicate"])),
        ("@status(mdm.app) == 1", (False, "invalid", ["Error.MissingState"])),
    ],
)
def test_a_predicate_decides(
    server: DeclarationServer, predicate: str, verdict: tuple[bool, str, list[str]]
) -> None:
    server.declare("management.properties", "properties", age=18)
    server.declare(TEST, "one", Echo="1")
    server.activate("one", Predicate=predicate)
    device = managed(server)
    assert summary(device.declarations["activation"]) == verdict
    assert device.declarations["one"].active == verdict[0]


def test_an_asset_that_nobody_names_is_not_fetched(server: DeclarationServer) -> None:
    server.asset("data", b"content")
    held = managed(server).declarations["data"]
    assert summary(held) == (False, "unknown", ["Info.NotReferencedByConfiguration"])
    assert server.got == []


def test_the_data_of_an_asset_reach_the_configuration(server: DeclarationServer) -> None:
    server.asset("data", b"from afar")
    held = one(server, TEST, Echo="near", EchoDataAssetReference="data")
    assert held.verdict.reasons[0].description == "from afar"
    assert server.got == ["/files/data"]


def test_an_empty_asset_needs_no_hash(server: DeclarationServer) -> None:
    server.asset("data", b"", **{"Hash-SHA-256": "00" * 32})
    assert one(server, TEST, Echo="near", EchoDataAssetReference="data").active


def test_a_mac_counts_as_supervised(server: DeclarationServer) -> None:
    server.declare(PASSCODE, "one", MinimumLength=8)
    server.activate("one")
    assert managed(server, supervised=False).declarations["one"].active


def test_users_of_a_shared_ipad_take_what_its_device_channel_does_not(
    server: DeclarationServer,
) -> None:
    server.declare(CALENDAR, "one", HostName="calendar.example.com", VisibleName="Ours")
    server.activate("one")
    device, user = managed(server, "iPad13,18", shared=True), "ada@example.com"
    assert device.log_in(user)
    told(server, device, user)
    assert device.declarations["one"].codes == ["Error.ConfigurationNotSupported"]
    (account,) = device.status(user)["account.list.caldav"]
    assert account["visible-name"] == "Ours"
    server.activate()
    told(server, device, user)
    assert device.status(user)["account.list.caldav"] == []


def test_an_asset_is_fetched_once_and_again_when_it_changes(server: DeclarationServer) -> None:
    server.asset("data", b"first")
    server.declare(TEST, "one", Echo="near", EchoDataAssetReference="data")
    server.activate("one")
    device = managed(server)
    told(server, device)
    server.asset("data", b"second")
    told(server, device)
    assert server.got == ["/files/data"] * 2
    assert device.declarations["one"].verdict.reasons[0].description == "second"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"Size": 3}, "Error.AssetCannotBeVerified"),
        ({"Hash-SHA-256": "00" * 32}, "Error.AssetCannotBeVerified"),
        ({"ContentType": "application/zip"}, "Error.AssetCannotBeVerified"),
        ({"DataURL": "https://mdm.example.com/files/gone"}, "Error.AssetCannotBeDownloaded"),
        ({"DataURL": "http://mdm.example.com/files/data"}, "Error.AssetCannotBeDownloaded"),
    ],
)
def test_an_asset_that_is_not_as_promised_fails_with_its_configuration(
    server: DeclarationServer, reference: dict[str, Any], code: str
) -> None:
    server.asset("data", b"content", **reference)
    server.declare(TEST, "one", Echo="near", EchoDataAssetReference="data")
    server.activate("one")
    device = managed(server)
    assert summary(device.declarations["data"]) == (False, "invalid", [code])
    assert summary(device.declarations["one"]) == (False, "invalid", [code])


def scripted(server: DeclarationServer, **rule: Any) -> SimulatedDevice:
    server.asset("data", b"some content")
    server.declare(TEST, "one", Echo="near", EchoDataAssetReference="data")
    server.activate("one")
    return managed(server, script=Script.load({"rules": [rule]}))


def test_the_data_of_an_asset_go_with_it(server: DeclarationServer) -> None:
    server.asset("data", b"content")
    server.declare(TEST, "one", Echo="near", EchoDataAssetReference="data")
    server.activate("one")
    device = managed(server)
    server.offered.clear()
    told(server, device)
    assert not device.declarations and not device.channel().declared.assets


def test_management_declarations_are_in_effect_when_they_can_be_read(
    server: DeclarationServer,
) -> None:
    server.declare("management.properties", "properties", anything="goes")
    server.declare("management.organization-info", "nameless", Email="a@example.com")
    device = managed(server)
    assert summary(device.declarations["properties"]) == (True, "valid", [])
    assert summary(device.declarations["nameless"]) == (False, "invalid", ["Error.InvalidPayload"])


def test_a_corrupt_download_is_noticed_and_tried_again(server: DeclarationServer) -> None:
    device = scripted(server, do="corrupt", command="download", times=1)
    assert device.declarations["data"].codes == ["Error.AssetCannotBeVerified"]
    device.connect()
    assert device.declarations["one"].active


def test_an_interrupted_download_is_taken_up_where_it_broke_off(server: DeclarationServer) -> None:
    device = scripted(server, do="interrupt", command="download")
    assert device.declarations["one"].active and server.ranges == ["bytes=6-"]


def test_a_declaration_can_be_scripted_to_be_invalid(server: DeclarationServer) -> None:
    device = scripted(server, do="invalid", command=TEST, reason="Error.ConfigurationIsInvalid")
    assert device.declarations["one"].codes == ["Error.ConfigurationIsInvalid"]
    assert device.declarations["activation"].active


def test_a_type_of_supervised_devices_is_not_for_others(server: DeclarationServer) -> None:
    server.declare(
        "configuration.watch.enrollment", "one", EnrollmentProfileURL="https://x.example"
    )
    server.activate("one")
    device = managed(server, PHONE, supervised=False)
    assert device.declarations["one"].codes == ["Error.ConfigurationNotSupported"]
    assert managed(server, PHONE).declarations["one"].active
