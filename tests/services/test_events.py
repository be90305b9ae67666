"""Events: written with the fact, as the catalogue has them, by whoever did it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from tests.orders import Line, order, quiet
from tests.road import Road
from zmdm_plugin import db, origin
from zmdm_plugin.models import Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, job_runs
from zmdm_plugin.services.events import Fact


def told(road: Road, begin: str) -> list[tuple[str, dict[str, Any]]]:
    """Kind and payload of the events whose kind begins so, as they came."""
    with road.rows() as session:
        query = sa.select(Event.kind, Event.payload).where(Event.kind.startswith(begin))
        return [(kind, payload) for kind, payload in session.execute(query.order_by(Event.id))]


def test_an_order_its_answer_and_the_next_order_are_told_in_turn(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    before = len(told(road, "command."))
    first, second = order(road, mac, "ProfileList"), order(road, mac, "CertificateList")
    line = Line(mac)
    line.idle()
    line.say()
    found = told(road, "command.")[before:]
    assert [(kind, about["command"]) for kind, about in found] == [
        ("command.sent", first),
        ("command.answered", first),
        ("command.sent", second),
    ]
    assert found[1][1]["state"] == "acknowledged"


def test_what_is_rolled_back_never_happened(road: Road) -> None:
    with pytest.raises(RuntimeError), road.app.app_context(), db.transaction():
        events.record_all([Fact("realm.changed", None, {"name": "Staff"})])
        raise RuntimeError("nothing comes of it")
    assert told(road, "realm.") == []


@pytest.mark.parametrize(
    ("kind", "payload", "fault"),
    [
        ("device.painted", {}, "no kind"),
        ("realm.changed", {}, "lacks 'name'"),
        ("realm.changed", {"name": 7}, "no string"),
        ("realm.changed", {"name": "Staff", "color": "red"}, "has no 'color'"),
    ],
)
def test_what_is_not_described_is_a_mistake(
    app: Flask, kind: str, payload: dict[str, Any], fault: str
) -> None:
    with app.app_context(), db.transaction(), pytest.raises(ValueError, match=fault):
        events.record(kind, **payload)


def test_long_work_that_failed_is_an_event_of_who_ordered_it(app: Flask) -> None:
    with app.app_context():
        with db.transaction():
            uid = job_runs.start("test.count", ADMINISTRATOR, title="Count to ten").uid
        origin.acts(ADMINISTRATOR.id, ADMINISTRATOR.label)
        with db.transaction():
            job_runs.fail(uid, "no more fingers", now=utcnow())
        origin.came_from(origin.NOWHERE)
        event = db.session().scalars(sa.select(Event).where(Event.kind == "job.failed")).one()
        assert (event.payload["run"], event.actor_id) == (uid, ADMINISTRATOR.id)
