"""The audit: one transaction with the action, and no value that was not declared safe."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db, origin
from zmdm_plugin.models import AuditEntry, Device, PushCertificate
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import audit


def test_a_rolled_back_action_leaves_no_entry(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(ZeroDivisionError), db.transaction():
            audit.record(ADMINISTRATOR, "device.block")
            raise ZeroDivisionError
        assert db.session().scalar(sa.select(sa.func.count()).select_from(AuditEntry)) == 0


def test_a_new_row_is_named_by_its_id(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        device = Device(serial_number="C02", name="Mac")
        session.add(device)
        entry = audit.record(ADMINISTRATOR, "device.add", device)
        assert (entry.object_id, entry.object_label) == (device.id, "C02")


def test_a_value_that_is_not_declared_safe_reads_changed(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        certificate = PushCertificate(name="push")
        session.add(certificate)
        after = {"name": "push", "private_key": "hidden", "surprise": "hidden"}
        entry = audit.record(ADMINISTRATOR, "x", certificate, after=after)
        assert entry.after == {"name": "push", "private_key": "changed", "surprise": "changed"}


def test_values_without_an_object_are_never_safe(app: Flask) -> None:
    with app.app_context(), db.transaction():
        assert audit.record(ADMINISTRATOR, "x", after={"a": 1}).after == {"a": "changed"}


def test_no_sealed_column_is_declared_safe() -> None:
    for mapper in Base.registry.mappers:
        safe = audit.safe_columns(mapper.class_)
        sealed = {column.key for column in mapper.columns if "sealed" in column.info}
        assert not safe & sealed
        assert not {name for name in safe if name.endswith(("_hash", "secret", "token"))}


def test_the_origin_of_one_request_is_not_that_of_the_next(app: Flask) -> None:
    origin.came_from(origin.Origin(source_ip="203.0.113.9", user_agent="curl"))
    with app.app_context(), db.transaction():
        assert audit.record(ADMINISTRATOR, "x").source_ip == "203.0.113.9"
        origin.came_from(origin.NOWHERE)
        assert audit.record(ADMINISTRATOR, "x").source_ip is None
