"""Alerts for programs: listed with words, acknowledged, snoozed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.api.world import Program
from zmdm_plugin import db
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.alerts import watch
from zmdm_plugin.services.alerts.condition import Condition, Severity

KIND = "devices.push_dead"


@pytest.fixture(autouse=True)
def two(app: Flask) -> None:
    """A warning and a critical alert."""
    both = [
        Condition(kind=KIND, subject=str(one), severity=one, facts={"devices": 12})
        for one in Severity
    ]
    with app.app_context(), db.transaction():
        watch.note(both, {KIND}, now=utcnow())


def listed(api: Program, **asked: str) -> list[int]:
    return [one["id"] for one in api.get("alerts/", **asked).json]


def test_an_alert_says_what_is_wrong_and_what_to_do(api: Program) -> None:
    one = api.get("alerts/1/").json
    assert one["says"].startswith("Apple calls the push token of 12 devices dead")
    assert (one["state"], one["severity"]) == ("open", "warning")
    assert one["do"].startswith("Enroll them anew")
    assert one["url"] == "https://mdm.example.com/mdm/alerts/1/"
    assert api.get("alerts/3/").status_code == 404


def test_a_list_is_asked_for_by_state_severity_and_condition(api: Program) -> None:
    assert listed(api) == [2, 1]
    assert listed(api, severity="critical") == [2]
    assert listed(api, condition="ca.expires") == []
    assert api.get("alerts/", condition="no.such").status_code == 422
    first = api.get("alerts/", limit="1")
    assert [one["id"] for one in first.json] == [2] and 'rel="next"' in first.headers["Link"]


def test_whoever_acknowledges_leaves_a_note_and_an_audit_entry(api: Program) -> None:
    one = api.post("alerts/1/acknowledge/", {"note": "Is\nordered"}).json
    assert (one["state"], one["note"]) == ("acknowledged", "Is ordered")
    assert one["acknowledged_by"]
    assert (listed(api), listed(api, state="acknowledged")) == ([2], [1])
    [entry] = api.get("audit/", action="alert.acknowledge").json
    assert entry["reason"] == "Is ordered"


@pytest.mark.parametrize(
    "asked", [{"duration": "7d"}, {"until": (utcnow() + timedelta(days=3)).isoformat()}]
)
def test_a_snooze_is_a_while_or_a_moment_and_may_be_ended(
    api: Program, asked: dict[str, str]
) -> None:
    assert api.post("alerts/2/snooze/", asked).json["state"] == "snoozed"
    assert listed(api, state="snoozed") == [2]
    path = "/api/mdm/alerts/2/snooze/"
    assert api.client.delete(path, headers=api.headers).json["state"] == "open"
    assert api.client.delete(path, headers=api.headers).status_code == 409


@pytest.mark.parametrize(
    "asked", [{}, {"duration": "2d"}, {"until": "2020-01-01T00:00:00Z"}, {"until": "tomorrow"}]
)
def test_a_snooze_that_makes_no_sense_is_refused(api: Program, asked: dict[str, str]) -> None:
    assert api.post("alerts/2/snooze/", asked).status_code == 422


def test_what_is_over_is_neither_acknowledged_nor_snoozed(api: Program, app: Flask) -> None:
    with app.app_context(), db.transaction():
        watch.note([], {KIND}, now=utcnow())
    assert listed(api, state="cleared") == [2, 1]
    assert api.post("alerts/1/acknowledge/", {}).status_code == 409
    assert api.post("alerts/1/snooze/", {"duration": "1h"}).status_code == 409
