"""Store apps whose bundle identifier the App Store does not tell: devices name them, or nobody."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.services.test_apps_by_command import given, wait
from tests.software import Counter
from zmdm_plugin.models import Asset
from zmdm_plugin.services.artifacts import artifacts
from zmdm_plugin.services.artifacts.explain import explain
from zmdm_simulator.device import SimulatedDevice

NOTES = 361285480
DAY = 90_000


@pytest.fixture
def nameless(counter: Counter, phone: SimulatedDevice) -> int:
    """An artifact, licensed for the phone."""
    notes = counter.store_app("Notes", NOTES, bundle_id=None)
    counter.grant(phone, notes)
    return notes


def told_by_the_store(counter: Counter) -> None:
    with counter.road.rows() as session:
        session.execute(sa.update(Asset).values(bundle_id=f"com.example.store.app{NOTES}"))


def test_what_the_device_calls_it_will_do(
    counter: Counter, phone: SimulatedDevice, nameless: int
) -> None:
    phone.app_steps = 1
    assert given(phone, counter) == ["InstallApplication"]
    assert counter.state(phone, nameless).status == "installing"
    wait(counter, phone)
    phone.connect()
    wait(counter, phone, 200)
    assert given(phone, counter) == ["ManagedApplicationList"]
    assert counter.state(phone, nameless).status == "installed"
    counter.unlink(nameless)
    assert given(phone, counter) == ["RemoveApplication"]
    assert phone.apps == {}


def test_what_nobody_names_counts_as_installed_and_is_looked_up_once_it_is_named(
    counter: Counter, phone: SimulatedDevice, nameless: int
) -> None:
    phone.names_apps = False
    assert given(phone, counter) == ["InstallApplication"]
    assert counter.state(phone, nameless).status == "installed"
    with counter.road.rows():
        last = explain(counter.road.row(phone), artifacts.find(nameless)).steps[-1]
        assert last.ok and "once the App Store, or the device, tells" in last.words
    phone.apps.clear()
    wait(counter, phone, DAY)
    assert given(phone, counter)[-1] == "ManagedApplicationList"
    assert counter.state(phone, nameless).status == "installed"
    told_by_the_store(counter)
    wait(counter, phone, DAY)
    assert given(phone, counter)[-2:] == ["ManagedApplicationList", "InstallApplication"]


def test_what_nobody_names_is_not_removed_says_what_to_do_and_goes_once_it_is_named(
    counter: Counter, phone: SimulatedDevice, nameless: int
) -> None:
    phone.names_apps = False
    phone.connect()
    counter.unlink(nameless)
    assert given(phone, counter) == []
    state = counter.state(phone, nameless)
    assert state.status == "removal_failed"
    assert "have the user delete the app" in (state.reasons or [{}])[0]["description"]
    told_by_the_store(counter)
    wait(counter, phone, DAY)
    assert "RemoveApplication" in given(phone, counter)
    assert (phone.apps, counter.found(phone, nameless)) == ({}, None)
