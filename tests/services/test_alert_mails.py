"""Mails of alerts reach a real mail server: once, in private, and their failures are seen."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.postbox import PASSWORD, Postbox, postbox
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.clients import mail
from zmdm_plugin.clock import shifted
from zmdm_plugin.jobs import alerts as job
from zmdm_plugin.jobs.scheduler import LEASE
from zmdm_plugin.models import Alert, AlertNotice
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.alerts import handling, notices, watch
from zmdm_plugin.services.alerts.condition import Condition, Severity

KIND = "devices.push_dead"
DAY = timedelta(days=1)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Postbox]:
    with postbox(tmp_path) as served:
        yield served


@pytest.fixture
def told(make_app: Callable[..., Flask], sqlite_url: str, box: Postbox) -> Flask:
    """A host whose alerts are mailed to the postbox."""
    return make_app(sqlite_url, **box.settings())


def wrong(app: Flask, *, level: int | None = 0, subject: str = "") -> None:
    """It is so bad now; None: nothing is wrong."""
    found = []
    if level is not None:
        severity = Severity.CRITICAL if level else Severity.WARNING
        facts = {"devices": 12 + level}
        found = [Condition(kind=KIND, subject=subject, severity=severity, level=level, facts=facts)]
    with app.app_context(), db.transaction():
        watch.note(found, {KIND}, now=utcnow())


def send(app: Flask, later: timedelta = timedelta(0)) -> None:
    with shifted(later), app.app_context():
        job.send_mails()


def kept(app: Flask) -> list[AlertNotice]:
    with app.app_context():
        return list(db.session().scalars(sa.select(AlertNotice).order_by(AlertNotice.id)))


def test_each_change_is_mailed_once_and_says_what_to_do(told: Flask, box: Postbox) -> None:
    for level in (0, 0, 1, 1, None, None):
        wrong(told, level=level)
        send(told)
    title = "Devices cannot be woken"
    assert box.subjects() == [f"Warning: {title}", f"Critical, worse: {title}", f"Over: {title}"]
    text = box.mails[1].get_content()
    assert "of 13 devices" in text and "Enroll them anew" in text
    assert "https://mdm.example.com/mdm/devices/?push=dead" in text
    assert "https://mdm.example.com/mdm/alerts/1/" in text
    assert len({mail["Message-ID"] for mail in box.mails}) == 3
    assert len({mail["References"] for mail in box.mails}) == 1


def test_what_is_over_before_anybody_was_told_is_not_told(told: Flask, box: Postbox) -> None:
    wrong(told)
    wrong(told, level=None)
    send(told)
    assert box.mails == []


def test_a_killed_senders_mail_comes_again_with_the_same_message_id(
    told: Flask, box: Postbox
) -> None:
    wrong(told)
    with told.app_context(), db.transaction():
        [letter] = notices.claim(now=utcnow())
    send(told)
    assert box.mails == []
    send(told, notices.LEASE + timedelta(seconds=1))
    [mail] = box.mails
    assert mail["Message-ID"] == f"<{letter.uid}@mdm.example.com>"


def test_a_mail_that_is_refused_waits_longer_and_longer_and_says_why(
    told: Flask, box: Postbox
) -> None:
    wrong(told)
    box.refuses = "451 not now"
    for minutes in (0, 1, 3):
        send(told, timedelta(minutes=minutes, seconds=1))
    [notice] = kept(told)
    assert (notice.attempts, "451 not now" in (notice.error or "")) == (3, True)
    box.refuses = ""
    send(told, timedelta(minutes=5))
    assert box.mails == []
    send(told, timedelta(minutes=8))
    assert box.subjects() == ["Warning: Devices cannot be woken"]


def test_mails_that_do_not_get_out_are_an_alert_that_no_mail_tells_of(
    told: Flask, box: Postbox
) -> None:
    wrong(told)
    box.refuses = "554 never"
    for minutes in (0, 1, 3):
        send(told, timedelta(minutes=minutes, seconds=1))
    with told.app_context(), db.transaction():
        watch.look(now=utcnow())
        row = db.session().scalars(sa.select(Alert).where(Alert.kind == "mail.failing")).one()
        assert "554 never" in row.facts["error"]
        assert notices.of(row) == []


def test_after_three_days_it_is_given_up_and_can_be_tried_again(told: Flask, box: Postbox) -> None:
    wrong(told)
    box.refuses = "554 never"
    send(told, 4 * DAY)
    assert kept(told)[0].dead_at is not None
    box.refuses = ""
    send(told, 5 * DAY)
    assert box.mails == []
    with told.app_context(), db.transaction():
        assert notices.try_again(now=utcnow()) == 1
    send(told)
    assert len(box.mails) == 1


def test_one_recipient_who_is_unknown_keeps_it_from_nobody_else(
    make_app: Callable[..., Flask], sqlite_url: str, box: Postbox
) -> None:
    app = make_app(sqlite_url, **box.settings(ZMDM_ALERT_TO="a@example.com, b@example.com"))
    box.refused_recipients = {"a@example.com"}
    wrong(app)
    send(app)
    [notice] = kept(app)
    assert len(box.mails) == 1 and notice.sent_at is not None
    assert "a@example.com: 550 no such person" in (notice.error or "")


def test_a_snooze_is_silent_and_then_it_is_told_again(told: Flask, box: Postbox) -> None:
    wrong(told)
    send(told)
    with told.app_context(), db.transaction():
        now = utcnow()
        handling.snooze(1, until=now + timedelta(hours=1), actor=SYSTEM, now=now)
    for later in (timedelta(minutes=59), timedelta(minutes=61), timedelta(minutes=62)):
        with shifted(later):
            wrong(told, level=1)
            send(told)
    assert box.subjects()[1:] == ["Critical, still so: Devices cannot be woken"]


def test_what_was_acknowledged_is_told_only_when_it_gets_worse(told: Flask, box: Postbox) -> None:
    wrong(told)
    with told.app_context(), db.transaction():
        handling.acknowledge(1, note="ours", actor=SYSTEM, now=utcnow())
    wrong(told)
    send(told)
    assert len(box.mails) == 1
    wrong(told, level=1)
    send(told)
    assert len(box.mails) == 2
    with told.app_context():
        assert db.session().get_one(Alert, 1).acknowledged_at is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"ZMDM_SMTP_PASSWORD": "guessed"}, "refuses the user or the password (535"),
        ({"ZMDM_SMTP_CA": ""}, "certificate of the mail server does not hold"),
        ({"ZMDM_SMTP_SECURITY": "tls"}, "does not speak TLS"),
    ],
)
def test_it_is_private_or_it_is_not_sent(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    tmp_path: Path,
    changes: dict[str, object],
    error: str | None,
) -> None:
    with postbox(tmp_path, private=True) as box:
        app = make_app(sqlite_url, **box.settings(**changes))
        wrong(app)
        send(app)
    [notice] = kept(app)
    assert len(box.mails) == (error is None)
    assert (error or "") in (notice.error or "") and PASSWORD not in (notice.error or "")


def drip(listening: socket.socket) -> None:
    """A mail server that greets without end, a line now and then, so that no step takes long."""
    with contextlib.suppress(OSError):
        wire, _ = listening.accept()
        with wire:
            while True:
                wire.sendall(b"220-welcome\r\n")
                time.sleep(0.05)


def test_a_mail_server_that_never_comes_to_an_end_holds_nobody(told: Flask, box: Postbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        threading.Thread(target=drip, args=(slow,), daemon=True).start()
        server = mail.MailServer(host="localhost", port=slow.getsockname()[1], security="none")
        began = time.monotonic()
        with pytest.raises(mail.MailError, match="too slow"), mail.connected(server, within=0.5):
            pass
        assert time.monotonic() - began < 20
    assert job.MAIL_SLICE + mail.LIMIT < LEASE
