"""What is uploaded as a version of each type: read, checked, and refused in words."""

from __future__ import annotations

import io
import json
import plistlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from tests.services.test_artifacts import MAC, chosen, declaration, profile
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, ScepIssuer
from zmdm_plugin.protocol import cms
from zmdm_plugin.protocol.who import ChannelKind
from zmdm_plugin.services import ca, issuers
from zmdm_plugin.services.artifacts import artifacts, blueprints, graph, versions
from zmdm_simulator import pki

PASSCODE = "com.apple.configuration.passcode.settings"
MAIL = "com.apple.configuration.account.mail"
CREDENTIALS = "com.apple.asset.credential.userpassword"
SERVICES = "com.apple.configuration.services.configuration-files"
ACTIVATION = "com.apple.activation.simple"


@pytest.fixture
def work(app: Flask) -> Iterator[None]:
    """An open transaction on a host."""
    with app.app_context(), db.transaction():
        yield


def make(type_name: str, name: str = "It", **more: Any) -> Artifact:
    return artifacts.create(type_name, name, **{"platforms": ["macOS"], **more})


def upload(artifact: Artifact, source: bytes) -> ArtifactVersion:
    return versions.create(artifact, source, actor=SYSTEM)


def refused(artifact: Artifact, source: bytes) -> str:
    with pytest.raises(Refused) as refusal:
        upload(artifact, source)
    return refusal.value.why


def mail(assets: str) -> dict[str, Any]:
    server = {"HostName": "mail.example.com", "AuthenticationMethod": "Password"}
    authenticated = {**server, "AuthenticationCredentialsAssetReference": assets}
    return {"IncomingServer": {"ServerType": "IMAP", **authenticated}, "OutgoingServer": server}


def provisioning(**more: Any) -> bytes:
    """A provisioning profile, signed by somebody."""
    content = {"Name": "Example", "UUID": "4E0A", "TeamName": "Example Ltd", **more}
    identity = pki.DeviceCA.create().identity
    return cms.sign_attached(
        plistlib.dumps(content), pki.der(identity.certificate), key=identity.key
    )


def test_a_declaration_has_its_type_and_identifier_for_ever(work: None) -> None:
    artifact = make("configuration")
    upload(artifact, declaration(PASSCODE, {"MinimumLength": 8}, Identifier="com.example.code"))
    assert artifact.declaration_type == PASSCODE
    assert artifact.declaration_identifier == "com.example.code"
    other = declaration("com.apple.configuration.screensharing.host.settings", {})
    assert "all versions share it" in refused(artifact, other)
    renamed = declaration(PASSCODE, {"MinimumLength": 9}, Identifier="com.example.other")
    assert "Identifier was com.example.code" in refused(artifact, renamed)
    assert upload(artifact, declaration(PASSCODE, {"MinimumLength": 9})).number == 2


def test_an_identifier_belongs_to_one_artifact(work: None) -> None:
    source = declaration(PASSCODE, {"MinimumLength": 8}, Identifier="com.example.code")
    upload(make("configuration", "One"), source)
    assert "that of the artifact “One”" in refused(make("configuration", "Two"), source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"{", "is not JSON"),
        (b"[]", "must be a JSON object"),
        (declaration("com.apple.configuration.unheard", {}), "none that Apple knows"),
        (declaration("com.apple.asset.data", {}), "of the kind asset"),
        (declaration(PASSCODE, {"MinimumLength": 99}), "MinimumLength: must be at most"),
        (declaration(PASSCODE, {"MinimumLength": "8"}), "MinimumLength"),
        (json.dumps({"Type": PASSCODE}).encode(), "Payload must be an object"),
    ],
)
def test_a_declaration_that_no_device_takes_is_refused(work: None, source: bytes, why: str) -> None:
    assert why in refused(make("configuration"), source)


@pytest.mark.parametrize("how", ["uid", "name", "identifier", "declaration_identifier"])
def test_a_reference_names_an_artifact_in_any_way_and_brings_it_along(work: None, how: str) -> None:
    asset = make("asset", "Account", channel="user")
    content = {"Reference": {"DataURL": "https://example.com/account.json"}}
    upload(asset, declaration(CREDENTIALS, content, Identifier="com.example.account"))
    artifact = make("configuration", "Mail", channel="user")
    made = upload(artifact, declaration(MAIL, mail(getattr(asset, how))))
    path = ["IncomingServer", "AuthenticationCredentialsAssetReference"]
    assert made.content["references"] == [{"path": path, "artifact": asset.id}]
    blueprint = blueprints.create("Office")
    blueprints.link(blueprint, artifact)
    user = replace(MAC, channel=ChannelKind.USER)
    assert chosen(blueprint, user) == [("Account", 1), ("Mail", 1)]
    with pytest.raises(Conflict, match="the artifact “Mail”"):
        artifacts.delete(asset)


def test_a_reference_to_nothing_or_to_the_wrong_thing_is_refused_by_its_place(work: None) -> None:
    artifact = make("configuration", "Mail")
    assert "names no artifact" in refused(artifact, declaration(MAIL, mail("nobody")))
    profile("Wi-Fi")
    why = refused(artifact, declaration(MAIL, mail("Wi-Fi")))
    assert "IncomingServer.AuthenticationCredentialsAssetReference: “Wi-Fi” is a" in why


