"""User enrollments in a browser, as axe and a phone see them; and the window a person signs in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests import accounts
from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import AccountSettings, EnrollmentSession, RealmUser
from zmdm_plugin.models.base import utcnow

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
Start = Callable[..., Visit]
LIST = "/mdm/account_enrollments/"


@pytest.fixture
def paths(host: Flask) -> list[str]:
    """An enrollment that is used up, with three people who came and one who could not."""
    one = accounts.lay(host, quota=3, reauthenticate_days=90, model_families=["iPhone", "iPad"])
    with host.app_context(), db.transaction() as session:
        row = session.query(AccountSettings).one().enrollment
        row.request_count = 3
        for number, name in enumerate(("ada", "grace", "alan", "somebody.with.a.long.name")):
            person = RealmUser(realm_id=row.realm_id, username=f"{name}@example.com")
            session.add(person)
            session.flush()
            failed = "the session was opened for another UDID" if number == 3 else None
            passing = EnrollmentSession(
                enrollment_id=row.id,
                kind="account",
                state="profiled" if failed else "completed",
                product="iPhone15,2",
                realm_user_id=person.id,
                device_id=None if failed else number + 1,
                payload={"assigned_managed_apple_id": person.username},
                completed_at=None if failed else utcnow() - timedelta(hours=number),
                failure=failed,
            )
            session.add(passing)
    return [
        f"{LIST}?account=ada@example.com&family=iPhone",
        f"{LIST}{one}/",
        f"{LIST}{one}/edit/",
        f"{LIST}new/",
    ]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, paths: list[str], color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, paths) == {}


def test_screens_fit_a_phone(visit: Start, paths: list[str]) -> None:
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, paths) == {}


def test_one_is_tried_and_revoked(visit: Start, paths: list[str]) -> None:
    one = visit()
    one.sign_in()
    page = one.open(LIST)
    page.get_by_label("Account").fill("ada@example.com")
    page.get_by_role("button", name="Try").click()
    page.get_by_text("Sent to “Own devices”").wait_for()
    page.get_by_role("link", name="Own devices").click()
    page.get_by_text("the session was opened for another UDID").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("The enrollment is revoked.").wait_for()
