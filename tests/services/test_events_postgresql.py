"""Events on PostgreSQL: every way to look for them goes along an index."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.models import Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import event_retention
from zmdm_plugin.services.event_log import EventFilter

MANY = 40_000
_FILL = """INSERT INTO zmdm_event (kind, payload, created_at, actor_id, actor_label)
SELECT CASE WHEN n % 500 = 0 THEN 'secret.viewed' ELSE 'command.sent' END, '{}',
    now() - n * interval '1 minute',
    CASE WHEN n % 1000 = 0 THEN 'user:7' END, CASE WHEN n % 1000 = 0 THEN 'clerk' END
FROM generate_series(1, :many) n"""


def plan(query: sa.Select[tuple[object, ...]]) -> str:
    text = query.compile(db.engine(), compile_kwargs={"literal_binds": True})
    return "\n".join(db.session().scalars(sa.text(f"EXPLAIN {text}")))


@pytest.fixture
def filled(pg_app: Flask) -> Flask:
    with pg_app.app_context(), db.transaction() as session:
        session.execute(sa.text(_FILL), {"many": MANY})
    with pg_app.app_context(), db.engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return pg_app


def test_no_search_walks_over_all_events(filled: Flask) -> None:
    now = utcnow()
    asked = {
        "ix_zmdm_event_kind_id": EventFilter(kind="secret.viewed"),
        "ix_zmdm_event_device_id_id": EventFilter(device=1),
        "ix_zmdm_event_actor_id_id": EventFilter(actor="user:7"),
        "ix_zmdm_event_actor_label_id": EventFilter(actor="clerk"),
        "ix_zmdm_event_created_at": EventFilter(created_before=now - timedelta(days=20)),
    }
    with filled.app_context():
        for index, one in asked.items():
            down = Event.created_at.desc() if one.ordering == "-created_at" else Event.id.desc()
            query = sa.select(Event).where(*one.conditions(ADMINISTRATOR))
            found = plan(query.order_by(down).limit(50))
            assert index in found and "Seq Scan" not in found, (index, found)


def test_what_is_too_old_of_a_kind_is_found_along_its_index(filled: Flask) -> None:
    with filled.app_context():
        query = event_retention.oldest("events secret.viewed", utcnow(), limit=50)
        found = plan(query)
        assert "ix_zmdm_event_kind_id" in found and "Seq Scan" not in found, found
