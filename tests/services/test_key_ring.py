"""Sealing keys: a server without one that it needs does not start; all is sealed anew meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import undefer

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import ConfigError, Conflict
from zmdm_plugin.jobs import secrets as job
from zmdm_plugin.models import Device, DeviceSecret, SealingKey
from zmdm_plugin.secretbox import generate_key, key_id, parse_key
from zmdm_plugin.services import job_runs, key_ring, vault

OLD, NEW = generate_key(), generate_key()
Make = Callable[..., Flask]
MANY = key_ring.CHUNK + 20


def filled(make_app: Make, url: str, *, rows: int = 3) -> Flask:
    """A server with the old key, and this many secrets."""
    app = make_app(url, ZMDM_SEALING_KEYS=OLD)
    with app.app_context(), db.transaction() as session:
        device = Device(udid="UDID-1")
        session.add(device)
        session.flush()
        for number in range(rows):
            row = DeviceSecret(device_id=device.id, kind=vault.RECOVERY_LOCK, state="superseded")
            vault.seal(row, "value", f"secret {number}".encode())
            session.add(row)
    return app


def values(app: Flask) -> list[str]:
    with app.app_context():
        query = sa.select(DeviceSecret).order_by(DeviceSecret.id)
        rows = db.session().scalars(query.options(undefer(DeviceSecret.value)))
        return [vault.text(row) for row in rows]


def rotate(app: Flask) -> str:
    with app.app_context():
        with db.transaction():
            uid = key_ring.start(ADMINISTRATOR).uid
        job.reseal(uid)
        return job_runs.find(uid).message or ""


@pytest.mark.parametrize("database", ["sqlite_url", "pg_url"])
def test_what_an_old_key_sealed_is_sealed_with_the_new_one(
    make_app: Make, database: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(database)
    filled(make_app, url, rows=MANY)
    both = make_app(url, ZMDM_SEALING_KEYS=f"{NEW},{OLD}")
    assert f"{MANY} sealed anew" in rotate(both)
    alone = make_app(url, ZMDM_SEALING_KEYS=NEW)
    assert values(alone) == [f"secret {number}" for number in range(MANY)]


def test_without_a_key_that_is_needed_the_server_does_not_start(
    make_app: Make, sqlite_url: str
) -> None:
    filled(make_app, sqlite_url)
    with pytest.raises(ConfigError) as refused:
        make_app(sqlite_url, ZMDM_SEALING_KEYS=NEW)
    (said,) = refused.value.faults
    assert key_id(parse_key(OLD)) in said and OLD not in said and NEW not in said


def test_as_long_as_something_is_left_the_old_key_is_needed(
    make_app: Make, sqlite_url: str
) -> None:
    app = filled(make_app, sqlite_url)
    with app.app_context(), db.transaction() as session:
        row = session.scalars(sa.select(DeviceSecret)).first()
        assert row is not None
        row.value = "z1.deadbeef.AAAA"
    both = make_app(sqlite_url, ZMDM_SEALING_KEYS=f"{NEW},{OLD}")
    assert "1 could not be: keep every key" in rotate(both)
    with both.app_context():
        names = set(db.session().scalars(sa.select(SealingKey.key_id)))
    assert {key_id(parse_key(OLD)), key_id(parse_key(NEW))} <= names


def test_what_was_written_meanwhile_is_left_as_it_is(make_app: Make, sqlite_url: str) -> None:
    app = filled(make_app, sqlite_url)
    both = make_app(sqlite_url, ZMDM_SEALING_KEYS=f"{NEW},{OLD}")
    with both.app_context(), db.transaction():
        uid = key_ring.start(ADMINISTRATOR).uid
    with app.app_context(), db.transaction() as session:
        first = session.scalars(sa.select(DeviceSecret).order_by(DeviceSecret.id)).first()
        assert first is not None
        vault.seal(first, "value", b"written by a server that has not been restarted")
    with both.app_context():
        job.reseal(uid)
    assert values(make_app(sqlite_url, ZMDM_SEALING_KEYS=NEW))[0].startswith("written by")


def test_two_runs_at_once_are_one_too_many(make_app: Make, sqlite_url: str) -> None:
    app = filled(make_app, sqlite_url)
    with app.app_context(), db.transaction():
        key_ring.start(ADMINISTRATOR)
        with pytest.raises(Conflict):
            key_ring.start(ADMINISTRATOR)
