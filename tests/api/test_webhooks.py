"""Webhooks for programs: made with a secret that is shown once, changed, told again."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.api.world import Program
from tests.receiver import receiving
from zmdm_plugin import db
from zmdm_plugin.jobs.webhooks import deliver
from zmdm_plugin.models import Webhook
from zmdm_plugin.services import events

ASKED = {"name": "Tickets", "url": "https://example.com/hook", "kinds": ["device.*"]}


def test_the_secret_is_in_the_first_answer_and_in_no_other(api: Program) -> None:
    made = api.post("webhooks/", ASKED)
    assert made.status_code == 201 and made.json["secret"]
    assert made.headers["Cache-Control"] == "no-store"
    one = api.get(f"webhooks/{made.json['id']}/").json
    assert "secret" not in one and one["kinds"] == ["device.*"]
    assert made.json["secret"] not in str(api.get("webhooks/").json)


def test_another_secret_replaces_the_first(api: Program) -> None:
    made = api.post("webhooks/", ASKED).json
    again = api.post(f"webhooks/{made['id']}/secret/").json
    assert again["secret"] not in ("", made["secret"])


def test_a_change_is_in_the_audit_without_the_secret(api: Program, app: Flask) -> None:
    made = api.post("webhooks/", ASKED).json
    path = f"/api/mdm/webhooks/{made['id']}/"
    api.client.patch(path, headers=api.headers, json={"enabled": False})
    [entry, *_] = api.get("audit/", action="webhook.change").json
    assert (entry["before"]["enabled"], entry["after"]["enabled"]) == (True, False)
    assert made["secret"] not in str(api.get("audit/").json)


@pytest.mark.parametrize("change", [{"url": "example.com"}, {"tags": ["Nobody"]}, {"name": ""}])
def test_a_bad_order_is_a_422_that_names_the_field(api: Program, change: dict[str, object]) -> None:
    answer = api.post("webhooks/", {**ASKED, **change})
    assert answer.status_code == 422
    assert next(iter(change)) in str(answer.json)


@pytest.mark.settings(ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")
def test_what_was_not_taken_is_listed_with_the_reason(api: Program, app: Flask) -> None:
    with receiving() as there:
        there.statuses = [418]
        made = api.post("webhooks/", {**ASKED, "url": there.url}).json
        with app.app_context():
            with db.transaction():
                events.record("device.enrolled")
            deliver()
    [left] = api.get(f"webhooks/{made['id']}/deliveries/").json
    assert (left["type"], left["attempts"], left["error"]) == ("device.enrolled", 1, "answered 418")
    assert api.get(f"webhooks/{made['id']}/deliveries/", dead="true").json == []


def test_a_while_is_told_again(api: Program, app: Flask) -> None:
    with app.app_context(), db.transaction():
        events.record("device.enrolled")
    made = api.post("webhooks/", ASKED).json
    path = f"webhooks/{made['id']}/replay/"
    assert api.post(path, {"since": "2000-01-01T00:00:00Z"}).json == {"number": 1}
    assert api.post(path, {"until": "2000-01-01T00:00:00Z"}).status_code == 422
    assert api.post(path, {}).json == {"number": 0}


def test_a_deleted_one_is_gone(api: Program, app: Flask) -> None:
    made = api.post("webhooks/", ASKED).json
    path = f"/api/mdm/webhooks/{made['id']}/"
    assert api.client.delete(path, headers=api.headers).status_code == 204
    with app.app_context():
        assert db.session().get(Webhook, made["id"]) is None
