"""What an app waits for, in words: its licence, the device, a person."""

from __future__ import annotations

import pytest

from tests.orders import quiet
from tests.road import Road
from tests.software import Counter
from zmdm_plugin.services.artifacts import artifacts, standing
from zmdm_plugin.services.artifacts.explain import explain
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def counter(road: Road) -> Counter:
    return Counter(road)


@pytest.fixture
def phone(road: Road, counter: Counter) -> SimulatedDevice:
    return counter.assign(quiet(road, road.enrolled("iPhone15,2", seed=2)))


def obstacle(counter: Counter, device: SimulatedDevice, artifact: int) -> tuple[str, str]:
    with counter.road.rows():
        row = counter.road.row(device)
        found = explain(row, artifacts.find(artifact)).obstacle
        (shown,) = [one for one in standing.of(row) if one.artifact.id == artifact]
        assert found is not None
        assert shown.reason == found.words
        return found.rule, found.words


def test_a_missing_licence_is_what_it_waits_for(counter: Counter, phone: SimulatedDevice) -> None:
    notes = counter.store_app("Notes", 361285480)
    phone.connect()
    rule, words = obstacle(counter, phone, notes)
    assert rule == "licence"
    assert words.startswith("It waits for a licence: a job is about to ask Apple")


def test_an_app_on_its_way_says_how_far_it_is(counter: Counter, phone: SimulatedDevice) -> None:
    notes = counter.store_app("Notes", 361285480)
    counter.grant(phone, notes)
    phone.connect()
    rule, words = obstacle(counter, phone, notes)
    assert rule == "present"
    assert words.startswith("The device has put the app into its queue; it is asked again in")


def test_before_the_device_comes_the_command_waits(
    counter: Counter, phone: SimulatedDevice
) -> None:
    notes = counter.store_app("Notes", 361285480)
    counter.grant(phone, notes)
    rule, words = obstacle(counter, phone, notes)
    assert rule in ("queued", "pushed")
    assert words
