"""Realms are tried before devices send people to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.accounts import came_in, lay_account
from tests.orders import quiet
from tests.road import Road
from tests.services.test_account_bearer import due, says_nothing
from zmdm_plugin.jobs import account
from zmdm_plugin.models import Realm
from zmdm_plugin.models.base import utcnow

LONG_AGO = timedelta(hours=5)


def forgotten(road: Road) -> None:
    """Nothing was heard of the realm for hours."""
    with road.rows() as session:
        session.execute(sa.update(Realm).values(succeeded_at=utcnow() - LONG_AGO))


@pytest.fixture
def phoned(road: Road, redis_url: str) -> Road:
    """A phone whose person has to sign in again, and a realm that nobody heard of."""
    lay_account(road, reauthenticate_days=30)
    phone = says_nothing(quiet(road, came_in(road)))
    due(road)
    forgotten(road)
    assert phone.connect().statuses == [200]
    return road


def test_a_realm_that_somebody_is_sent_to_is_tried_and_then_they_are_asked(
    phoned: Road, run_jobs: Callable[[Flask], int]
) -> None:
    with phoned.app.app_context():
        account.look()
    run_jobs(phoned.app)
    with phoned.rows() as session:
        tried = session.scalars(sa.select(Realm)).one().succeeded_at
        assert tried is not None and tried > utcnow() - timedelta(minutes=1)


def test_a_provider_that_is_down_is_known_to_be(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    came_in(road)
    config = {"issuer": "https://127.0.0.1:9/", "client_id": "zmdm"}
    with road.rows() as session:
        session.execute(sa.update(Realm).values(backend="oidc", config=config))
    with road.app.app_context():
        account.probe(1)
    with road.rows() as session:
        realm = session.scalars(sa.select(Realm)).one()
        assert realm.failed_at is not None and realm.failure


def test_realms_that_nobody_is_sent_to_are_left_alone(road: Road) -> None:
    lay_account(road)
    came_in(road)
    forgotten(road)
    with road.app.app_context():
        account.look()
    with road.rows() as session:
        tried = session.scalars(sa.select(Realm)).one().succeeded_at
        assert tried is not None and tried < utcnow() - timedelta(hours=1)
