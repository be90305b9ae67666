"""Identities and Setup Assistant over HTTP."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from tests.api.world import add_device, audit_trail, program
from zmdm_plugin import db
from zmdm_plugin.models import Channel, Device, Identity
from zmdm_plugin.models.base import utcnow


def ends_in(app: Flask, device_id: int, days: int, **changes: object) -> None:
    with app.app_context(), db.transaction() as session:
        row = session.query(Identity).filter_by(device_id=device_id).one()
        row.not_before = utcnow() - timedelta(days=300)
        row.not_after = utcnow() + timedelta(days=days)
        for name, value in changes.items():
            setattr(row, name, value)


def waits(app: Flask, device_id: int) -> None:
    with app.app_context(), db.transaction() as session:
        session.get_one(Device, device_id).awaiting_configuration = True
        channel = session.query(Channel).filter_by(device_id=device_id).one()
        channel.awaiting_since = utcnow() - timedelta(minutes=20)
        channel.awaiting_until = utcnow() - timedelta(minutes=5)


def test_the_first_to_end_comes_first_with_what_is_in_the_way(app: Flask) -> None:
    later, sooner = add_device(app, 1), add_device(app, 2)
    ends_in(app, later, 20)
    ends_in(app, sooner, 5, renewal_state="failed", renewal_failure="no network")
    found = program(app).get("identities/").json
    assert [one["device"] for one in found] == [sooner, later]
    assert found[0]["renewal"]["state"] == "failed"
    assert "No network" in found[0]["renewal"]["why"]


def test_filters_narrow_the_list(app: Flask) -> None:
    one, two = add_device(app, 1), add_device(app, 2)
    ends_in(app, one, 5)
    ends_in(app, two, 200)
    soon = (utcnow() + timedelta(days=30)).isoformat()
    asked = program(app).get
    assert [item["device"] for item in asked("identities/", ends_before=soon).json] == [one]
    assert [item["device"] for item in asked("identities/", device=two).json] == [two]
    assert asked("identities/", renewal="failed").json == []
    assert asked("identities/", renewal="nonsense").status_code == 422


def test_pages_go_on_where_the_last_ended(app: Flask) -> None:
    for number in range(1, 6):
        ends_in(app, add_device(app, number), number)
    pages = list(program(app).pages("identities/", limit=2))
    assert [len(page) for page in pages] == [2, 2, 1]


def test_an_identity_that_is_not_there_is_a_404(app: Flask) -> None:
    assert program(app).get("identities/99/").status_code == 404
    assert program(app).post("identities/99/renew/").status_code == 404


def test_what_cannot_be_renewed_says_why(app: Flask) -> None:
    device = add_device(app, blocked_at=utcnow())
    ends_in(app, device, 5)
    identity = program(app).get("identities/").json[0]["id"]
    answer = program(app).post(f"identities/{identity}/renew/")
    assert (answer.status_code, "blocked" in answer.json["message"]) == (409, True)


def test_a_device_that_waits_is_shown_and_released(app: Flask) -> None:
    device = add_device(app)
    waits(app, device)
    api = program(app)
    shown = api.get(f"devices/{device}/setup_assistant/").json
    assert (shown["awaiting"], shown["stalled"]) == (True, True) and shown["waits_for"]
    assert api.post(f"devices/{device}/setup_assistant/release/").json["name"] == "DeviceConfigured"
    assert audit_trail(app)[-1].action == "setup.release"
    assert [one["id"] for one in api.get("devices/", setup="waiting").json] == [device]


def test_one_that_does_not_wait_is_not_released(app: Flask) -> None:
    device = add_device(app)
    api = program(app)
    assert api.get(f"devices/{device}/setup_assistant/").json["awaiting"] is False
    assert api.post(f"devices/{device}/setup_assistant/release/").status_code == 422
