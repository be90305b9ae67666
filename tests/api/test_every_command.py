"""Each command that people may order: its own permission lets a program order it, a device that
cannot do it refuses in words."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.api.world import Program, add_device, program
from zmdm_plugin.commands import registry

PHONE = {"platform": "iOS", "os_version": "18.1", "model": "iPhone16,1", "supervised": True}
KINDS: tuple[dict[str, Any], ...] = (
    {"platform": "tvOS", "os_version": "9.0", "payload": {"access_rights": 0}},
    {"apple_silicon": True, "supervised": True},
    {**PHONE, "lost_mode": True, "unlock_token_escrowed": True},
    {**PHONE, "platform": "iPadOS", "shared_ipad": True},
    {**PHONE, "awaiting_configuration": True},
)
BODIES = {"Settings": {"device_name": "Ada"}, "DeleteUser": {"user_name": "ada"}}
"""Where the documented example names more than one kind of device can do."""
ORDERS = [command for command in registry if command.manual]


def test_each_command_is_ordered_by_its_own_permission_and_refused_in_words(
    app: Flask, client: FlaskClient
) -> None:
    schemas = client.get("/api/mdm/openapi.json").json["components"]["schemas"]
    ids = [add_device(app, number, **facts) for number, facts in enumerate(KINDS)]
    nobody = program(app, "mdm.view_*")
    for command in ORDERS:
        name = command.name
        body = BODIES.get(name) or schemas[f"{name}Args"]["examples"][0]
        # Custom asks for the permission of what it carries.
        api = program(app, command.permission, "mdm.add_devicecommand.UserList")
        assert _order(nobody, ids[0], name, body) == (403, ""), name
        answers: dict[int, str] = {}
        for device_id in ids:
            if not answers.keys() >= {201, 422}:
                answers.update([_order(api, device_id, name, body)])
        assert 201 in answers or name == "UserConfigured", name
        assert name == "DeviceInformation" or answers[422].endswith("."), name


def _order(api: Program, device_id: int, name: str, body: Any) -> tuple[int, str]:
    """The status, and what is said against it."""
    answer = api.post(f"devices/{device_id}/commands/{name}/", body)
    return answer.status_code, answer.json["message"] if answer.status_code == 422 else ""
