"""The doctor: what is broken is named, with what to do about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import books, fleet
from zmdm_plugin import db
from zmdm_plugin.jobs import beats
from zmdm_plugin.models import Heartbeat, PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.secretbox import SecretBox, generate_key, parse_key
from zmdm_plugin.services import doctor, leases
from zmdm_plugin.services.realms import health, realms
from zmdm_plugin.web import probe


def findings(app: Flask) -> dict[str, doctor.Finding]:
    with app.app_context():
        found = doctor.examine(now=utcnow(), through_application=probe.unsigned_device_request)
    return {one.name: one for one in found}


def states(app: Flask, *names: str) -> list[str]:
    found = findings(app)
    return [str(found[name].state) for name in names]


def test_device_routes_answer_through_the_whole_application(app: Flask) -> None:
    assert states(app, "Device routes, inside") == ["good"]


def test_a_hook_that_answers_for_us_is_named(app: Flask) -> None:
    app.before_request(lambda: ("please sign in", 401))
    found = findings(app)["Device routes, inside"]
    assert found.state == "bad"
    assert "Exempt the endpoints" in found.do


def test_what_nobody_has_set_up_is_broken_and_says_how_to_mend_it(app: Flask) -> None:
    found = findings(app)
    for name in ("Scheduler", "Worker for pushes", "Push certificate", "CA"):
        assert found[name].state == "bad", name
        assert found[name].do, name


@pytest.mark.usefixtures("redis_url")
def test_beats_come_by_redis_and_worker(app: Flask, run_jobs: Callable[[Flask], int]) -> None:
    with app.app_context():
        beats.ask()
    run_jobs(app)
    names = ("Redis", "Worker for pushes", "Worker for other jobs")
    assert states(app, *names) == ["good", "good", "good"]


@pytest.mark.settings(ZMDM_REDIS_URL="redis://127.0.0.1:9/0")
def test_a_redis_that_is_away_is_broken(app: Flask) -> None:
    assert states(app, "Redis") == ["bad"]


def test_a_process_that_fell_silent_is_broken(app: Flask) -> None:
    with app.app_context(), db.transaction():
        leases.beat("scheduler", "scheduler", now=utcnow() - timedelta(minutes=5))
    assert states(app, "Scheduler") == ["bad"]


def test_a_certificate_that_ends_soon_is_warned_of(app: Flask) -> None:
    fleet.fill(app, 1)  # its push certificate has 22 days
    assert states(app, "Push certificate Example Ltd") == ["warn"]


def test_a_secret_that_no_key_opens_is_found(app: Flask) -> None:
    fleet.fill(app, 1)
    other = SecretBox.from_keys((parse_key(generate_key()),))
    with app.app_context(), db.transaction() as session:
        row = session.scalars(sa.select(PushCertificate)).one()
        label = PushCertificate.__table__.c.private_key.info["sealed"]
        row.private_key = other.seal(b"key", label=label, uid=row.uid)
    assert states(app, "Sealing keys") == ["bad"]


def test_a_database_without_tables_is_reported_not_raised(
    make_app: Callable[..., Flask], tmp_path: Any
) -> None:
    app = make_app(f"sqlite:///{tmp_path}/empty.sqlite")
    found = findings(app)
    assert found["Migrations"].do == "Run `flask zmdm db upgrade`."
    assert found["Processes"].state == "bad"


def test_the_clock_is_compared_with_the_databases(pg_app: Flask) -> None:
    assert states(pg_app, "Database", "Clock") == ["good", "good"]


def test_an_address_that_answers_is_asked_as_devices_do(
    app: Flask, make_app: Callable[..., Flask], live_server: Callable[..., str]
) -> None:
    url = live_server(app)
    seen = make_app(app.config["SQLALCHEMY_DATABASE_URI"], ZMDM_BASE_URL=url)
    assert states(seen, "Device routes, from outside") == ["good"]


def test_nothing_takes_longer_than_some_seconds(app: Flask) -> None:
    begun = time.monotonic()
    findings(app)
    assert time.monotonic() - begun < 30


def test_the_command_line_says_the_same_and_fails(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        session.add(Heartbeat(name="scheduler", kind="scheduler", seen_at=utcnow()))
    result = app.test_cli_runner().invoke(args=["zmdm", "doctor", "--json"])
    said = json.loads(result.output)
    assert result.exit_code == 1
    assert said["state"] == "bad"
    assert {"name": "Scheduler", "state": "good"}.items() <= next(
        one for one in said["findings"] if one["name"] == "Scheduler"
    ).items()


def test_a_realm_that_does_not_work_is_found(app: Flask) -> None:
    assert "Realms" not in findings(app)
    with app.app_context(), db.transaction():
        realms.create("Staff", "local")
    assert states(app, "Realms") == ["good"]
    with app.app_context(), db.transaction():
        realm = realms.by_name("Staff")
        health.failed(realm, "the directory cannot be reached", now=utcnow())
    found = findings(app)["Realms"]
    assert (str(found.state), "Staff: the directory" in found.says) == ("bad", True)


def at_a_location(app: Flask, *, short: bool = False, **location: Any) -> doctor.Finding:
    """What the doctor says of a location with these facts."""
    with app.app_context(), db.transaction() as session:
        row = books.lay_rows(session, **location)
        row.short_at = utcnow() if short else None
    return findings(app)["Location Berlin"]


def test_a_location_in_order_says_how_long_its_token_holds(app: Flask) -> None:
    found = at_a_location(app)
    assert found.state == "good"
    assert "holds until" in found.says


@pytest.mark.parametrize(
    ("facts", "state", "words"),
    [
        ({"server_token_expiration_date": utcnow() - timedelta(days=1)}, "bad", "expired on"),
        ({"server_token_expiration_date": utcnow() + timedelta(days=9)}, "warn", "ends on"),
        ({"lost_at": utcnow(), "owner": {"name": "Other"}}, "bad", "Other manages it since"),
        ({"error": "the token was revoked"}, "warn", "cannot be asked: the token was revoked"),
        ({"notification_error": "unreachable"}, "warn", "does not notify this server: unreachable"),
        ({"short": True}, "warn", "Licences are short, of 1 app."),
    ],
)
def test_what_is_wrong_with_a_location_is_said(
    app: Flask, facts: dict[str, Any], state: str, words: str
) -> None:
    found = at_a_location(app, **facts)
    assert found.state == state
    assert words in found.says
    assert found.do


def test_the_worst_of_a_location_leads(app: Flask) -> None:
    found = at_a_location(app, short=True, lost_at=utcnow(), owner={"name": "Other"})
    assert found.state == "bad"
    assert "Other manages it" in found.says and "short" in found.says
    assert "take it back" in found.do and "Buy" not in found.do
