"""A restored database does not know certificates issued since; nobody is released for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import hosts
from tests.identities import authenticate, fall_due, poll, token_update
from tests.road import Road
from zmdm_plugin.models import UnboundIdentity
from zmdm_simulator.device import SimulatedDevice


@pytest.fixture
def backup(app: Flask, sqlite_url: str, tmp_path: Path) -> Callable[[str], None]:
    """`backup("take")` copies the database away, `backup("restore")` puts the copy back."""
    live, kept = sqlite_url.removeprefix("sqlite:///"), tmp_path / "backup.sqlite3"

    def act(what: str) -> None:
        hosts.close(app)
        source, target = (live, kept) if what == "take" else (kept, live)
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.backup(copy)

    return act


@pytest.fixture
def renewed(road: Road, backup: Callable[[str], None]) -> SimulatedDevice:
    """A Mac that was renewed after the last backup, which then had to be restored."""
    mac = road.enrolled()
    mac.connect()
    backup("take")
    fall_due(road, mac)
    assert "InstallProfile" in mac.connect().request_types
    backup("restore")
    return mac


def unbound(road: Road) -> list[tuple[str, str, int]]:
    with road.rows() as session:
        return [
            (row.reason, row.udid or "", row.seen_count)
            for row in session.scalars(sa.select(UnboundIdentity))
        ]


def run(road: Road, *args: str) -> str:
    result = road.app.test_cli_runner().invoke(args=["zmdm", "identity", *args])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_certificate_issued_since_is_refused_and_listed(
    road: Road, renewed: SimulatedDevice
) -> None:
    assert {poll(renewed).status_code, token_update(renewed).status_code} == {400}
    assert unbound(road) == [("unknown_session", renewed.facts.udid, 2)]
    assert renewed.own_identity.fingerprint[:16] in run(road, "list")


def test_an_adopted_certificate_works_at_once(road: Road, renewed: SimulatedDevice) -> None:
    poll(renewed)
    run(road, "adopt", renewed.own_identity.fingerprint[:12], "--yes")
    assert renewed.connect().statuses[0] == 200
    assert unbound(road) == []
    assert road.events(renewed)[-1] == "identity.adopted"


def test_an_adopted_device_is_renewed_in_time(road: Road, renewed: SimulatedDevice) -> None:
    poll(renewed)
    run(road, "adopt", renewed.own_identity.fingerprint, "--yes")
    fall_due(road, renewed)
    adopted = renewed.own_identity.fingerprint
    assert "InstallProfile" in renewed.connect().request_types
    assert renewed.own_identity.fingerprint != adopted


def test_authenticate_with_a_lost_certificate_is_listed_too(
    road: Road, renewed: SimulatedDevice
) -> None:
    assert authenticate(renewed).status_code == 400
    assert unbound(road)[0][:2] == ("unknown_session", renewed.facts.udid)


def test_a_device_that_the_backup_does_not_know_has_to_enroll_anew(
    road: Road, backup: Callable[[str], None]
) -> None:
    backup("take")
    mac = road.enrolled()
    backup("restore")
    assert poll(mac).status_code == 400
    fingerprint = mac.own_identity.fingerprint
    result = road.app.test_cli_runner().invoke(
        args=["zmdm", "identity", "adopt", fingerprint, "--yes"]
    )
    assert result.exit_code != 0
    assert "enroll anew" in result.output


def test_a_new_enrollment_ends_what_waits_for_adoption(
    road: Road, renewed: SimulatedDevice
) -> None:
    poll(renewed)
    renewed.forget("erased")
    renewed.enroll(road.over_the_air())
    assert unbound(road) == []
