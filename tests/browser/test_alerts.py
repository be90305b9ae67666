"""Alerts, as somebody comes upon them in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import serious
from tests.postbox import Postbox, postbox
from zmdm_plugin import db
from zmdm_plugin.jobs import alerts as job
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.alerts import watch
from zmdm_plugin.services.alerts.condition import Condition, Severity

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
Start = Callable[..., Visit]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Postbox]:
    with postbox(tmp_path) as served:
        yield served


@pytest.fixture
def settings(box: Postbox) -> dict[str, object]:
    return box.settings()


@pytest.fixture
def wrong(host: Flask) -> None:
    """A certificate that ends, a warning, and mails that were sent."""
    found = [
        Condition(kind="devices.push_dead", facts={"devices": 12}),
        Condition(
            kind="dep.terms",
            subject="1",
            name="Example School",
            severity=Severity.CRITICAL,
            facts={"id": 1},
        ),
    ]
    ends = utcnow() + timedelta(days=6)
    with host.app_context():
        with db.transaction() as session:
            session.add(PushCertificate(name="Example Inc.", topic="x", not_after=ends))
            watch.note(found, (), now=utcnow())
        job.send_mails()


@pytest.mark.usefixtures("wrong")
def test_an_alert_is_come_upon_acknowledged_and_another_snoozed(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/")
    page.get_by_role("link", name="Apple's terms are not signed: Example School").click()
    page.get_by_label("Note for the others").fill("Ada signs them today")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Ada signs them today").wait_for()
    page = one.open("/mdm/alerts/")
    assert page.get_by_role("link", name="Apple's terms").count() == 0
    page.get_by_role("link", name="Devices cannot be woken").click()
    page.get_by_label("For", exact=True).select_option("1d")
    page.get_by_role("button", name="Snooze").click()
    page.get_by_role("button", name="End the snooze").wait_for()


def test_a_test_mail_is_sent_and_a_failure_is_said(visit: Start, box: Postbox) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/alerts/")
    page.get_by_role("button", name="Send a test").click()
    page.get_by_text("A test was sent to ada@example.com.").wait_for()
    assert box.subjects() == ["Test: mails of alerts arrive"]
    box.refuses = "554 never"
    page.get_by_role("button", name="Send a test").click()
    page.get_by_role("alert").get_by_text("554 never").wait_for()


@pytest.mark.usefixtures("wrong")
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    for path in ("/mdm/", "/mdm/alerts/", "/mdm/alerts/1/", "/mdm/alerts/?state=cleared"):
        one.open(path)
        assert serious(one) == [], path
