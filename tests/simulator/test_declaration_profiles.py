"""Profiles and certificates that declarations bring, beside those of InstallProfile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.apple_schema import validate_response
from tests.simulator.declaration_server import PROFILE, DeclarationServer, managed, told
from tests.simulator.device_server import BASE, payload, profile, scep_payload
from zmdm_simulator import cms, pki
from zmdm_simulator.device import SimulatedDevice

LEGACY = "com.apple.configuration.legacy"
WIFI = "com.example.wifi"


@pytest.fixture
def server() -> DeclarationServer:
    return DeclarationServer()


def wifi(ssid: str = "Example", **keys: Any) -> bytes:
    inner = payload("com.apple.wifi.managed", "wifi.inner", SSID_STR=ssid)
    return profile(inner, name="wifi", **keys)


def bring(server: DeclarationServer, content: bytes, name: str = "wifi", **more: Any) -> None:
    server.declare(LEGACY, name, ProfileURL=server.file(name, content, PROFILE), **more)
    server.activate(name)


def install(server: DeclarationServer, device: SimulatedDevice, content: bytes) -> str:
    server.queue("InstallProfile", Payload=content)
    return device.connect()[0].status


def ssid(device: SimulatedDevice) -> str:
    return str(device.installed_profiles[WIFI].payloads[0]["SSID_STR"])


def test_a_declared_profile_is_installed_and_listed(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    server.queue("ProfileList")
    listed = device.connect().answer_to("ProfileList")["ProfileList"]
    sources = {entry["PayloadIdentifier"]: entry.get("Source") for entry in listed}
    assert sources == {
        "com.example.enrollment": None,
        WIFI: "Declarative Device Management",
    }


def test_a_signed_profile_is_taken(server: DeclarationServer) -> None:
    bring(server, cms.sign_attached(wifi(), server.ca.identity, style=cms.DER_STYLE))
    assert managed(server).declarations["wifi"].active


def test_a_new_version_replaces_the_old_one(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    server.files["/files/wifi"] = PROFILE, wifi("Other")
    server.offered["wifi"]["ServerToken"] = "2"
    told(server, device)
    assert ssid(device) == "Other"


def test_a_profile_is_fetched_once(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    server.declare("management.properties", "properties", age=18)
    told(server, device)
    assert server.got == ["/files/wifi"]


@pytest.mark.parametrize("end", ["withdraw", "deactivate"])
def test_a_declared_profile_goes_with_its_declaration(server: DeclarationServer, end: str) -> None:
    bring(server, wifi())
    device = managed(server)
    if end == "withdraw":
        del server.offered["wifi"]
    server.activate()
    told(server, device)
    assert WIFI not in device.installed_profiles


def test_a_profile_that_was_withdrawn_may_come_again(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    kept = dict(server.offered)
    server.offered.clear()
    told(server, device)
    server.offered.update(kept)
    told(server, device)
    assert ssid(device) == "Example"


def test_commands_do_not_touch_a_declared_profile(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    server.queue("RemoveProfile", Identifier=WIFI)
    assert device.connect()[0].status == "Error"
    assert install(server, device, wifi("Other")) == "Error"
    assert ssid(device) == "Example"


def test_the_same_profile_is_taken_over(server: DeclarationServer) -> None:
    device = managed(server)
    assert install(server, device, wifi()) == "Acknowledged"
    bring(server, wifi())
    told(server, device)
    server.queue("RemoveProfile", Identifier=WIFI)
    assert device.declarations["wifi"].active and device.connect()[0].status == "Error"


def test_a_different_profile_is_not_taken_over(server: DeclarationServer) -> None:
    device = managed(server)
    install(server, device, wifi(PayloadUUID="00000000-0000-4000-8000-000000000000"))
    bring(server, wifi())
    told(server, device)
    assert device.declarations["wifi"].codes == ["Error.ConfigurationCannotBeApplied"]


def test_two_configurations_cannot_bring_one_profile(server: DeclarationServer) -> None:
    bring(server, wifi(), "a")
    bring(server, wifi(), "b")
    server.activate("a", "b")
    device = managed(server)
    assert [device.declarations[name].active for name in ("a", "b")] == [True, False]


def test_another_configuration_may_take_its_place(server: DeclarationServer) -> None:
    bring(server, wifi(), "old")
    device = managed(server)
    del server.offered["old"]
    bring(server, wifi("Other"), "new")
    told(server, device)
    assert device.declarations["new"].active and ssid(device) == "Other"


@pytest.mark.parametrize(
    ("url", "kind", "content", "code"),
    [
        (f"{BASE}/files/wifi", PROFILE, b"junk", "Error.ConfigurationCannotBeApplied"),
        (f"{BASE}/files/wifi", "text/html", wifi(), "Error.ConfigurationCannotBeApplied"),
        (f"{BASE}/files/gone", PROFILE, wifi(), "Error.ConfigurationCannotBeApplied"),
        ("https://other.example.com/files/wifi", PROFILE, wifi(), "Error.ConfigurationIsInvalid"),
        ("http://mdm.example.com/files/wifi", PROFILE, wifi(), "Error.ConfigurationIsInvalid"),
    ],
)
def test_a_profile_that_cannot_be_had_is_an_error(
    server: DeclarationServer, url: str, kind: str, content: bytes, code: str
) -> None:
    bring(server, content)
    server.files["/files/wifi"] = kind, content
    server.declare(LEGACY, "wifi", ProfileURL=url)
    assert managed(server).declarations["wifi"].codes == [code]


def test_a_failing_new_version_leaves_the_old_profile(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    server.files["/files/wifi"] = PROFILE, b"junk"
    server.offered["wifi"]["ServerToken"] = "2"
    told(server, device)
    assert device.declarations["wifi"].valid == "invalid" and ssid(device) == "Example"


def test_a_profile_can_come_as_an_asset(server: DeclarationServer) -> None:
    server.asset("data", wifi(), PROFILE)
    server.declare(LEGACY, "wifi", ProfileAssetReference="data")
    server.activate("wifi")
    assert ssid(managed(server)) == "Example"


def test_a_user_has_declared_profiles_of_their_own(server: DeclarationServer) -> None:
    bring(server, wifi())
    device = managed(server)
    device.log_in()
    told(server, device, device.facts.user.short_name)
    assert WIFI in device.channel(device.facts.user.short_name).profiles
    assert server.got == ["/files/wifi"] * 2


def test_downloads_prove_who_asks(server: DeclarationServer) -> None:
    bring(server, wifi())
    server.asset("data", b"open")
    server.offered["data"]["Payload"]["Authentication"] = {"Type": "None"}
    server.declare("configuration.management.test", "t", Echo="e", EchoDataAssetReference="data")
    server.activate("wifi", "t")
    managed(server)
    assert server.proofs == {"/files/wifi": True, "/files/data": False}


# Certificates


def test_a_certificate_is_installed_and_reported(server: DeclarationServer) -> None:
    pem = pki.pem(server.ca.identity.certificate)
    server.asset("root", pem, "application/pem")
    server.offered["root"]["Type"] = "com.apple.asset.credential.certificate"
    server.declare("configuration.security.certificate", "trust", CredentialAssetReference="root")
    server.activate("trust")
    device = managed(server)
    (listed,) = device.status()["security.certificate.list"]
    assert (listed["declaration-identifier"], listed["is-identity"]) == ("trust", False)
    server.activate()
    told(server, device)
    assert device.status()["security.certificate.list"] == []


def test_a_certificate_does_not_come_from_any_data(server: DeclarationServer) -> None:
    server.asset("data", pki.pem(server.ca.identity.certificate), "application/pem")
    server.declare("configuration.security.certificate", "trust", CredentialAssetReference="data")
    server.activate("trust")
    assert managed(server).declarations["trust"].codes == ["Error.ConfigurationIsInvalid"]


def test_an_identity_is_got_from_scep(server: DeclarationServer) -> None:
    fields = json.dumps(scep_payload()["PayloadContent"]).encode()
    server.asset("scep", fields, "application/json")
    server.offered["scep"]["Type"] = "com.apple.asset.credential.scep"
    server.declare("configuration.security.identity", "identity", CredentialAssetReference="scep")
    server.activate("identity")
    device = managed(server)
    (listed,) = device.status()["security.certificate.list"]
    assert listed["is-identity"] and device.facts.serial in listed["subject-summary"]
    assert len(server.requests) == 2


def test_an_asset_of_the_wrong_type_makes_no_identity(server: DeclarationServer) -> None:
    server.asset("data", b"{}", "application/json")
    server.declare("configuration.security.identity", "identity", CredentialAssetReference="data")
    server.activate("identity")
    device = managed(server)
    assert device.declarations["identity"].codes == ["Error.ConfigurationIsInvalid"]


def test_credentials_that_lack_a_key_cannot_be_read(server: DeclarationServer) -> None:
    server.asset("scep", b"{}", "application/json")
    server.offered["scep"]["Type"] = "com.apple.asset.credential.scep"
    server.declare("configuration.security.identity", "identity", CredentialAssetReference="scep")
    server.activate("identity")
    device = managed(server)
    assert device.declarations["scep"].codes == ["Error.AssetCannotBeDeserialized"]


# Provisioning profiles


def provisioning(server: DeclarationServer, uuid: str = "11111111-2222") -> bytes:
    content = profile(name="x", Name="Team", UUID=uuid)
    return cms.sign_attached(content, server.ca.identity, style=cms.DER_STYLE)


@pytest.mark.parametrize("model", ["iPhone15,2", "MacBookPro18,3"])
def test_provisioning_profiles_come_and_go(server: DeclarationServer, model: str) -> None:
    device = managed(server, model)
    server.queue("InstallProvisioningProfile", ProvisioningProfile=provisioning(server))
    server.queue("InstallProvisioningProfile", ProvisioningProfile=provisioning(server))
    server.queue("ProvisioningProfileList")
    server.queue("RemoveProvisioningProfile", UUID="11111111-2222")
    server.queue("RemoveProvisioningProfile", UUID="11111111-2222")
    talk = device.connect()
    assert [one.status for one in talk] == [*["Acknowledged"] * 4, "Error"]
    assert talk[2].answer["ProvisioningProfileList"] == [{"Name": "Team", "UUID": "11111111-2222"}]


@pytest.mark.needs("apple_schema")
def test_the_list_of_provisioning_profiles_is_as_apple_describes(server: DeclarationServer) -> None:
    device = managed(server, "iPhone15,2")
    server.queue("InstallProvisioningProfile", ProvisioningProfile=provisioning(server))
    server.queue("ProvisioningProfileList")
    answer = device.connect().answer_to("ProvisioningProfileList")
    assert validate_response("ProvisioningProfileList", answer, platform="iOS") == []


def test_what_is_no_provisioning_profile_is_refused(server: DeclarationServer) -> None:
    device = managed(server, "iPhone15,2")
    server.queue("InstallProvisioningProfile", ProvisioningProfile=b"junk")
    assert device.connect()[0].status == "Error"
