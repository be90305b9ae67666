"""Profiles of ADE enrollments at Apple: defined by a job, immutable, tried again, compared."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.ade import Ade
from tests.dep import faults
from tests.hosts import ADMINISTRATOR
from tests.people import lay_realm
from zmdm_plugin import clock
from zmdm_plugin.jobs import ade as jobs
from zmdm_plugin.models import JobRun
from zmdm_plugin.services import vault
from zmdm_plugin.services.ade import settings


def states(ade: Ade, enrollment_id: int) -> list[str]:
    return [row.state for row in ade.profiles(enrollment_id)]


@pytest.mark.needs("services_schema")
def test_apple_is_given_what_its_schema_has_and_the_secret_is_kept_sealed_here(ade: Ade) -> None:
    staff = ade.enrollment(
        realm_id=lay_realm(ade.road),
        department="IT",
        language="de",
        support_email_address="help@example.com",
        skip_setup_items=["Siri"],
    )
    given: dict[str, Any] = ade.at_apple(staff)
    assert faults("Profile", given) == []
    assert given["configuration_web_url"] == f"{given['url']}web/"
    with ade.road.rows():
        secret = vault.unseal(settings.find(staff), "secret")
    assert secret is not None and secret.decode() in given["url"]
    assert secret.decode() not in str(ade.profiles(staff)[0].content)


def test_an_edit_is_another_profile_and_the_former_is_superseded(ade: Ade) -> None:
    staff = ade.enrollment()
    first = ade.at_apple(staff)
    ade.change(staff, department="Sales")
    assert states(ade, staff) == ["superseded", "defined"]
    assert "department" not in first and ade.at_apple(staff)["department"] == "Sales"
    assert ade.at_apple(staff)["url"] == first["url"]


def test_what_apple_is_not_told_defines_nothing(ade: Ade) -> None:
    staff = ade.enrollment()
    ade.change(staff, ios_min_version="latest", name="Renamed", quota=5)
    assert states(ade, staff) == ["defined"]


def test_several_edits_before_the_job_has_come_are_one_profile(ade: Ade) -> None:
    staff = ade.enrollment()
    with ade.road.rows():
        for department in ("A", "B"):
            row = settings.find(staff)
            settings.change(row, {"department": department}, actor=ADMINISTRATOR)
    ade.define()
    assert states(ade, staff) == ["superseded", "superseded", "defined"]
    assert len(ade.played.organization.server().books.profiles) == 2


def test_what_apple_refuses_is_kept_with_its_reason_until_an_edit(ade: Ade) -> None:
    ade.played.rule(path="/profile", status=400, code="DEPARTMENT_INVALID")
    staff = ade.enrollment(department="IT")
    (failed,) = ade.profiles(staff)
    assert (failed.state, "DEPARTMENT_INVALID" in (failed.error or "")) == ("failed", True)
    ade.change(staff, department="Sales")
    assert states(ade, staff) == ["superseded", "defined"]


def test_an_outage_of_apples_is_tried_again_and_leaves_devices_what_they_have(ade: Ade) -> None:
    staff = ade.enrollment()
    ade.played.fail(terms_signed=False)
    ade.change(staff, department="Sales")
    assert states(ade, staff) == ["defined", "wanted"]
    assert "terms" in (ade.profiles(staff)[-1].error or "")
    ade.played.fail()
    with ade.road.app.app_context(), clock.shifted(timedelta(minutes=16)):
        jobs.retry()
    ade.define()
    assert states(ade, staff) == ["superseded", "defined"]
    assert ade.profiles(staff)[-1].error is None


def test_a_job_that_runs_twice_defines_once(ade: Ade) -> None:
    staff = ade.enrollment()
    with ade.road.app.app_context():
        uid = ade.session_of(sa.select(JobRun.uid).where(JobRun.name == "ade.define"))
        jobs.define(uid)
    assert states(ade, staff) == ["defined"]
    assert len(ade.played.organization.server().books.profiles) == 1


@pytest.mark.parametrize("again", [True, False])
def test_a_uuid_that_names_no_new_profile_leaves_the_former_in_force(ade: Ade, again: bool) -> None:
    staff = ade.enrollment()
    (first,) = ade.profiles(staff)
    body = json.dumps({"profile_uuid": first.profile_uuid if again else "x" * 65})
    ade.played.rule(path="/profile", body=body)
    ade.change(staff, department="Sales")
    assert states(ade, staff) == ["defined", "failed" if again else "wanted"]
    why = "had before" if again else "lacks profile_uuid"
    assert why in (ade.profiles(staff)[-1].error or "")
    ade.change(staff, department="IT")
    assert states(ade, staff) == ["superseded", "superseded", "defined"]
