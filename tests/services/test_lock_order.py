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
