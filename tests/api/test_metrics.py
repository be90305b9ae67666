"""/metrics/mdm/: closed by default, parsable, and true to the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.api.world import add_device, program
from zmdm_plugin import clock, db
from zmdm_plugin.jobs import JOBS
from zmdm_plugin.models import Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events
from zmdm_plugin.services.metrics import counters

TOKEN = "a-token-of-twenty-characters"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def watched(make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    return make_app(sqlite_url, ZMDM_METRICS_TOKEN=TOKEN, ZMDM_REDIS_URL="")


def scrape(app: Flask) -> Samples:
    answer = app.test_client().get("/metrics/mdm/", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"zmdm_{name}", frozenset(labels.items())))


def enroll(app: Flask, number: int) -> None:
    with app.app_context(), db.transaction():
        for _ in range(number):
            events.record("device.enrolled")


@pytest.mark.parametrize("sent", [None, "Bearer wrong", f"Token {TOKEN}", f"Basic {TOKEN}"])
def test_nobody_gets_numbers_without_the_token(watched: Flask, sent: str | None) -> None:
    headers = {"Authorization": sent} if sent else {}
    answer = watched.test_client().get("/metrics/mdm/", headers=headers)
    assert answer.status_code == 401 and "zmdm_devices" not in answer.text


def test_an_empty_setting_is_no_token(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/metrics/mdm/").status_code == 401
    assert client.get("/metrics/mdm/", headers={"Authorization": "Bearer "}).status_code == 401


def test_an_api_token_needs_the_permission(app: Flask) -> None:
    for permission, status in (("mdm.view_metrics", 200), ("mdm.view_tag", 403)):
        headers = program(app, permission).headers
        assert app.test_client().get("/metrics/mdm/", headers=headers).status_code == status


def test_devices_are_counted_by_platform_and_state(watched: Flask) -> None:
    add_device(watched, 1)
    add_device(watched, 2, blocked_at=utcnow())
    samples = scrape(watched)
    assert value(samples, "devices", platform="macOS", state="enrolled") == 1
    assert value(samples, "devices", platform="macOS", state="blocked") == 1
    assert value(samples, "redis_up") == 0


@pytest.mark.parametrize(("later", "known"), [(timedelta(minutes=1), 1), (timedelta(hours=1), 2)])
def test_the_fleet_is_counted_by_the_job_until_that_is_too_long_ago(
    watched: Flask, later: timedelta, known: int
) -> None:
    add_device(watched, 1)
    with watched.app_context():
        JOBS["metrics.count"]()
    add_device(watched, 2)
    with clock.shifted(later):
        samples = scrape(watched)
    assert value(samples, "devices", platform="macOS", state="enrolled") == known
    assert (value(samples, "counted_age_seconds") or 0) >= (60 if known == 1 else 0)


@pytest.mark.parametrize("moment", ["archived_at", "released_at", "leaving_at"])
def test_a_device_that_has_left_is_counted_as_what_it_is(watched: Flask, moment: str) -> None:
    add_device(watched, 1, **{moment: utcnow()})
    state = moment.removesuffix("_at")
    assert value(scrape(watched), "devices", platform="macOS", state=state) == 1


def test_events_are_counted_once_however_often_the_job_runs(watched: Flask) -> None:
    enroll(watched, 3)
    with watched.app_context(), db.transaction() as session:
        old = utcnow() - timedelta(hours=1)
        session.execute(Event.__table__.update().values(created_at=old))
    with watched.app_context():
        for _ in range(2):
            JOBS["metrics.count"]()
    enroll(watched, 2)
    assert value(scrape(watched), "events_total", kind="device.enrolled") == 5


def test_what_is_forgotten_stays_counted(watched: Flask) -> None:
    enroll(watched, 3)
    with watched.app_context():
        with db.transaction():
            counters.count(now=utcnow() + timedelta(hours=1))
        with db.transaction() as session:
            session.execute(Event.__table__.delete())
    assert value(scrape(watched), "events_total", kind="device.enrolled") == 3
