"""Conditions become alerts when they are true, get worse in steps, and are over by themselves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import books, fleet, vendors
from tests.postbox import postbox
from tests.receiver import receiving
from zmdm_plugin import db
from zmdm_plugin.clock import shifted
from zmdm_plugin.jobs import alerts as job
from zmdm_plugin.jobs import webhooks as webhook_job
from zmdm_plugin.models import (
    Alert,
    AlertNotice,
    Channel,
    DepVirtualServer,
    Device,
    Event,
    Identity,
    JobRun,
    Location,
    LocationAsset,
    PushCertificate,
    Webhook,
    WebhookDelivery,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, leases
from zmdm_plugin.services.alerts import kinds, network, processes, watch
from zmdm_plugin.services.webhooks import hooks

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def look(app: Flask, later: timedelta = timedelta(0)) -> dict[str, Alert]:
    """The open alerts after a look at the database, with all processes alive."""
    with shifted(later), app.app_context(), db.transaction():
        for one in processes.PROCESSES:
            leases.beat(one.beat, "test", now=utcnow())
        watch.look(now=utcnow())
    with app.app_context():
        rows = db.session().scalars(sa.select(Alert).where(Alert.cleared_at.is_(None)))
        return {row.kind: row for row in rows}


def said(app: Flask, kind: str) -> list[str]:
    """What events told of a kind, in order."""
    with app.app_context():
        rows = db.session().scalars(sa.select(Event).order_by(Event.id))
        return [row.kind for row in rows if row.payload.get("condition") == kind]


def add(app: Flask, *rows: Any) -> None:
    with app.app_context(), db.transaction() as session:
        session.add_all(rows)


def change(app: Flask, model: Any, **values: Any) -> None:
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(model).values(**values))


def test_a_credential_is_told_of_at_each_step_and_cleared_once_renewed(any_app: Flask) -> None:
    ends = utcnow() + 100 * DAY
    add(any_app, PushCertificate(name="Example", topic="t", not_after=ends))
    kind, severities = "push_certificate.expires", []
    for left in (61, 60, 59, 30, 14, 13, 7, 1, 0, -5):
        row = look(any_app, (100 - left) * DAY).get(kind)
        severities.append(row.severity if row else "")
    assert severities == ["", *["warning"] * 5, *["critical"] * 4]
    assert said(any_app, kind) == ["alert.opened", *["alert.worse"] * 5]
    change(any_app, PushCertificate, not_after=ends + 365 * DAY)
    assert kind not in look(any_app, 105 * DAY)
    assert said(any_app, kind)[-1] == "alert.cleared"


def test_what_is_renewed_for_too_short_is_another_alert(app: Flask) -> None:
    now = utcnow()
    add(app, PushCertificate(name="Example", topic="t", not_after=now + 5 * DAY))
    first = look(app)["push_certificate.expires"]
    change(app, PushCertificate, not_after=now + 40 * DAY)
    second = look(app)["push_certificate.expires"]
    assert (first.severity, second.severity) == ("critical", "warning")
    assert first.id != second.id


LAID: dict[str, Callable[[datetime], Any]] = {
    "push_certificate.refused": lambda now: PushCertificate(
        name="P", topic="t", broken_at=now, broken_reason="BadCertificate"
    ),
    "dep_token.expires": lambda now: DepVirtualServer(
        name="S", limits=None, access_token_expiry=now + 50 * DAY
    ),
    "dep.terms": lambda now: DepVirtualServer(name="S", limits=None, terms_not_signed_at=now),
    "dep.failing": lambda now: DepVirtualServer(
        name="S", limits=None, error="away", synced_at=now - 7 * HOUR
    ),
    "jobs.waiting": lambda now: JobRun(
        name="test.count",
        title="Count",
        state="queued",
        arguments={},
        cursor=None,
        result=None,
        actor_id="u",
        actor_label="u",
        actor_kind="user",
        owner_id="u",
        due_at=now,
        created_at=now - HOUR,
    ),
    "webhook.failing": lambda now: Webhook(
        name="W",
        url="https://example.com/",
        kinds=["no.such"],
        tags=[],
        last_error="answered 500",
        last_error_at=now,
        created_at=now - 7 * HOUR,
    ),
}
MENDED: dict[str, tuple[Any, dict[str, Any]]] = {
    "push_certificate.refused": (PushCertificate, {"broken_at": None}),
    "dep_token.expires": (DepVirtualServer, {"access_token_expiry": utcnow() + 365 * DAY}),
    "dep.terms": (DepVirtualServer, {"terms_not_signed_at": None}),
    "dep.failing": (DepVirtualServer, {"synced_at": utcnow()}),
    "jobs.waiting": (JobRun, {"holder": "somebody"}),
    "webhook.failing": (Webhook, {"last_success_at": utcnow() + HOUR}),
}


@pytest.mark.parametrize("kind", LAID)
def test_a_row_that_has_something_wrong_is_an_alert_until_it_has_not(app: Flask, kind: str) -> None:
    assert kind not in look(app)
    add(app, LAID[kind](utcnow()))
    row = look(app)[kind]
    assert kinds.says(kind, row.facts) != kinds.of(kind).title + "."
    model, values = MENDED[kind]
    change(app, model, **values)
    assert kind not in look(app)
    assert said(app, kind) == ["alert.opened", "alert.cleared"]


def test_one_failure_between_two_syncs_is_no_alert(app: Flask) -> None:
    add(app, DepVirtualServer(name="S", limits=None, error="away", synced_at=utcnow() - HOUR))
    assert "dep.failing" not in look(app)


def test_apps_without_licences_are_one_alert_for_each_location(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        books.lay_rows(session)
    assert "licences.short" not in look(app)
    change(app, LocationAsset, short_at=utcnow())
    assert look(app)["licences.short"].facts["apps"] >= 1
    change(app, LocationAsset, short_at=None)
    change(app, Location, lost_at=utcnow(), owner={"name": "Other"})
    found = look(app)
    assert "licences.short" not in found
    assert kinds.says("location.taken", found["location.taken"].facts).endswith("(Other).")


def test_silent_devices_are_one_alert_that_does_not_come_and_go(any_app: Flask) -> None:
    fleet.fill(any_app, 100)
    shares = []
    for silent in (19, 20, 18, 17, 15, 60):
        with any_app.app_context(), db.transaction() as session:
            for old, ids in ((True, Device.id <= silent), (False, Device.id > silent)):
                seen = utcnow() - (30 * DAY if old else HOUR)
                session.execute(
                    sa.update(Device)
                    .where(ids)
                    .values(seen_hour=seen, blocked_at=None, checkout_at=None, enrolled_at=seen)
                )
        row = look(any_app).get("devices.unreachable")
        shares.append((row.facts["percent"], row.severity) if row else None)
    open_ = [(20, "warning"), (18, "warning"), (17, "warning")]
    assert shares == [None, *open_, None, (60, "critical")]


def test_devices_that_cannot_be_woken_are_one_alert_that_does_not_come_and_go(app: Flask) -> None:
    fleet.fill(app, 12)
    change(app, Device, blocked_at=None)
    change(app, Channel, ended_at=None)
    counted = []
    for dead in (9, 12, 9, 8, 7):
        change(app, Channel, push_dead_at=None)
        with app.app_context(), db.transaction() as session:
            few = sa.update(Channel).where(Channel.device_id <= dead)
            session.execute(few.values(push_dead_at=utcnow()))
        row = look(app).get("devices.push_dead")
        counted.append(row.facts["devices"] if row else None)
    assert counted == [None, 12, 9, 8, None]


def test_identities_that_are_late_are_an_alert(app: Flask) -> None:
    fleet.fill(app, 1)
    change(app, Device, blocked_at=None, checkout_at=None)
    now = utcnow()
    add(
        app,
        Identity(
            device_id=1,
            fingerprint="a" * 64,
            certificate=b"",
            state="active",
            not_before=now - 300 * DAY,
            not_after=now + 10 * DAY,
            renewal_overdue_at=now,
        ),
    )
    assert look(app)["renewals.overdue"].facts == {"devices": 1}


def test_pushes_that_nobody_sends_are_an_alert(app: Flask) -> None:
    fleet.fill(app, 3)
    sendable = {"ended_at": None, "push_dead_at": None, "push_token": b"t", "push_magic": "m"}
    change(app, Channel, push_due_at=utcnow() - HOUR, push_leased_until=None, **sendable)
    change(app, PushCertificate, certificate="PEM", retry_at=None)
    change(app, Device, push_certificate_id=1)
    assert "pushes.waiting" in look(app)
    change(app, Channel, push_due_at=utcnow())
    assert "pushes.waiting" not in look(app)


@pytest.mark.settings(ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")
def test_events_that_wait_and_those_that_were_given_up_are_two_alerts(app: Flask) -> None:
    with receiving() as there:
        with app.app_context(), db.transaction():
            hooks.create("Desk", there.url, kinds=["device.*"])
            events.record("device.enrolled")
        assert "webhooks.waiting" not in look(app)
        assert "webhooks.waiting" in look(app, HOUR)
        there.refused = {"device.enrolled"}
        change(app, WebhookDelivery, created_at=utcnow() - 4 * DAY)
        with app.app_context():
            webhook_job.deliver()
        found = look(app)
    assert "webhooks.waiting" not in found
    assert found["webhook.given_up"].facts == {"id": 1, "events": 1}


def test_a_dead_worker_is_told_of_by_the_scheduler_but_not_as_it_starts(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path
) -> None:
    with postbox(tmp_path) as box:
        app = make_app(sqlite_url, **box.settings())
        for minutes in (0, 2, 4, 6, 7):
            with shifted(timedelta(minutes=minutes)), app.app_context():
                with db.transaction():
                    leases.beat("scheduler", "scheduler", now=utcnow())
                job.look()
            expected = 0 if minutes < 5 else 2
            assert len(box.mails) == expected, minutes
    every = {f"Critical: A worker is dead: {name}" for name in ("pushes", "other jobs")}
    assert set(box.subjects()) == every


@pytest.mark.settings(ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")
def test_a_cron_line_tells_of_a_dead_scheduler_without_any_process_of_ours(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path
) -> None:
    with postbox(tmp_path) as box, receiving() as there:
        app = make_app(sqlite_url, **box.settings())
        with app.app_context(), db.transaction():
            hooks.create("Desk", there.url, kinds=["alert.*"])
        result = app.test_cli_runner().invoke(args=["zmdm", "alerts", "check"])
    assert result.exit_code == 0, result.output
    assert any("The scheduler is dead" in one for one in box.subjects())
    told = [one["data"] for one in there.told if one["type"] == "alert.opened"]
    [scheduler] = [one for one in told if one["condition"] == "scheduler.silent"]
    assert scheduler["severity"] == "critical" and "flask zmdm scheduler" in scheduler["do"]


def tls(app: Flask) -> list[tuple[str, str]]:
    """What the certificate of the server comes to now: kinds and severities."""
    with app.app_context():
        known = network.ask()
        assert known is not None
        found = network.tls(known, now=utcnow())
        return [(one.kind, str(one.severity)) for one in found]


@pytest.mark.parametrize(
    ("days", "levels"),
    [(365, {61: "", 59: "warning", 6: "critical"}), (36, {16: "", 14: "warning", 6: "critical"})],
)
def test_the_servers_own_certificate_is_told_of_in_steps_that_fit_its_life(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    tmp_path: Path,
    days: int,
    levels: dict[int, str],
) -> None:
    key, issuer = vendors.keys()[2].public_key(), vendors.keys()[0]
    path = tmp_path / "tls.pem"
    path.write_text(vendors.pem(vendors.signed("Vendor", key, issuer="CA", key=issuer, days=days)))
    app = make_app(sqlite_url, ZMDM_ALERT_TLS_FILE=str(path))
    for left, severity in levels.items():
        with shifted((days - left) * DAY):
            assert [two for _, two in tls(app)] == ([severity] if severity else [])


def test_a_file_that_is_gone_is_an_alert(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url, ZMDM_ALERT_TLS_FILE="/nowhere/tls.pem")
    assert tls(app) == [("tls.refused", "critical")]


def test_where_nothing_answers_nothing_is_known_and_alerts_stay(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    app = make_app(sqlite_url, ZMDM_BASE_URL="https://localhost:9")
    with app.app_context(), db.transaction():
        known = network.Tls(refused="expired")
        watch.note(network.tls(known, now=utcnow()), network.TLS, now=utcnow())
    with app.app_context():
        assert network.ask() is None
        job.probe()
        kept = sa.select(Alert).where(Alert.kind == "tls.refused", Alert.cleared_at.is_(None))
        assert db.session().scalars(kept).one().facts == {"error": "expired"}


def test_what_the_doctor_calls_broken_is_an_alert(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    app = make_app(sqlite_url, ZMDM_REDIS_URL="redis://127.0.0.1:9/0")
    with app.app_context():
        job.probe()
        query = sa.select(Alert).where(Alert.kind == "doctor", Alert.subject == "Redis")
        row = db.session().scalars(query).one()
    assert kinds.do(row.kind, row.facts).startswith("Start Redis")


def test_two_who_look_at_once_tell_once(
    make_app: Callable[..., Flask], pg_url: str, tmp_path: Path
) -> None:
    with postbox(tmp_path) as box:
        apps = [make_app(pg_url, **box.settings()) for _ in range(4)]
        add(apps[0], PushCertificate(name="P", topic="t", not_after=utcnow() + 20 * DAY))
        for later, number in ((timedelta(0), 1), (8 * DAY, 2), (15 * DAY, 3)):
            with ThreadPoolExecutor(len(apps)) as pool:
                list(pool.map(looked, apps, [later] * len(apps)))
            mails = [one for one in box.subjects() if "Push certificate" in one]
            assert len(mails) == number
    with apps[0].app_context():
        kept = db.session().scalars(sa.select(AlertNotice)).all()
        assert all(one.attempts == 1 for one in kept)
    assert said(apps[0], "push_certificate.expires") == ["alert.opened", *["alert.worse"] * 2]


def looked(app: Flask, later: timedelta) -> None:
    with shifted(later), app.app_context():
        for _ in range(3):
            job.look()
