"""The gate on the wire: a device with an older system updates, asks again, and comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests import updates
from tests.ade import Ade, lay_ade, settings_for
from tests.people import ADA, PASSWORD, lay_realm
from zmdm_simulator import setup_assistant
from zmdm_simulator.software_lookup import PlayedSoftwareLookup
from zmdm_simulator.web_view import Person

OLD = ("26.0", "25A354")


@pytest.fixture
def gated(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    lookup: PlayedSoftwareLookup,
    played_dep: object,
) -> Iterator[Ade]:
    """The road of Setup Assistant, with Apple's list read."""
    more = {**settings_for(played_dep), **updates.settings_for(lookup)}  # type: ignore[arg-type]
    app = make_app(sqlite_url, **more)
    with lay_ade(app, played_dep) as laid:  # type: ignore[arg-type]
        assert updates.Updates(app, lookup, 0).sync().state == "done"
        yield laid


def test_a_mac_updates_first_by_post_and_by_the_web_view(gated: Ade) -> None:
    ways = {"Plain": {}, "Web": {"realm_id": lay_realm(gated.road), "realm_required": True}}
    for seed, (name, more) in enumerate(ways.items()):
        staff = gated.enrollment(name, macos_min_version="26.1", **more)
        mac = gated.boxed(enrollment_id=staff, seed=seed, system=OLD)
        mac.set_up(gated.assigned(mac), Person(ADA["username"], PASSWORD))
        assert mac.facts.model.version >= (26, 1)
        assert gated.session(mac).state == "completed"
        assert "told to update to" in (gated.session(mac).failure or "")


def test_the_answer_is_apples_error_with_a_version_that_is_offered(gated: Ade) -> None:
    mac = gated.boxed(enrollment_id=gated.enrollment(macos_min_version="latest"), system=OLD)
    answer = setup_assistant.ask(mac, gated.assigned(mac)["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/json")
    said = answer.json()
    assert said["code"] == "com.apple.softwareupdate.required"
    assert set(said["details"]) == {"OSVersion", "BuildVersion"}


def test_one_that_cannot_be_asked_and_one_without_an_offer_come_in(gated: Ade) -> None:
    staff = gated.enrollment(macos_min_version="99", ios_min_version="99")
    for seed, takes in enumerate((True, False)):
        device = gated.boxed("iPhone15,2", staff, seed=seed)
        device.takes_updates = takes
        device.set_up(gated.assigned(device))
        assert "let in without the update" in (gated.session(device).failure or "")
