"""Connecting a virtual server and renewing its token: whatever is wrong changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.dep_road import Dep
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import clock, db
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import AuditEntry, DepVirtualServer, Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import expiries
from zmdm_plugin.services.dep import connection, setup
from zmdm_plugin.web import dep as talking


def stage(dep: Dep) -> None:
    with dep.app.app_context(), db.transaction():
        setup.stage(dep.server_id, actor=ADMINISTRATOR, now=utcnow())


def upload(dep: Dep, file: bytes, server_id: int = 0) -> None:
    with dep.app.app_context():
        talking.take_token(server_id or dep.server_id, file, actor=ADMINISTRATOR)


def test_a_renewal_with_a_staged_key_takes_its_place_and_keeps_the_cursor(dep: Dep) -> None:
    before = dep.server()
    stage(dep)
    assert dep.server().access_token_expiry == before.access_token_expiry
    upload(dep, dep.token_file(dep.server_id, lifetime=timedelta(days=400)))
    after = dep.server()
    assert after.certificate != before.certificate and after.staged_certificate is None
    assert after.access_token_expiry > before.access_token_expiry
    assert after.cursor == before.cursor


def test_a_renewal_for_the_key_in_use_leaves_a_staged_one_alone(dep: Dep) -> None:
    file = dep.token_file(dep.server_id)
    stage(dep)
    upload(dep, file)
    assert dep.server().staged_certificate is not None


def test_a_token_of_another_server_is_refused_and_nothing_changes(dep: Dep) -> None:
    file = dep.token_file(dep.server_id, "Another")
    before = dep.server()
    with pytest.raises(Refused, match="of another server in the portal"):
        upload(dep, file)
    assert dep.server().access_token_expiry == before.access_token_expiry


def test_the_same_server_is_not_connected_twice(dep: Dep) -> None:
    with pytest.raises(Refused, match="connected already"):
        dep.connect("MDM")


def test_an_expired_token_and_one_for_another_key_are_refused(dep: Dep) -> None:
    late = dep.token_file(dep.server_id, lifetime=timedelta(seconds=-5))
    with pytest.raises(Refused, match="expired"):
        upload(dep, late)
    file = dep.token_file(dep.server_id)
    stage(dep)
    staged = dep.token_file(dep.server_id)
    with dep.app.app_context(), db.transaction():
        setup.cancel(dep.server_id, actor=ADMINISTRATOR)
    with pytest.raises(Refused, match="another public key"):
        upload(dep, staged)
    upload(dep, file)


def test_when_apple_does_not_answer_the_token_is_not_taken(dep: Dep) -> None:
    stage(dep)
    file = dep.token_file(dep.server_id)
    dep.played.fail(terms_signed=False)
    with pytest.raises(DepError, match="terms and conditions"):
        upload(dep, file)
    assert dep.server().staged_certificate is not None


def test_giving_up_the_first_key_takes_the_server_with_it(dep: Dep) -> None:
    with dep.app.app_context():
        with db.transaction():
            other = setup.begin("Other", actor=ADMINISTRATOR, now=utcnow()).id
        with db.transaction():
            setup.cancel(other, actor=ADMINISTRATOR)
        assert db.session().get(DepVirtualServer, other) is None
        with pytest.raises(Conflict, match="no key"), db.transaction():
            setup.cancel(dep.server_id, actor=ADMINISTRATOR)


def test_a_server_that_enrollments_are_for_is_not_given_up(dep: Dep) -> None:
    dep.server_id = dep.begin("Other")
    dep.enrollment("Staff", defined=False)
    with pytest.raises(Conflict, match="enrollments"), dep.app.app_context(), db.transaction():
        setup.cancel(dep.server_id, actor=ADMINISTRATOR)


def test_secrets_are_sealed_and_neither_audited_nor_in_events(dep: Dep) -> None:
    with dep.app.app_context():
        token = connection.credentials(dep.server_id).token
        rows = [*db.session().scalars(sa.select(AuditEntry.after))]
        rows += [*db.session().scalars(sa.select(Event.payload))]
        row = connection.find(dep.server_id)
        sealed = str(row.token) + str(row.private_key)
    for secret in (token.consumer_secret, token.access_token, token.access_secret):
        assert secret not in str(rows) and secret not in sealed


def test_an_ending_token_is_announced_60_30_14_7_and_1_days_ahead(dep: Dep) -> None:
    ends = dep.server().access_token_expiry
    assert ends is not None
    said = []
    for left in (61, 59, 40, 29, 13, 6, 0.5, -1):
        at = ends - timedelta(days=left)
        with dep.app.app_context(), clock.shifted(at - utcnow()), db.transaction():
            expiries.warn(now=utcnow())
    with dep.app.app_context():
        query = sa.select(Event.payload).where(Event.kind == expiries.EVENT).order_by(Event.id)
        said = [
            one["days"]
            for one in db.session().scalars(query)
            if one["credential"] == "Server token" and one["name"] == "MDM"
        ]
    assert said == [60, 30, 14, 7, 1, 0]
