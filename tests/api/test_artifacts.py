"""Artifacts and their versions, for programs."""

from __future__ import annotations

import io
import json
import plistlib
from base64 import b64encode
from typing import Any

import pytest
from flask import Flask

from tests.api.test_blueprints import change
from tests.api.world import Program, add_device, audit_trail, program, reading
from zmdm_plugin import db
from zmdm_plugin.models import ArtifactVersion, Channel, ChannelArtifact


def wifi(ssid: str = "Office") -> bytes:
    payload = {
        "PayloadType": "com.apple.wifi.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.wifi.1",
        "PayloadUUID": "6E0C2B43-5D8A-4B6E-8E39-6B4D2B6D6F01",
        "SSID_STR": ssid,
        "Password": "correct horse",
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": "com.example.wifi",
            "PayloadUUID": "6E0C2B43-5D8A-4B6E-8E39-6B4D2B6D6F00",
            "PayloadContent": [payload],
        }
    )


def make(api: Program, type_name: str = "profile", name: str = "Wi-Fi", **more: Any) -> int:
    made = api.post("artifacts/", {"type": type_name, "name": name, "platforms": ["macOS"], **more})
    assert made.status_code == 201, made.json
    return int(made.json["id"])


def upload(api: Program, artifact_id: int, source: bytes | None = None, **more: Any) -> Any:
    body = {"source": b64encode(source).decode()} if source is not None else {}
    return api.post(f"artifacts/{artifact_id}/versions/", {**body, **more})


def test_an_artifact_is_made_listed_changed_and_deleted(app: Flask, api: Program) -> None:
    artifact_id = make(api)
    other = make(api, "configuration", "Passcode", requires=[artifact_id])
    assert [one["name"] for one in api.get("artifacts/", type="profile").json] == ["Wi-Fi"]
    assert api.get(f"artifacts/{other}/").json["requires"] == [artifact_id]
    assert change(api, "DELETE", f"artifacts/{artifact_id}/").status_code == 409
    changed = change(api, "PATCH", f"artifacts/{other}/", {"requires": [], "name": "Code"})
    assert (changed.json["requires"], changed.json["name"]) == ([], "Code")
    assert change(api, "DELETE", f"artifacts/{artifact_id}/").status_code == 204
    assert [one["id"] for one in api.get("artifacts/").json] == [other]


def test_a_profile_is_uploaded_and_its_source_is_sealed_and_audited(
    app: Flask, api: Program
) -> None:
    artifact_id = make(api)
    made = upload(api, artifact_id, wifi(), filename="C:\\wifi.mobileconfig")
    assert made.status_code == 201, made.json
    assert made.json["content"]["payload_types"] == ["com.apple.wifi.managed"]
    assert (made.json["number"], made.json["filename"]) == (1, "wifi.mobileconfig")
    path = f"artifacts/{artifact_id}/versions/{made.json['id']}/"
    assert api.get(path).json == made.json
    source = api.get(f"{path}source/")
    assert source.data == wifi()
    assert "wifi.mobileconfig" in source.headers["Content-Disposition"]
    assert audit_trail(app)[-1].action == "artifact.download_source"
    with reading(app) as session:
        stored = session.query(ArtifactVersion).one()
        assert "correct horse" not in f"{stored.source} {stored.content}"


def test_whoever_sees_artifacts_does_not_see_their_sources(app: Flask, api: Program) -> None:
    artifact_id = make(api)
    version = upload(api, artifact_id, wifi()).json["id"]
    seeing = program(app, "mdm.view_artifact")
    path = f"artifacts/{artifact_id}/versions/{version}/"
    assert seeing.get(path).status_code == 200
    assert seeing.get(f"{path}source/").status_code == 403


def test_a_version_comes_as_multipart_with_its_scope(api: Program) -> None:
    artifact_id = make(api)
    form = {
        "source": (io.BytesIO(wifi()), "wifi.mobileconfig"),
        "scope": json.dumps({"platforms": {"macOS": {"min": "14"}}}),
    }
    answer = api.client.post(
        f"/api/mdm/artifacts/{artifact_id}/versions/", headers=api.headers, data=form
    )
    assert answer.status_code == 201, answer.json
    assert answer.json["scope"]["platforms"] == {"macOS": {"min": "14", "max": None}}


def test_an_older_version_is_made_current_and_an_unused_one_deleted(api: Program) -> None:
    artifact_id = make(api)
    first = upload(api, artifact_id, wifi()).json["id"]
    second = upload(api, artifact_id, wifi("Other")).json["id"]
    path = f"artifacts/{artifact_id}/versions/"
    assert [one["id"] for one in api.get(path).json] == [second, first]
    assert api.post(f"{path}{first}/make_current/").json["rank"] == 3
    assert api.post(f"{path}{first}/make_current/").status_code == 409
    assert change(api, "DELETE", f"{path}{second}/").status_code == 204
    assert [one["id"] for one in api.get(path).json] == [first]


def test_the_scope_of_a_version_is_changed_without_another_upload(api: Program) -> None:
    artifact_id = make(api)
    version = upload(api, artifact_id, wifi()).json["id"]
    path = f"artifacts/{artifact_id}/versions/{version}/scope/"
    changed = change(api, "PUT", path, {"scope": {"platforms": {"macOS": {"max": "15"}}}})
    assert changed.json["scope"]["platforms"] == {"macOS": {"min": None, "max": "15"}}
    assert upload(api, artifact_id, wifi()).status_code == 422


