"""FileVault and recovery password configurations over HTTP: limits, and never a password."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, program

FILEVAULT, RECOVERY = "filevault_configs/", "recovery_password_configs/"
DISKS = {"name": "Disks", "escrow_location_display_name": "Example Inc."}


@pytest.fixture
def api(app: Flask) -> Program:
    return program(app)


def put(api: Program, path: str, body: Any) -> Any:
    return api.client.put(f"/api/mdm/{path}", headers=api.headers, json=body)


def test_a_configuration_is_made_changed_used_and_deleted(api: Program) -> None:
    made = api.post(FILEVAULT, DISKS)
    assert made.status_code == 201, made.json
    path = f"{FILEVAULT}{made.json['id']}/"
    changed = put(api, path, {"at_login_only": True, "bypass_attempts": 3})
    assert (changed.json["name"], changed.json["bypass_attempts"]) == ("Disks", 3)
    blueprint = api.post("blueprints/", {"name": "Macs", "filevault_config": made.json["id"]})
    assert blueprint.json["filevault_config"] == made.json["id"]
    assert api.get(path).json["blueprints"] == [blueprint.json["id"]]
    url = f"/api/mdm/{path}"
    assert api.client.delete(url, headers=api.headers).status_code == 409
    api.client.patch(
        f"/api/mdm/blueprints/{blueprint.json['id']}/",
        headers=api.headers,
        json={"filevault_config": None},
    )
    assert api.client.delete(url, headers=api.headers).status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (FILEVAULT, {**DISKS, "bypass_attempts": 1}, "bypass_attempts"),
        (FILEVAULT, {**DISKS, "at_login_only": True}, "bypass_attempts"),
        (FILEVAULT, {**DISKS, "prk_reveal_rotation_delay": 4}, "prk_reveal_rotation_delay"),
        (FILEVAULT, {**DISKS, "prk_rotation_interval_days": 367}, "prk_rotation_interval_days"),
        (RECOVERY, {"name": "R", "static_password": "correct horse"}, "static_password"),
        (RECOVERY, {"name": "R", "dynamic_password": False}, "static_password"),
        (
            RECOVERY,
            {"name": "R", "rotate_firmware_password": True, "reveal_rotation_delay": 0},
            "rotate_firmware_password",
        ),
        ("blueprints/", {"name": "B", "recovery_password_config": 9}, "recovery_password_config"),
    ],
)
def test_what_contradicts_itself_is_refused(
    api: Program, path: str, body: dict[str, Any], field: str
) -> None:
    refused = api.post(path, body)
    assert refused.status_code == 422 and field in str(refused.json["errors"]), refused.json


def test_a_static_password_is_never_shown_and_stays_until_another_comes(api: Program) -> None:
    one_for_all = {
        "name": "Start",
        "dynamic_password": False,
        "static_password": "correct horse",
        "reveal_rotation_delay": 0,
    }
    made = api.post(RECOVERY, one_for_all)
    assert made.status_code == 201, made.json
    kept = put(api, f"{RECOVERY}{made.json['id']}/", {"name": "Macs"})
    assert (kept.status_code, kept.json["dynamic_password"]) == (200, False)
    said = made.text + kept.text + api.get(RECOVERY).text
    assert "correct horse" not in said and "static_password" not in said
