"""Who gets in with what, and how far."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import (
    Program,
    add_device,
    audit_trail,
    make_token,
    program,
    reading,
)
from zmdm_plugin import Actor, db
from zmdm_plugin.models import ApiToken, Device

CLERK = Actor(id="user:7", label="clerk")


def get(app: Flask, authorization: str | None) -> Any:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return app.test_client().get("/api/mdm/devices/", headers=headers)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_both_schemes_let_a_token_in(app: Flask, scheme: str) -> None:
    assert get(app, f"{scheme} {make_token(app)}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Token",
        "Token ",
        "Basic YWRtaW46YWRtaW4=",
        "Token zmdm_",
        "Token zmdm_" + "A" * 43 + "00000000",
        "Token \u00e4\u00f6\u00fc",
        "Bearer " + "x" * 5000,
    ],
)
def test_anything_else_is_a_401_in_json(app: Flask, authorization: str | None) -> None:
    make_token(app)
    answer = get(app, authorization)
    assert (answer.status_code, answer.json["code"]) == (401, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Token")


def test_a_mistyped_token_is_a_401(app: Flask) -> None:
    text = make_token(app)
    mistyped = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
    assert get(app, f"Token {mistyped}").status_code == 401


def test_an_expired_token_is_a_401(app: Flask) -> None:
    text = make_token(app, days=1)
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(ApiToken).values(expires_at=datetime.now(UTC)))
    assert "expired" in get(app, f"Token {text}").json["message"]


def test_a_revoked_token_is_a_401(app: Flask) -> None:
    text = make_token(app)
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(ApiToken).values(revoked_at=datetime.now(UTC)))
    assert "revoked" in get(app, f"Token {text}").json["message"]


def test_whoever_is_signed_in_at_the_host_is_not_at_the_api(app: Flask) -> None:
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "1"
    assert client.get("/api/mdm/devices/").status_code == 401


def test_the_use_of_a_token_is_remembered(app: Flask) -> None:
    get(app, f"Token {make_token(app)}")
    with reading(app) as session:
        used = session.scalar(sa.select(ApiToken.last_used_at))
    assert datetime.now(UTC) - used < timedelta(minutes=1)


def test_a_token_may_do_what_it_lists_and_no_more(app: Flask) -> None:
    path = f"devices/{add_device(app)}/"
    reader = program(app, "mdm.view_*")
    assert reader.get(path).status_code == 200
    assert reader.post(path + "block/").status_code == 403
    assert reader.post(path + "lock/", {"pin": "123456"}).status_code == 403


def test_a_token_may_never_do_more_than_its_owner(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(authorize=lambda actor, permission, _: permission.startswith("mdm.view_"))
    path = f"devices/{add_device(app)}/"
    everything = program(app, "mdm.*", owner=CLERK)
    assert everything.get(path).status_code == 200
    assert everything.post(path + "block/").status_code == 403


def test_the_host_is_asked_about_the_owner_and_the_device(
    ruled_host: Callable[..., Flask],
) -> None:
    asked: list[tuple[Actor, str, Any]] = []

    def authorize(actor: Actor, permission: str, subject: Any) -> bool:
        asked.append((actor, permission, getattr(subject, "serial_number", None)))
        return True

    app = ruled_host(authorize=authorize)
    device_id = add_device(app)
    clerk = program(app, owner=CLERK)
    asked.clear()
    clerk.get(f"devices/{device_id}/")
    assert asked == [(CLERK, "mdm.view_enrolleddevice", "SERIAL0001")]


def test_lock_and_erase_are_granted_apart(app: Flask) -> None:
    path = f"devices/{add_device(app, apple_silicon=True)}/"
    locks = program(app, "mdm.add_devicecommand.DeviceLock")
    assert locks.post(path + "lock/", {"pin": "123456"}).status_code == 201
    assert locks.post(path + "erase/").status_code == 403
    assert program(app, "mdm.add_devicecommand").post(path + "erase/").status_code == 201


def test_a_denial_is_written_to_the_audit_and_changes_nothing(app: Flask) -> None:
    device_id = add_device(app)
    answer = program(app, "mdm.view_*").post(f"devices/{device_id}/block/")
    assert "mdm.change_enrolleddevice" in answer.json["message"]
    (entry,) = audit_trail(app)
    assert (entry.action, entry.object_id, entry.source_ip) == ("denied", device_id, "127.0.0.1")
    assert "mdm.change_enrolleddevice" in entry.reason
    with reading(app) as session:
        assert session.get(Device, device_id).blocked_at is None


def test_a_row_scope_hides_devices_from_lists_and_by_id(
    ruled_host: Callable[..., Flask],
) -> None:
    def own(actor: Actor, permission: str) -> Any:
        return Device.platform == "tvOS" if actor == CLERK else None

    app = ruled_host(authorize=lambda *_: True, row_scope=own)
    mac, television = add_device(app, 1), add_device(app, 2, platform="tvOS")
    clerk = program(app, owner=CLERK)
    assert [device["id"] for device in clerk.get("devices/").json] == [television]
    assert clerk.get(f"devices/{mac}/").status_code == 404
    assert clerk.post(f"devices/{mac}/block/").status_code == 404
    assert len(program(app).get("devices/").json) == 2


def test_a_host_that_commits_while_it_is_asked_does_no_harm(
    ruled_host: Callable[..., Flask],
) -> None:
    def authorize(actor: Actor, permission: str, subject: Any) -> bool:
        db.session().commit()
        return True

    app = ruled_host(authorize=authorize)
    path = f"devices/{add_device(app)}/block/"
    assert [program(app).post(path).status_code for _ in range(2)] == [200, 409]


@pytest.mark.settings(ZMDM_TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8")
def test_the_source_is_read_from_trusted_proxies(app: Flask, api: Program) -> None:
    api.headers["X-Forwarded-For"] = "6.6.6.6, 203.0.113.9, 10.1.2.3"
    api.post(f"devices/{add_device(app)}/block/")
    assert audit_trail(app)[0].source_ip == "203.0.113.9"


def test_the_source_is_the_peer_where_no_proxy_is_trusted(app: Flask, api: Program) -> None:
    api.headers["X-Forwarded-For"] = "6.6.6.6"
    api.post(f"devices/{add_device(app)}/block/")
    assert audit_trail(app)[0].source_ip == "127.0.0.1"