@pytest.mark.parametrize(
    ("type_name", "body"),
    [
        ("profile", {"source": b64encode(b"not a profile").decode()}),
        ("profile", {}),
        ("configuration", {"document": {"Type": "com.apple.configuration.unheard", "Payload": {}}}),
        ("configuration", {"document": {"Type": "com.apple.asset.data", "Payload": {}}}),
        ("data_asset", {"source": b64encode(b"PK nothing").decode()}),
        ("provisioning_profile", {"source": b64encode(b"x").decode()}),
        ("cert_asset", {"document": {"scep_issuer": 99, "subject": []}}),
    ],
)
def test_what_no_device_could_use_is_refused_in_words(
    api: Program, type_name: str, body: dict[str, Any]
) -> None:
    answer = api.post(f"artifacts/{make(api, type_name)}/versions/", body)
    assert answer.status_code == 422, answer.json
    assert answer.json["errors"]["json"]


def test_what_became_of_an_artifact_is_counted_and_listed(app: Flask, api: Program) -> None:
    artifact_id, device_id = make(api), add_device(app)
    with app.app_context(), db.transaction() as session:
        channel = session.query(Channel).one()
        row = ChannelArtifact(
            channel_id=channel.id,
            artifact_id=artifact_id,
            status="failed",
            via="command",
            reasons=[{"code": None, "description": "The profile is invalid."}],
        )
        session.add(row)
    path = f"artifacts/{artifact_id}/status/"
    assert api.get(f"{path}count/").json == {"counts": {"failed": 1}}
    (listed,) = api.get(path, status="failed").json
    assert (listed["device"], listed["serial_number"]) == (device_id, "SERIAL0001")
    assert api.get(path, status="installed").json == []


def test_a_device_tells_what_it_should_have_and_why_it_has_not(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    office = api.post("blueprints/", {"name": "Office"}).json["id"]
    for name, scope in (("Wi-Fi", None), ("Later", {"platforms": {"macOS": {"min": "99"}}})):
        artifact_id = make(api, name=name)
        upload(api, artifact_id, wifi())
        api.post(f"blueprints/{office}/artifacts/", {"artifact": artifact_id, "scope": scope})
    change(api, "PUT", f"devices/{device_id}/blueprint/", {"blueprint": office})
    first, second = api.get(f"devices/{device_id}/artifacts/").json
    assert (first["name"], first["status"], first["wanted_version"]["number"]) == (
        "Wi-Fi",
        "planned",
        1,
    )
    assert (second["name"], second["status"]) == ("Later", "left_out")
    assert second["reason"] == "It needs 99 or newer; the device has 14.2.1."


def failing(app: Flask, api: Program) -> tuple[int, int]:
    """A device, and an artifact that it refused."""
    artifact_id, device_id = make(api), add_device(app)
    upload(api, artifact_id, wifi())
    office = api.post("blueprints/", {"name": "Office"}).json["id"]
    api.post(f"blueprints/{office}/artifacts/", {"artifact": artifact_id})
    change(api, "PUT", f"devices/{device_id}/blueprint/", {"blueprint": office})
    with app.app_context(), db.transaction() as session:
        channel = session.query(Channel).one()
        channel.plan_due_at = channel.push_due_at = None
        row = ChannelArtifact(
            channel_id=channel.id,
            artifact_id=artifact_id,
            status="failed",
            via="command",
            attempts=3,
            reasons=[{"code": None, "description": "The profile is invalid."}],
        )
        session.add(row)
    return device_id, artifact_id


def test_the_obstacle_is_named_and_every_rule_before_it(app: Flask, api: Program) -> None:
    device_id, artifact_id = failing(app, api)
    found = api.get(f"devices/{device_id}/artifacts/{artifact_id}/explain/").json
    assert found["obstacle"]["rule"] == "retries"
    assert "The profile is invalid" in found["obstacle"]["words"]
    before = found["steps"][: found["steps"].index(found["obstacle"])]
    assert before[0]["rule"] == "enrolled" and all(step["ok"] for step in before)
    assert api.get(f"devices/{device_id}/artifacts/999/explain/").status_code == 404
    assert (
        api.get(f"devices/{device_id}/artifacts/{artifact_id}/explain/", channel=9).status_code
        == 404
    )


def test_what_failed_is_tried_again_at_once_by_hand(app: Flask, api: Program) -> None:
    device_id, artifact_id = failing(app, api)
    answer = api.post(f"devices/{device_id}/artifacts/{artifact_id}/retry/")
    assert answer.status_code == 200, answer.json
    assert audit_trail(app)[-1].action == "device.retry_artifact"
    with reading(app) as session:
        channel, row = session.query(Channel).one(), session.query(ChannelArtifact).one()
        assert channel.plan_due_at is not None and channel.push_due_at is not None
        assert (row.attempts, row.retry_count, row.next_try_at) == (0, 1, None)


def test_there_is_nothing_to_try_again_where_nothing_is_wanted(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/artifacts/{make(api)}/retry/"
    assert api.post(path).status_code == 409
