"""Tokens over HTTP: made, shown once, never more than their maker, revoked; refused ones written
down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.world import Program, add_device, audit_trail, make_token, program
from zmdm_plugin import Actor, db, policy
from zmdm_plugin.models import ApiToken, AuditEntry
from zmdm_plugin.services import token_guard

CLERK = Actor(id="user:7", label="clerk")
READ = ["mdm.view_enrolleddevice"]


def make(api: Program, *permissions: str, **more: Any) -> TestResponse:
    return api.post("tokens/", {"name": "robot", "permissions": permissions or READ, **more})


def using(app: Flask, text: str, path: str = "devices/") -> TestResponse:
    headers = {"Authorization": f"Token {text}"}
    return app.test_client().get(f"/api/mdm/{path}", headers=headers)


def test_a_token_is_made_shown_once_and_works(app: Flask, api: Program) -> None:
    made = make(api)
    assert made.status_code == 201
    assert using(app, made.json["token"]).status_code == 200
    shown = api.get(f"tokens/{made.json['id']}/")
    assert "token" not in shown.json and made.json["token"] not in shown.text
    assert made.json["token"].startswith(shown.json["prefix"])
    assert (shown.json["owner_id"], shown.json["permissions"]) == ("user:1", READ)


def test_a_token_ends_when_it_says(app: Flask, api: Program) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    made = make(api, expires_at=until.isoformat())
    assert datetime.fromisoformat(made.json["expires_at"]) == until
    past = make(api, expires_at="2020-01-01T00:00:00Z")
    assert past.status_code == 422 and "expires_at" in past.json["errors"]["json"]


@pytest.mark.parametrize(
    ("own", "wanted", "status"),
    [
        (["mdm.*"], ["mdm.*"], 201),
        (["mdm.*"], ["mdm.view_*"], 201),
        (["mdm.add_apitoken", "mdm.view_*"], ["mdm.view_e*"], 201),
        (["mdm.add_apitoken", "mdm.add_devicecommand"], ["mdm.add_devicecommand.DeviceLock"], 201),
        (["mdm.add_apitoken", "mdm.view_enrolleddevice"], ["mdm.view_e*"], 422),
        (["mdm.add_apitoken", "mdm.view_enrolleddevice"], ["mdm.*"], 422),
        (["mdm.add_apitoken"], ["mdm.change_enrolleddevice"], 422),
        (["mdm.add_apitoken", "mdm.add_devicecommand.DeviceLock"], ["mdm.add_devicecommand"], 422),
        (["mdm.view_*"], ["mdm.view_enrolleddevice"], 403),
    ],
)
def test_a_token_makes_none_that_may_more(
    app: Flask, own: list[str], wanted: list[str], status: int
) -> None:
    assert make(program(app, *own), *wanted).status_code == status


@pytest.mark.parametrize(
    "wanted", ["host.*", "mdm.vi[ew]*", "mdm.view_?nrolleddevice", "mdm.nothing", "", "mdm.\nx"]
)
def test_what_is_no_permission_is_a_422(api: Program, wanted: str) -> None:
    assert make(api, wanted).status_code == 422


def test_what_the_owner_has_nothing_of_is_refused(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(authorize=lambda _, name, __: policy.allows("operator", name))
    operator = program(app, owner=CLERK)
    assert make(operator, "mdm.view_enrolleddevice").status_code == 201
    refused = make(operator, "mdm.view_auditentry")
    assert refused.status_code == 422 and "clerk" in refused.json["message"]


def test_a_revoked_token_ends_at_once_and_only_once(app: Flask, api: Program) -> None:
    made = make(api).json
    assert api.post(f"tokens/{made['id']}/revoke/").json["revoked_at"].endswith("Z")
    assert using(app, made["token"]).status_code == 401
    assert api.post(f"tokens/{made['id']}/revoke/").status_code == 409
    assert api.post("tokens/999/revoke/").status_code == 404


def test_one_sees_and_revokes_ones_own_tokens_only(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(authorize=lambda _, name, __: policy.allows("operator", name))
    other = program(app)
    theirs = make(other).json["id"]
    clerk = program(app, owner=CLERK)
    own = make(clerk).json["id"]
    assert {row["owner_id"] for row in clerk.get("tokens/").json} == {CLERK.id}
    assert clerk.get(f"tokens/{own}/").status_code == 200
    assert clerk.get(f"tokens/{theirs}/").status_code == 403
    assert clerk.post(f"tokens/{theirs}/revoke/").status_code == 403
    assert clerk.post(f"tokens/{own}/revoke/").status_code == 200


def test_whoever_may_sees_everybodys(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(authorize=lambda *_: True)
    program(app, owner=CLERK)
    seen = program(app, "mdm.view_apitoken").get("tokens/").json
    assert {row["owner_label"] for row in seen} == {"clerk", "admin@example.com"}


def test_without_a_permission_one_sees_none(app: Flask) -> None:
    reader = program(app, "mdm.view_enrolleddevice")
    assert reader.get("tokens/").status_code == 403
    assert reader.get("permissions/").status_code == 403


def test_permissions_tell_which_are_held(app: Flask) -> None:
    listed = program(app, "mdm.add_apitoken", "mdm.view_e*").get("permissions/").json
    held = {row["name"] for row in listed if row["held"]}
    seen = {"mdm.view_enrolleddevice", "mdm.view_enrollment", "mdm.view_event"}
    assert held == {"mdm.add_apitoken", *seen}
    assert all(row["meaning"].endswith(".") for row in listed)


def test_making_and_revoking_are_in_the_audit_without_the_text(app: Flask, api: Program) -> None:
    made = make(api).json
    api.post(f"tokens/{made['id']}/revoke/")
    with app.app_context():
        entries = db.session().scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries[1:]] == ["token.create", "token.revoke"]
    assert entries[1].object_id == made["id"] and entries[1].token_name == "test"
    assert all(made["token"] not in str(entry.after) for entry in entries)


def test_a_refused_token_is_written_down_with_its_owner(app: Flask, api: Program) -> None:
    made = make(api).json
    api.post(f"tokens/{made['id']}/revoke/")
    using(app, made["token"])
    using(app, "zmdm_nonsense")
    known, unknown = (entry for entry in audit_trail(app) if entry.action == "token.refused")
    assert (known.actor_id, known.object_id) == ("user:1", made["id"])
    assert known.reason == "the token was revoked"
    assert (unknown.actor_id, unknown.source_ip) == ("unknown", "127.0.0.1")


def test_no_credentials_at_all_are_a_401_that_nobody_needs_to_know_of(app: Flask) -> None:
    assert app.test_client().get("/api/mdm/devices/").status_code == 401
    assert audit_trail(app) == []


def test_refused_tokens_are_limited_and_good_ones_still_let_in(app: Flask, api: Program) -> None:
    answers = [using(app, "zmdm_wrong") for _ in range(token_guard.PER_ADDRESS + 5)]
    assert [one.status_code for one in answers[-6:]] == [401] + [429] * 5
    assert answers[-1].headers["Retry-After"] == "60" and answers[-1].json["code"] == 429
    assert len(audit_trail(app)) == token_guard.PER_ADDRESS
    assert api.get("devices/").status_code == 200


def test_the_limit_is_over_after_a_minute(app: Flask) -> None:
    for _ in range(token_guard.PER_ADDRESS + 1):
        using(app, "zmdm_wrong")
    with app.app_context(), db.transaction() as session:
        a_minute_ago = datetime.now(UTC) - timedelta(seconds=61)
        session.execute(sa.update(AuditEntry).values(created_at=a_minute_ago))
    assert using(app, "zmdm_wrong").status_code == 401


def test_a_device_route_knows_no_tokens(app: Flask) -> None:
    for _ in range(token_guard.PER_ADDRESS + 1):
        using(app, "zmdm_wrong")
    headers = {"Authorization": "Token zmdm_wrong"}
    answer = app.test_client().put("/public/mdm/connect/", headers=headers, data=b"x")
    assert answer.status_code == 400


def test_an_id_beyond_the_database_is_a_404(api: Program) -> None:
    assert api.get("tokens/9999999999999999999/").status_code == 404


def test_a_token_of_somebody_who_lost_everything_may_nothing(
    ruled_host: Callable[..., Flask],
) -> None:
    role = {"clerk": "operator"}
    app = ruled_host(authorize=lambda actor, name, _: policy.allows(role.get(actor.label), name))
    text = make_token(app, "mdm.view_enrolleddevice", owner=CLERK)
    add_device(app)
    assert using(app, text).status_code == 200
    role.clear()
    assert using(app, text).status_code == 403
    with app.app_context():
        assert db.session().scalars(sa.select(ApiToken.revoked_at)).all() == [None]
