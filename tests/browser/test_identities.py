"""Identities by their end, and a device that waits in Setup Assistant, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import Channel, Device, Identity
from zmdm_plugin.models.base import utcnow

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
SCREENS = (
    "/mdm/",
    "/mdm/identities/",
    "/mdm/identities/?q=nothing",
    "/mdm/identities/?renewal=failed&ends=90d",
    "/mdm/devices/bulk/?action=renew_identity&all=1&renewal=failed",
    "/mdm/devices/1/",
    "/mdm/devices/?setup=stalled&renewal=failed",
)
_COURSES = (
    # state, attempts, failure, days to the end, overdue
    (None, 0, None, 9, True),
    ("failed", 4, "The SCEP server “ca.example.com” does not answer", 3, True),
    ("put_off", 1, None, 12, True),
    ("taken", 1, None, 20, False),
    ("done", 1, None, 25, False),
    (None, 0, None, -2, True),
    (None, 0, None, 200, False),
)


@pytest.fixture
def filled(host: Flask) -> Flask:
    """Identities at every point of their renewal; the first device waits for too long."""
    with host.app_context(), db.transaction() as session:
        now = utcnow()
        for number, (state, attempts, failure, days, late) in enumerate(_COURSES, start=1):
            ends = now + timedelta(days=days)
            row = Identity(
                device_id=number,
                fingerprint=f"{number:064x}",
                certificate=b"",
                state="active",
                not_before=ends - timedelta(days=365),
                not_after=ends,
                renewal_state=state,
                renewal_attempts=attempts,
                renewal_failure=failure,
                renewal_since=now - timedelta(hours=1) if state else None,
                renewal_next_at=now + timedelta(hours=3) if state in ("failed", "taken") else None,
                renewal_overdue_at=now if late else None,
            )
            session.add(row)
        waiting = session.get_one(Channel, 1)
        session.get_one(Device, 1).awaiting_configuration = True
        waiting.awaiting_since = now - timedelta(minutes=21)
        waiting.awaiting_until = waiting.awaiting_stalled_at = now - timedelta(minutes=6)
    return host


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, filled: Flask, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, filled: Flask) -> None:
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}


def test_failed_renewals_are_found_and_renewed(visit: Start, filled: Flask) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/")
    page.get_by_role("link", name="identities overdue for renewal").click()
    page.get_by_label("Renewal", exact=True).select_option("failed")
    page.wait_for_url("**renewal=failed**")
    page.get_by_text("does not answer (4 attempts)").wait_for()
    page.get_by_label("Renew", exact=True).select_option("1")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Renew the identity: 1 device").wait_for()
    page.get_by_role("button", name="Renew the identity").click()
    page.get_by_text("It is under way").wait_for()


def test_a_device_is_let_go_on_its_page(visit: Start, filled: Flask) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/1/")
    page.get_by_text("Waits in Setup Assistant").first.wait_for()
    page.get_by_role("button", name="Let it go on now").click()
    page.get_by_text("goes on in Setup Assistant").wait_for()
    page.get_by_text("Its release:").wait_for()
