"""What reports do to the status of artifacts: reports by hand, about one declaration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.artifacts import artifacts, blueprints, present
from zmdm_plugin.services.declarations.reported import MOST_ATTEMPTS, wait_after
from zmdm_simulator.device import SimulatedDevice


class Case:
    """A Mac that was offered one configuration, and has said nothing about it yet."""

    def __init__(self, road: Road) -> None:
        self.road, self.desk = road, Desk(road)
        self.passcode = self.desk.configuration("Passcode")
        self.mac: SimulatedDevice = self.desk.assign(quiet(road, road.enrolled()))
        self.name = self.desk.identifier(self.passcode)
        self.token = self.desk.items(self.mac)[self.name]

    def row(self) -> ChannelArtifact:
        return self.desk.state(self.mac, self.passcode)

    def report(self, *listed: dict[str, Any], **more: Any) -> None:
        section = {"activations": [], "assets": [], "management": [], "configurations": listed}
        items = {"management": {"declarations": section}}
        answer = self.desk.ask(self.mac, "status", {"StatusItems": items, **more})
        assert answer.status_code == 200

    def say(self, valid: str, active: bool, *codes: str, token: str | None = None) -> None:
        """Report the configuration."""
        self.report(self.listed(valid, active, *codes, token=token))

    def listed(
        self, valid: str, active: bool, *codes: str, token: str | None = None
    ) -> dict[str, Any]:
        return {
            "identifier": self.name,
            "server-token": token or self.token,
            "active": active,
            "valid": valid,
            "reasons": [{"code": code} for code in codes],
        }

    def try_again(self) -> None:
        """The wait is over: another token is offered."""
        row_id = self.row().id
        with self.road.rows() as session:
            session.get_one(ChannelArtifact, row_id).next_try_at = utcnow() - timedelta(seconds=1)
            self.road.channel(self.mac).plan_due_at = utcnow()
        self.token = self.desk.items(self.mac)[self.name]


@pytest.fixture
def case(road: Road) -> Case:
    return Case(road)


@pytest.mark.parametrize(
    ("valid", "active", "status"),
    [
        ("valid", True, "installed"),
        ("valid", False, "uninstalled"),
        ("unknown", True, "awaiting_confirmation"),
        ("unknown", False, "pending"),
        ("invalid", False, "failed"),
        ("invalid", True, "failed"),
        ("other", True, "awaiting_confirmation"),
    ],
)
def test_what_a_device_says_is_the_status(
    case: Case, valid: str, active: bool, status: str
) -> None:
    case.say(valid, active)
    row = case.row()
    assert row.status == status
    assert (row.installed_version_id is not None) is (status == "installed")


def test_a_report_that_says_the_same_counts_once(case: Case) -> None:
    for _ in range(3):
        case.say("invalid", False, "Error.ConfigurationCannotBeApplied")
    assert case.row().attempts == 1
    case.try_again()
    for _ in range(3):
        case.say("valid", True)
    row = case.row()
    assert (row.install_count, row.attempts, row.next_try_at) == (1, 0, None)
    assert case.road.events(case.mac).count("artifact.installed") == 1


def test_each_attempt_has_another_token_and_a_longer_wait(case: Case) -> None:
    waits, tokens = [], {case.token}
    for _ in range(3):
        before = utcnow()
        case.say("invalid", False, "Error.AssetCannotBeDownloaded")
        row = case.row()
        assert row.next_try_at is not None
        waits.append((row.next_try_at - before).total_seconds())
        case.try_again()
        tokens.add(case.token)
    assert len(tokens) == 4
    assert waits[0] < waits[1] < waits[2]


def test_what_failed_under_a_former_token_is_over(case: Case) -> None:
    former = case.token
    case.say("invalid", False, "Error.AssetCannotBeDownloaded")
    case.try_again()
    case.say("invalid", False, "Error.AssetCannotBeDownloaded", token=former)
    row = case.row()
    assert (row.status, row.attempts) == ("pending", 1)


def test_of_two_tokens_the_present_one_counts(case: Case) -> None:
    former = case.token
    case.say("invalid", False, "Error.AssetCannotBeDownloaded")
    case.try_again()
    case.report(
        case.listed("invalid", False, "Error.AssetCannotBeDownloaded", token=former),
        case.listed("valid", True),
    )
    assert case.row().status == "installed"


def test_a_former_version_that_is_still_there_is_known_to_be(case: Case) -> None:
    case.say("valid", True)
    first = case.row().installed_version_id
    case.desk.wording(case.passcode, {"MinimumLength": 10})
    case.desk.items(case.mac)
    case.say("valid", True)
    row = case.row()
    assert (row.status, row.installed_version_id) == ("installed", first)
    assert row.tried_version_id != first


def test_what_cannot_get_better_is_not_tried_again(case: Case) -> None:
    case.say("invalid", False, "Error.ConfigurationNotSupported")
    row = case.row()
    assert (row.status, row.next_try_at) == ("failed", None)
    newer = case.desk.wording(case.passcode, {"MinimumLength": 10})
    case.desk.items(case.mac)
    row = case.row()
    assert (row.status, row.attempts, row.tried_version_id) == ("pending", 0, newer)


def test_waits_end_at_a_day() -> None:
    waits = [wait_after(attempts) for attempts in range(1, MOST_ATTEMPTS + 1)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=15)
    assert waits[-1] == timedelta(days=1)


def test_one_that_vanished_from_the_device_is_said_to_be_missing(case: Case) -> None:
    case.say("valid", True)
    case.report()
    row = case.row()
    assert (row.status, row.installed_version_id) == ("uninstalled", None)
    assert row.reasons and row.reasons[0]["code"] == "Missing"
    former = case.token
    case.try_again()
    assert case.token != former


def test_one_that_is_not_fetched_yet_keeps_waiting(case: Case) -> None:
    case.report()
    assert case.row().status == "pending"


def test_one_that_is_being_removed_stays_until_the_device_no_longer_lists_it(case: Case) -> None:
    case.say("valid", True)
    case.desk.unlink(case.passcode)
    assert case.name not in case.desk.items(case.mac)
    assert case.row().status == "removing"
    case.say("valid", True)
    assert case.row().status == "removing"
    case.report()
    assert case.desk.found(case.mac, case.passcode) is None


def test_one_that_comes_back_before_it_has_gone_stays(case: Case) -> None:
    case.say("valid", True)
    case.desk.unlink(case.passcode)
    case.desk.items(case.mac)
    with case.road.rows():
        blueprints.link(blueprints.find(case.desk.blueprint_id), artifacts.find(case.passcode))
    case.desk.items(case.mac)
    assert case.row().status == "installed"


def test_by_hand_it_is_tried_again_at_once(case: Case) -> None:
    case.say("invalid", False, "Error.ConfigurationNotSupported")
    before = case.token
    with case.road.rows():
        present.retry(case.road.channel(case.mac), case.passcode)
    assert case.desk.items(case.mac)[case.name] != before
    assert case.row().status == "pending"


def test_errors_of_a_report_are_kept_and_told(case: Case) -> None:
    reasons = [{"Code": "Error.Unknown", "Description": "no sensor"}]
    case.report(Errors=[{"StatusItem": "device.power.battery-health", "Reasons": reasons}])
    assert "status.error" in case.road.events(case.mac)
    held = case.desk.held(case.mac)
    assert held.errors and held.errors[0]["StatusItem"] == "device.power.battery-health"


def test_full_and_incremental_reports_add_up(case: Case) -> None:
    full = {"StatusItems": {"passcode": {"is-present": True}}, "FullReport": True}
    case.desk.ask(case.mac, "status", full)
    case.desk.ask(case.mac, "status", {"StatusItems": {"passcode": {"is-compliant": False}}})
    held = case.desk.held(case.mac)
    assert held.status == {"passcode": {"is-present": True, "is-compliant": False}}
    assert held.full_report_at is not None
    with case.road.rows():
        row = case.road.row(case.mac)
        assert (row.passcode_present, row.passcode_compliant) == (True, False)


def test_progress_of_an_update_is_taken(case: Case) -> None:
    said = {"softwareupdate": {"device-id": "J316sAP", "install-state": "downloading"}}
    case.desk.ask(case.mac, "status", {"StatusItems": said})
    with case.road.rows():
        assert case.road.row(case.mac).software_update_device_id == "J316sAP"
