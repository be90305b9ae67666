"""What an app waits for, in words: its licence, the device, a person."""

from __future__ import annotations

import sqlalchemy as sa

from tests.software import Counter
from zmdm_plugin.models import LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.artifacts import artifacts, standing
from zmdm_plugin.services.artifacts.explain import explain
from zmdm_simulator.device import SimulatedDevice


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
    assert words == "It waits for a licence: a job is about to note that the device needs one."
    counter.walk()
    assert obstacle(counter, phone, notes)[1].endswith(
        "a job is about to ask Apple for the licence."
    )
    with counter.road.rows() as session:
        session.execute(sa.update(LocationAsset).values(short_at=utcnow()))
    assert obstacle(counter, phone, notes)[1].endswith(
        "all 9 licences of Notes are assigned: buy more."
    )


def test_a_persons_own_device_is_told_to_get_none(counter: Counter, phone: SimulatedDevice) -> None:
    notes = counter.store_app("Notes", 361285480)
    phone.connect()
    with counter.road.rows():
        row = counter.road.row(phone)
        row.user_enrollment, row.serial_number = True, None
        explained = explain(row, artifacts.find(notes)).obstacle
        assert explained is not None
        assert explained.rule == "licence"
        assert "does not tell (user enrollment)" in explained.words


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
