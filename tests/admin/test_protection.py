"""Configurations that protect Macs, made and given to a blueprint on screens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from tests import fleet
from zmdm_plugin import db
from zmdm_plugin.models import FileVaultConfig, MDMBlueprint, RecoveryPasswordConfig

Make = Callable[..., Flask]
DISKS = {
    "name": "Disks",
    "escrow_location_display_name": "Example Inc.",
    "at_login_only": "1",
    "bypass_attempts": "3",
    "prk_rotation_interval_days": "90",
    "prk_reveal_rotation_delay": "60",
}
START = {"name": "Start", "static_password": "correct horse"}
NUMBERS = {"rotation_interval_days": "0", "reveal_rotation_delay": "60"}


def test_a_configuration_is_made_and_a_blueprint_has_it(make_host: Make, post: Any) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 1)
    client = app.test_client()
    assert post(client, "/mdm/filevault_configs/edit/", **DISKS).status_code == 303
    assert "put off 3 times at most" in client.get("/mdm/filevault_configs/1/").text
    blueprint = {
        "name": "Macs",
        "inventory_interval": "24",
        "collect_apps": "no",
        "collect_certificates": "no",
        "collect_profiles": "no",
        "filevault_config": "1",
        "admin_password_rotation_interval_days": "30",
        "admin_password_reveal_rotation_delay": "0",
    }
    made = post(client, "/mdm/blueprints/edit/", **blueprint)
    assert made.status_code == 303, made.text
    with app.app_context():
        row = db.session().get(MDMBlueprint, 1)
        assert row is not None and db.session().get(FileVaultConfig, row.filevault_config_id)
        assert row.admin_password_rotation_interval_days == 30


def test_what_contradicts_itself_is_said_at_its_field(make_host: Make, post: Any) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 1)
    client = app.test_client()
    wrong = post(client, "/mdm/filevault_configs/edit/", **{**DISKS, "bypass_attempts": "many"})
    assert wrong.status_code == 422 and "whole number" in wrong.text
    both = {**START, **NUMBERS, "dynamic_password": "1"}
    refused = post(client, "/mdm/recovery_password_configs/edit/", **both)
    assert refused.status_code == 422 and "correct horse" not in refused.text


def test_a_static_password_is_kept_and_never_shown(make_host: Make, post: Any) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 1)
    client = app.test_client()
    form = {**START, **NUMBERS}
    assert post(client, "/mdm/recovery_password_configs/edit/", **form).status_code == 303
    address = "/mdm/recovery_password_configs/edit/?config=1"
    assert post(client, address, **{**form, "static_password": ""}).status_code == 303
    with app.app_context():
        row = db.session().get(RecoveryPasswordConfig, 1)
        assert row is not None and (row.generation, row.dynamic_password) == (1, False)
    pages = client.get(address).text + client.get("/mdm/recovery_password_configs/1/").text
    assert "correct horse" not in pages
