"""Blueprints, what they bring, and the blueprint of a device, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, add_device, audit_trail, program, reading
from zmdm_plugin import db
from zmdm_plugin.models import Channel, Device, PushCertificate, ScepIssuer
from zmdm_plugin.services import ca

MACS = {"platforms": {"macOS": {"min": "14"}}}


def change(api: Program, method: str, path: str, body: Any = None) -> Any:
    return api.client.open(f"/api/mdm/{path}", method=method, headers=api.headers, json=body or {})


@pytest.fixture
def office(api: Program) -> int:
    return int(api.post("blueprints/", {"name": "Office"}).json["id"])


@pytest.fixture
def wifi(api: Program) -> int:
    asked = {"type": "profile", "name": "Wi-Fi", "platforms": ["macOS"]}
    return int(api.post("artifacts/", asked).json["id"])


def test_a_blueprint_is_made_changed_and_deleted(app: Flask, api: Program, office: int) -> None:
    path = f"blueprints/{office}/"
    assert api.get(path).json["inventory_interval"] == 86400
    changed = change(api, "PATCH", path, {"collect_apps": "managed", "name": "Office Macs"})
    assert (changed.json["collect_apps"], changed.json["name"]) == ("managed", "Office Macs")
    assert change(api, "DELETE", path).status_code == 204
    assert api.get(path).status_code == 404
    actions = [entry.action for entry in audit_trail(app)]
    assert actions == ["blueprint.create", "blueprint.change", "blueprint.delete"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Office"},
        {"name": " "},
        {"name": "New", "inventory_interval": 60},
        {"name": "New", "collect_apps": "some"},
        {"name": "New", "color": "red"},
        {},
    ],
)
def test_what_a_blueprint_cannot_be_is_refused(
    api: Program, office: int, wrong: dict[str, Any]
) -> None:
    assert api.post("blueprints/", wrong).status_code == 422


def test_an_artifact_is_linked_scoped_and_unlinked(api: Program, office: int, wifi: int) -> None:
    made = api.post(f"blueprints/{office}/artifacts/", {"artifact": wifi})
    assert made.status_code == 201, made.json
    assert made.json["artifact"] == {"id": wifi, "name": "Wi-Fi", "type": "profile"}
    assert made.json["scope"]["platforms"] == {"macOS": {"min": None, "max": None}}
    path = f"blueprints/{office}/artifacts/{wifi}/"
    scoped = change(api, "PUT", path, {"scope": {**MACS, "default_shard": 20}})
    assert scoped.json["scope"]["platforms"] == {"macOS": {"min": "14", "max": None}}
    assert scoped.json["scope"]["default_shard"] == 20
    assert api.get(path).json == api.get(f"blueprints/{office}/artifacts/").json[0]
    assert change(api, "DELETE", path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_second_link_and_a_scope_that_does_not_fit_are_refused(
    api: Program, office: int, wifi: int
) -> None:
    path = f"blueprints/{office}/artifacts/"
    wrong = api.post(path, {"artifact": wifi, "scope": {"platforms": {"iOS": {}}}})
    assert "not for iOS" in wrong.json["message"]
    assert api.post(path, {"artifact": wifi}).status_code == 201
    assert "already" in api.post(path, {"artifact": wifi}).json["message"]
    assert api.post(path, {"artifact": 999}).status_code == 422


def test_an_operators_choice_is_kept_and_wakes_every_channel(
    app: Flask, api: Program, office: int
) -> None:
    device_id = add_device(app)
    put = change(api, "PUT", f"devices/{device_id}/blueprint/", {"blueprint": office})
    assert put.json["blueprint"]["name"] == "Office"
    assert put.json["chosen_by"]
    with reading(app) as session:
        channel = session.query(Channel).one()
        assert channel.plan_due_at is not None and channel.push_due_at is not None
        assert session.get(Device, device_id).blueprint_id == office
    assert change(api, "DELETE", f"blueprints/{office}/").status_code == 409
    gone = change(api, "PUT", f"devices/{device_id}/blueprint/", {"blueprint": None})
    assert gone.json["blueprint"] is None
    assert change(api, "DELETE", f"blueprints/{office}/").status_code == 204


def test_a_blueprint_that_does_not_exist_is_refused(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/blueprint/"
    assert change(api, "PUT", path, {"blueprint": 77}).status_code == 422


def test_seeing_is_not_changing(app: Flask, office: int) -> None:
    seeing = program(app, "mdm.view_blueprint")
    assert seeing.get("blueprints/").status_code == 200
    assert seeing.post("blueprints/", {"name": "Mine"}).status_code == 403
    assert change(seeing, "DELETE", f"blueprints/{office}/").status_code == 403


def test_an_enrollment_names_the_blueprint_of_its_devices(
    app: Flask, api: Program, office: int
) -> None:
    with app.app_context(), db.transaction() as session:
        certificate = PushCertificate(name="push", topic="com.apple.mgmt.External.test")
        session.add(certificate)
        ca.create("Test CA")
        session.flush()
        issuer = session.query(ScepIssuer).one()
        ids = {"push_certificate": certificate.id, "scep_issuer": issuer.id}
    asked = {"kind": "manual", "name": "Lab", "blueprint": office, **ids}
    assert api.post("enrollments/", {**asked, "blueprint": 77}).status_code == 422
    made = api.post("enrollments/", asked)
    assert made.json["blueprint"] == office
    assert change(api, "DELETE", f"blueprints/{office}/").status_code == 409
    path = f"enrollments/{made.json['id']}/"
    assert change(api, "PATCH", path, {"blueprint": 77}).status_code == 422
    assert change(api, "PATCH", path, {"blueprint": None}).json["blueprint"] is None


def test_a_tag_that_a_scope_looks_at_cannot_be_deleted(
    api: Program, office: int, wifi: int
) -> None:
    tag = api.post("tags/", {"name": "Lab"}).json["id"]
    scope = {**MACS, "excluded_tags": [tag]}
    api.post(f"blueprints/{office}/artifacts/", {"artifact": wifi, "scope": scope})
    refused = change(api, "DELETE", f"tags/{tag}/")
    assert refused.status_code == 409
    assert "“Wi-Fi” in the blueprint “Office”" in refused.json["message"]
