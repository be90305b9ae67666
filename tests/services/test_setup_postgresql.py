"""Setup Assistant under load: limits, conversations and operators at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.identities import after
from tests.road import Road
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import devices
from zmdm_plugin.services.setup import awaiting
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def mac(pg_road: Road) -> SimulatedDevice:
    """A Mac whose TokenUpdate says that it waits."""
    mac = pg_road.device()
    mac.awaiting = True
    mac.enroll(pg_road.profile)
    return mac


def releases(road: Road) -> list[str]:
    with road.rows() as session:
        query = sa.select(ChannelCommand).where(ChannelCommand.name == "DeviceConfigured")
        return [row.state for row in session.scalars(query.order_by(ChannelCommand.id))]


def test_the_limit_is_said_once_whatever_sweeps(pg_road: Road, mac: SimulatedDevice) -> None:
    def sweep(_number: int) -> int:
        with after(timedelta(minutes=16)), pg_road.rows():
            return awaiting.say_stalled(now=utcnow())

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sweep, range(8))) == 1
    assert pg_road.events(mac).count("setup.stalled") == 1


def test_operators_and_the_device_meet(pg_road: Road, mac: SimulatedDevice) -> None:
    """However they meet, the device goes on, and no release is left over."""

    def release(_number: int) -> None:
        with pg_road.rows():
            device = devices.locked(pg_road.row(mac).id)
            if device.awaiting_configuration:
                awaiting.release(device, ADMINISTRATOR)

    with ThreadPoolExecutor(3) as pool:
        talking = pool.submit(mac.connect)
        list(pool.map(release, range(6)))
        talking.result()
    mac.connect()
    assert not mac.awaiting
    assert set(releases(pg_road)) <= {"acknowledged", "superseded", "error"}
    with pg_road.rows():
        assert pg_road.channel(mac).awaiting_since is None
