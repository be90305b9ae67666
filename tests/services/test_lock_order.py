"""One order of locks: a device's channels by their ids, then the device itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from tests.orders import quiet
from tests.road import Road
from zmdm_plugin.models import Channel, Device
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice

CHECK_INS: dict[str, Callable[[SimulatedDevice], httpx.Response]] = {
    "TokenUpdate": lambda mac: mac.update_token(),
    "CheckOut": lambda mac: mac.check_in(checkins.check_out(mac, mac.channel())),
    "SetBootstrapToken": lambda mac: mac.set_bootstrap_token(b"another"),
}


def wait_for_a_blocked_session(road: Road) -> None:
    """Until somebody waits for a lock that another one holds."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with road.app.app_context():
        engine = road.app.extensions["sqlalchemy"].engine
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with engine.connect() as connection:
            if connection.scalar(waiting):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("name", CHECK_INS)
def test_a_check_in_waits_for_a_conversation_before_it_holds_the_device(
    pg_road: Road, name: str
) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    with ThreadPoolExecutor(1) as threads:
        with pg_road.rows() as session:
            own = Channel.id == pg_road.channel(mac).id
            session.execute(sa.select(Channel.id).where(own).with_for_update(key_share=True))
            answer = threads.submit(CHECK_INS[name], mac)
            wait_for_a_blocked_session(pg_road)
            session.execute(sa.text("SET LOCAL lock_timeout = '500ms'"))
            session.execute(sa.update(Device).values(build_version="23C71"))
        assert answer.result(20).status_code == 200


def blocked_by(connection: sa.Connection, road: Road) -> None:
    """Wait until somebody waits for what this connection holds."""
    pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    waiting = sa.text("SELECT 1 FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))")
    ends = time.monotonic() + 20
    with road.app.app_context():
        engine = road.app.extensions["sqlalchemy"].engine
    while time.monotonic() < ends:
        with engine.connect() as other:
            if other.scalar(waiting, {"pid": pid}):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def add_user(connection: sa.Connection, channel: Channel) -> int:
    """A user's channel, as another check-in adds it."""
    now = channel.created_at
    values = {"uid": "u-1", "created_at": now, "updated_at": now, "kind": "user", "key": "user:a"}
    device_id = channel.device_id
    more = {"planned_revision": 0, "push_bulk": False, "push_attempts": 0, "enrolled_at": now}
    added = sa.insert(Channel).values(device_id=device_id, **values, **more).returning(Channel.id)
    return int(connection.execute(added).scalar_one())


def test_a_channel_that_comes_between_the_two_locks_stops_nobody(pg_road: Road) -> None:
    mac = quiet(pg_road, pg_road.enrolled())
    with pg_road.rows() as session:
        own = pg_road.channel(mac)
        session.expunge(own)
    with pg_road.app.app_context():
        engine = pg_road.app.extensions["sqlalchemy"].engine
    conversation, other = engine.connect(), engine.connect()
    with ThreadPoolExecutor(1) as threads, conversation, other:
        channel = sa.select(Channel.id).where(Channel.id == own.id).with_for_update(key_share=True)
        conversation.execute(channel)
        other.execute(sa.select(Device.id).with_for_update(key_share=True))
        answer = threads.submit(CHECK_INS["CheckOut"], mac)
        blocked_by(conversation, pg_road)
        added = add_user(conversation, own)
        conversation.commit()
        conversation.execute(sa.select(Channel.id).where(Channel.id == added).with_for_update())
        blocked_by(other, pg_road)
        other.commit()
        blocked_by(conversation, pg_road)
        conversation.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        conversation.execute(sa.update(Device).values(build_version="23C71"))
        conversation.commit()
        assert answer.result(20).status_code == 200
