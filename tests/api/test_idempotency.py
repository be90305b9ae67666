"""Idempotency-Key: carried out once, answered as often as asked."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import fleet
from tests.api.world import Program, add_device, audit_trail, program, reading
from zmdm_plugin import db
from zmdm_plugin.models import ChannelCommand, Device, IdempotentRequest
from zmdm_plugin.services import sweep


def send(api: Program, path: str, body: object = None, key: str = "one", **query: Any) -> Any:
    headers = {**api.headers, "Idempotency-Key": key}
    sent = {} if body is None else {"json": body}
    return api.client.post(f"/api/mdm/{path}", headers=headers, query_string=query, **sent)


def queued(app: Flask) -> int:
    with reading(app) as session:
        return int(session.scalar(sa.select(sa.func.count()).select_from(ChannelCommand)))


def age(app: Flask, **past: float) -> None:
    with app.app_context(), db.transaction() as session:
        moment = datetime.now(UTC) - timedelta(**past)
        session.execute(sa.update(IdempotentRequest).values(created_at=moment))


def test_the_same_request_is_carried_out_once_and_answered_alike(any_app: Flask) -> None:
    api, path = program(any_app), f"devices/{add_device(any_app)}/lock/"
    first, second = (send(api, path, {"pin": "123456"}) for _ in range(2))
    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert first.status_code == 201 and "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.content_type == first.content_type
    assert queued(any_app) == len(audit_trail(any_app)) == 1


def test_another_key_is_another_request(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/SecurityInfo/"
    answers = [send(api, path, key=key) for key in ("one", "two")]
    assert answers[0].json["uuid"] != answers[1].json["uuid"]


@pytest.mark.parametrize(
    ("path", "body", "query"),
    [
        ("devices/1/lock/", {"pin": "654321"}, {}),
        ("devices/1/lock/", {"pin": "123456"}, {"expires_at": "2099-01-01T00:00:00Z"}),
        ("devices/1/block/", None, {}),
    ],
)
def test_the_same_key_for_another_request_is_a_422(
    app: Flask, api: Program, path: str, body: object, query: dict[str, str]
) -> None:
    add_device(app)
    assert send(api, "devices/1/lock/", {"pin": "123456"}).status_code == 201
    answer = send(api, path, body, **query)
    assert (answer.status_code, list(answer.json["errors"]["headers"])) == (
        422,
        ["Idempotency-Key"],
    )
    assert queued(app) == 1


def test_a_key_belongs_to_its_token(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/SecurityInfo/"
    assert send(api, path).json["uuid"] != send(program(app), path).json["uuid"]


def test_an_error_does_nothing_so_that_it_is_not_kept(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/"
    assert send(api, path + "unblock/").status_code == 409
    assert api.post(path + "block/").status_code == 200
    assert send(api, path + "unblock/").status_code == 200


def test_a_denial_keeps_no_key(app: Flask) -> None:
    path = f"devices/{add_device(app)}/block/"
    assert send(program(app, "mdm.view_*"), path).status_code == 403
    with reading(app) as session:
        assert session.scalar(sa.select(sa.func.count(IdempotentRequest.id))) == 0


def test_an_answer_is_repeated_to_whoever_may_still_order_it(
    ruled_host: Callable[..., Flask],
) -> None:
    taken: set[str] = set()
    app = ruled_host(authorize=lambda _actor, permission, _subject: permission not in taken)
    api, path = program(app), f"devices/{add_device(app)}/lock/"
    assert send(api, path, {"pin": "123456"}).status_code == 201
    taken |= {"mdm.add_devicecommand", "mdm.add_devicecommand.DeviceLock"}
    assert send(api, path, {"pin": "123456"}).status_code == 403
    assert [entry.action for entry in audit_trail(app)] == ["command.queue", "denied"]
    taken.clear()
    assert send(api, path, {"pin": "123456"}).headers["Idempotency-Replayed"] == "true"


def test_the_device_of_an_answer_is_asked_about_again(ruled_host: Callable[..., Flask]) -> None:
    mine: list[str] = ["SERIAL0001", "SERIAL0002"]
    app = ruled_host(
        authorize=lambda _actor, _permission, subject: (
            getattr(subject, "serial_number", mine[0]) in mine
        ),
        row_scope=lambda *_: Device.serial_number.in_(mine),
    )
    api, device_id = program(app), add_device(app)
    assert send(api, f"devices/{device_id}/block/").status_code == 200
    mine.remove("SERIAL0001")
    assert send(api, f"devices/{device_id}/block/").status_code == 404


def test_another_row_of_an_answer_is_asked_about_again(ruled_host: Callable[..., Flask]) -> None:
    asked: list[tuple[str, int | None]] = []

    def authorize(_actor: object, permission: str, subject: object) -> bool:
        asked.append((permission, getattr(subject, "id", None)))
        return True

    app = ruled_host(authorize=authorize)
    fleet.fill(app, 1)
    api = program(app)
    assert send(api, "enrollments/1/revoke/").status_code == 200
    asked.clear()
    assert send(api, "enrollments/1/revoke/").status_code == 200
    assert ("mdm.change_enrollment", 1) in asked


def test_a_last_slash_more_or_less_is_the_same_request(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/SecurityInfo"
    assert send(api, path).json["uuid"] == send(api, path + "/").json["uuid"]


def test_after_a_day_a_key_is_free_again(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/SecurityInfo/"
    first = send(api, path).json["uuid"]
    age(app, hours=23)
    assert send(api, path).json["uuid"] == first
    age(app, hours=25)
    assert send(api, path).json["uuid"] != first


def test_the_sweep_forgets_keys_after_a_day(app: Flask, api: Program) -> None:
    send(api, f"devices/{add_device(app)}/commands/SecurityInfo/")
    age(app, hours=25)
    with app.app_context(), db.transaction():
        assert sweep.run(now=datetime.now(UTC))["keys"] == 1


def test_eight_at_once_are_carried_out_once(pg_app: Flask) -> None:
    path = f"devices/{add_device(pg_app)}/commands/SecurityInfo/"
    authorization, together = program(pg_app).headers, threading.Barrier(8)

    def one(_number: int) -> Any:
        api = Program(pg_app.test_client(), authorization)
        together.wait()
        return send(api, path)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(one, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["uuid"] for answer in answers}) == queued(pg_app) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 7


def test_an_action_whose_answer_was_lost_is_not_repeated(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/SecurityInfo/"
    send(api, path)
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(IdempotentRequest).values(answer=None, status=None))
    assert send(api, path).status_code == 409
    assert queued(app) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "\u00e4"])
def test_a_senseless_key_is_a_422(app: Flask, api: Program, key: str) -> None:
    answer = send(api, f"devices/{add_device(app)}/block/", key=key)
    assert answer.status_code == 422


def test_what_is_kept_is_sealed(app: Flask, api: Program) -> None:
    made = send(api, "tokens/", {"name": "new", "permissions": ["mdm.view_*"]})
    assert send(api, "tokens/", {"name": "new", "permissions": ["mdm.view_*"]}).data == made.data
    with reading(app) as session:
        assert made.json["token"] not in session.scalar(sa.select(IdempotentRequest.answer))


def test_a_file_sent_again_with_another_boundary_is_the_same_request(
    app: Flask, api: Program
) -> None:
    path = f"/api/mdm/devices/{add_device(app)}/commands/InstallProfile/"
    profile = b"""<plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string>
    <key>PayloadIdentifier</key><string>com.example</string><key>PayloadUUID</key>
    <string>4EC709BA-542E-4ADF-8002-7D782E9EAE9E</string><key>PayloadVersion</key>
    <integer>1</integer><key>PayloadContent</key><array/></dict></plist>"""
    headers = {**api.headers, "Idempotency-Key": "file"}
    answers = [
        api.client.post(path, headers=headers, data={"profile": (io.BytesIO(profile), name)})
        for name in ("a.mobileconfig", "b.mobileconfig")
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].json
    assert answers[0].data == answers[1].data