def test_what_is_referred_to_is_for_the_same_channel_and_platforms(work: None) -> None:
    artifact = make("configuration", "Mail", platforms=["macOS", "iOS"])
    content = {"Reference": {"DataURL": "https://example.com/account.json"}}
    upload(make("asset", "User", channel="user"), declaration(CREDENTIALS, content))
    assert "“User” is for user channels" in refused(artifact, declaration(MAIL, mail("User")))
    upload(make("asset", "Macs"), declaration(CREDENTIALS, content))
    assert "“Macs” is not for iOS" in refused(artifact, declaration(MAIL, mail("Macs")))


def test_an_activation_refers_to_configurations_and_to_profiles(work: None) -> None:
    code, wifi = make("configuration", "Code"), profile("Wi-Fi")
    upload(code, declaration(PASSCODE, {"MinimumLength": 8}))
    activation = make("activation", "At work")
    payload = {"StandardConfigurations": ["Code", wifi.uid], "Predicate": "(@property(x) == 1)"}
    upload(activation, declaration(ACTIVATION, payload))
    assert graph.needed(activation.id) == [code.id, wifi.id]


def test_only_versions_that_can_be_chosen_hold_on_to_what_they_refer_to(work: None) -> None:
    code, other = make("configuration", "Code"), make("configuration", "Other")
    for one in (code, other):
        upload(one, declaration(PASSCODE, {"MinimumLength": 8}))
    activation = make("activation", "At work")
    upload(activation, declaration(ACTIVATION, {"StandardConfigurations": ["Code"]}))
    newer = upload(activation, declaration(ACTIVATION, {"StandardConfigurations": ["Other"]}))
    assert graph.needed(activation.id) == [other.id]
    versions.change_scope(newer, {"platforms": {"macOS": {"min": "15"}}})
    assert graph.needed(activation.id) == [code.id, other.id]


def test_a_version_that_refers_to_a_deleted_artifact_is_not_made_current(work: None) -> None:
    code, other = make("configuration", "Code"), make("configuration", "Other")
    for one in (code, other):
        upload(one, declaration(PASSCODE, {"MinimumLength": 8}))
    activation = make("activation", "At work")
    first = upload(activation, declaration(ACTIVATION, {"StandardConfigurations": ["Code"]}))
    upload(activation, declaration(ACTIVATION, {"StandardConfigurations": ["Other"]}))
    artifacts.delete(code)
    with pytest.raises(Conflict, match="was deleted"):
        versions.make_current(first)


def test_data_assets_are_property_lists_and_archives_and_fit_their_use(work: None) -> None:
    plist, archive = make("data_asset", "Plist"), make("data_asset", "Zip")
    assert upload(plist, plistlib.dumps({"a": 1})).content_type == "text/xml"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("sshd_config", "Port 22")
    made = upload(archive, buffer.getvalue())
    assert (made.content_type, made.content["files"]) == ("application/zip", 1)
    assert "neither a property list nor a zip" in refused(plist, b"text")
    services = make("configuration", "Files")
    payload = {"ServiceType": "com.apple.sshd", "DataAssetReference": "Plist"}
    assert "holds text/xml" in refused(services, declaration(SERVICES, payload))
    upload(services, declaration(SERVICES, {**payload, "DataAssetReference": "Zip"}))


def test_a_certificate_asset_names_an_issuer_which_stays_as_long(work: None) -> None:
    ca.create("Test CA")
    issuer = issuers.create("Elsewhere", "https://scep.example.com/")
    artifact = make("cert_asset", "Certificate")
    subject = [{"type": "CN", "value": "$ENROLLED_DEVICE.SERIAL_NUMBER"}]
    made = upload(artifact, json.dumps({"scep_issuer": issuer.id, "subject": subject}).encode())
    assert made.variables == ["$ENROLLED_DEVICE.SERIAL_NUMBER"]
    assert made.content["accessible"] == "Default"
    with pytest.raises(Conflict, match="certificate asset"):
        issuers.delete(issuer)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scep_issuer": 99}, "no such SCEP issuer"),
        ({"subject": []}, "say a subject"),
        ({"subject": [{"type": "X", "value": "y"}]}, "an OID or one of"),
        ({"subject_alt_name": {"email": "a@example.com"}}, "has the keys"),
        ({"accessible": "Never"}, "must be one of"),
        ({"key_size": 2048}, "key_size is unknown"),
    ],
)
def test_a_certificate_asset_that_makes_no_sense_is_refused(
    work: None, changes: dict[str, Any], why: str
) -> None:
    ca.create("Test CA")
    issuer = db.session().query(ScepIssuer).one().id
    given = {"scep_issuer": issuer, "subject": [{"type": "CN", "value": "x"}], **changes}
    assert why in refused(make("cert_asset"), json.dumps(given).encode())


def test_a_provisioning_profile_tells_what_it_is(work: None) -> None:
    made = upload(make("provisioning_profile"), provisioning())
    assert (made.content["name"], made.content["uuid"]) == ("Example", "4E0A")
    assert made.content["warnings"] == []


def test_an_expired_provisioning_profile_is_warned_about(work: None) -> None:
    past = datetime(2020, 1, 2, tzinfo=UTC).replace(tzinfo=None)
    made = upload(make("provisioning_profile"), provisioning(ExpirationDate=past))
    assert made.content["expires_at"] == "2020-01-02T00:00:00Z"
    assert made.content["warnings"] == ["The provisioning profile has expired."]


@pytest.mark.settings(ZMDM_ARTIFACT_MAX_SIZE=2048)
def test_what_is_too_large_is_refused_with_the_bound(work: None) -> None:
    assert "at most 2048" in refused(make("profile"), b"x" * 2049)
    assert refused(make("profile", "Other"), b"") == "is empty"
