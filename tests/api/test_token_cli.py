"""flask zmdm token …: make, list, revoke."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result
from flask import Flask

from tests.api.world import audit_trail
from tests.hosts import ADMINISTRATOR


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["zmdm", "token", *arguments])


def create(app: Flask, *more: str) -> Result:
    owner = ("--owner", ADMINISTRATOR.id, "--owner-label", ADMINISTRATOR.label)
    return run(app, "create", "robot", *owner, *(more or ("--permission", "mdm.view_*")))


def status(app: Flask, text: str) -> int:
    headers = {"Authorization": f"Bearer {text.strip()}"}
    return app.test_client().get("/api/mdm/devices/", headers=headers).status_code


def listed(app: Flask) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(app, "list", "--json").output)
    return rows


def test_a_token_made_on_the_command_line_works(app: Flask) -> None:
    assert status(app, create(app).output) == 200


def test_json_carries_id_and_text(app: Flask) -> None:
    made = json.loads(create(app, "--permission", "mdm.*", "--days", "3", "--json").output)
    assert status(app, made["token"]) == 200
    (row,) = listed(app)
    assert (row["id"], row["state"]) == (made["id"], "good")
    assert row["expires_at"] is not None


def test_the_list_never_shows_the_text(app: Flask) -> None:
    text = create(app).output.strip()
    for output in (run(app, "list").output, run(app, "list", "--json").output):
        assert text[:12] in output and text[:20] not in output


def test_a_revoked_token_is_dead_at_once(app: Flask) -> None:
    text = create(app).output
    assert run(app, "revoke", str(listed(app)[0]["id"]), "--yes").exit_code == 0
    assert status(app, text) == 401
    assert listed(app)[0]["state"] == "revoked"
    assert [entry.action for entry in audit_trail(app)] == ["token.revoke", "token.refused"]


def test_revoking_twice_or_nothing_is_one_clear_line(app: Flask) -> None:
    create(app)
    run(app, "revoke", "1", "--yes")
    for token_id in ("1", "99"):
        result = run(app, "revoke", token_id, "--yes")
        assert result.exit_code == 1
        assert result.output.startswith("Error: ") and "Traceback" not in result.output


def test_a_permission_that_does_not_exist_is_refused(app: Flask) -> None:
    result = create(app, "--permission", "mdm.fly_devices")
    assert result.exit_code == 1
    assert "mdm.fly_devices" in result.output
    assert listed(app) == []


def test_permissions_are_listed_with_their_meaning(app: Flask) -> None:
    output = run(app, "permissions").output
    assert "mdm.view_enrolleddevice\t" in output
    assert "mdm.add_devicecommand.EraseDevice\t" in output
