"""Credentials that end: said 30, 14, 7 and 1 days ahead and at the end, once each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import books, vendors
from zmdm_plugin import db, signals
from zmdm_plugin.models import CertificateAuthority, Event, PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import ca, expiries, sweep

DAY = timedelta(days=1)


def with_ca(app: Flask) -> datetime:
    """A server with a CA; when it ends."""
    with app.app_context(), db.transaction():
        return ca.create("Test CA", key=vendors.keys()[0]).not_after


def swept(app: Flask, now: datetime) -> int:
    with app.app_context(), db.transaction():
        return sweep.STEPS["warnings"](now=now)


def said(app: Flask) -> list[tuple[str, str, int]]:
    with app.app_context():
        payloads = db.session().scalars(
            sa.select(Event.payload).where(Event.kind == expiries.EVENT).order_by(Event.id)
        )
        return [(one["credential"], one["name"], one["days"]) for one in payloads]


def test_a_ca_is_warned_of_at_each_step_once(any_app: Flask) -> None:
    ends = with_ca(any_app)
    for ahead in (31, 30, 29, 14, 8, 7, 2, 1, 0, -3):
        for _twice in "12":
            swept(any_app, ends - ahead * DAY)
    assert said(any_app) == [("CA", "Test CA", days) for days in (30, 14, 7, 1, 0)]


def test_a_renewed_ca_is_quiet(app: Flask) -> None:
    ends = with_ca(app)
    assert swept(app, ends - DAY) == 1
    with app.app_context(), db.transaction() as session:
        session.execute(sa.update(CertificateAuthority).values(issuing=False))
    assert swept(app, ends + DAY) == 0


def test_a_push_certificate_is_warned_of_too(app: Flask) -> None:
    now = utcnow()
    with app.app_context(), db.transaction() as session:
        session.add(PushCertificate(name="Example", topic="t", not_after=now + 13 * DAY))
        session.add(PushCertificate(name="Without"))
    assert swept(app, now) == 1 and said(app) == [("Push certificate", "Example", 14)]


def test_what_ended_long_ago_is_not_said(app: Flask) -> None:
    assert swept(app, with_ca(app) + 400 * DAY) == 0


def test_the_host_is_told(app: Flask) -> None:
    told: list[dict[str, Any]] = []

    def receiver(_sender: Flask, **given: Any) -> None:
        told.append(given)

    ends = with_ca(app)
    with signals.credential_expires.connected_to(receiver):
        swept(app, ends - 6 * DAY)
    assert told == [{"kind": "CA", "name": "Test CA", "ends": ends, "days": 7}]


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("ZMDM_SCEP_CA_FULLCHAIN", "SCEP issuer"),
        ("ZMDM_VENDOR_CERTIFICATE", "Vendor certificate"),
    ],
)
def test_certificates_of_the_settings_count(
    make_app: Callable[..., Flask], sqlite_url: str, setting: str, kind: str
) -> None:
    key = vendors.keys()[2]
    settings = {"ZMDM_VENDOR_KEY": vendors.plain(key)} if "VENDOR" in setting else {}
    app = make_app(sqlite_url, **{setting: vendors.issue(key.public_key(), days=5), **settings})
    assert swept(app, utcnow()) == 1
    ((found, name, days),) = said(app)
    assert (found, name, days) == (kind, "Vendor", 7)


def test_a_content_token_is_warned_of_from_sixty_days_ahead(app: Flask) -> None:
    now = utcnow()
    with app.app_context(), db.transaction() as session:
        books.lay_rows(session, server_token_expiration_date=now + 70 * DAY)
    for ahead in (61, 59, 31, 13, 7, 1, 0):
        swept(app, now + (70 - ahead) * DAY)
    assert said(app) == [("Content token", "Berlin", days) for days in (60, 14, 7, 1, 0)]
