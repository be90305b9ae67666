"""Screens of ADE enrollments: the grouped form, how the profile stands at Apple, the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.ade import Ade, lay_ade, settings_for
from tests.admin.conftest import token
from tests.hosts import ADMINISTRATOR
from zmdm_plugin.models import DepVirtualServer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.ade import settings
from zmdm_plugin.services.dep import leaving
from zmdm_simulator.apple.dep import PlayedDep

NEW = "/mdm/enrollments/new/apple/"


@pytest.fixture
def ade(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Ade]:
    played = PlayedDep().start()
    with lay_ade(make_app(sqlite_url, **settings_for(played)), played) as laid:
        yield laid
    played.stop()


def send(ade: Ade, path: str, **form: Any) -> Any:
    client = ade.road.app.test_client()
    return client.post(path, data={"csrf_token": token(client, NEW), **form})


def get(ade: Ade, path: str) -> str:
    answer = ade.road.app.test_client().get(path)
    assert answer.status_code == 200, answer.status
    return answer.get_data(as_text=True)


def asked(ade: Ade, **more: Any) -> dict[str, Any]:
    ids = {"server_id": ade.server_id, "push_certificate": 1, "scep_issuer": 1}
    flags = {"is_supervised": "1", "is_mandatory": "1", "allow_pairing": "1"}
    numbers = {"admin_password_complexity": 3, "admin_password_rotation_delay": 60}
    return {"name": "Staff", **ids, **flags, **numbers, **more}


def test_the_form_makes_an_enrollment_whose_page_tells_how_it_stands(ade: Ade) -> None:
    answer = send(ade, NEW, **asked(ade, department="IT", skip_setup_items=["Siri", "AppleID"]))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert "Being defined" in get(ade, answer.headers["Location"])
    ade.define()
    shown = get(ade, answer.headers["Location"])
    assert "Defined" in shown and "2 screens skipped" in shown
    with ade.road.rows():
        said = settings.of(settings.find(2))
        assert (said.department, said.skip_setup_items) == ("IT", ["AppleID", "Siri"])


def test_a_contradiction_is_told_at_its_field_and_what_was_typed_stays(ade: Ade) -> None:
    answer = send(ade, NEW, **asked(ade, admin_full_name="Root", skip_setup_items="Siri"))
    shown = answer.get_data(as_text=True)
    assert (answer.status_code, "f-admin_short_name-error" in shown) == (422, True)
    assert 'value="Root"' in shown and 'value="Siri" checked' in shown


def test_a_text_that_is_emptied_and_a_box_that_is_unticked_are_kept_so(ade: Ade) -> None:
    staff = ade.enrollment(department="IT", await_device_configured=True)
    path = f"/mdm/enrollments/{staff}/edit/apple/"
    assert 'value="IT"' in get(ade, path)
    form = {name: value for name, value in asked(ade).items() if name not in ("server_id",)}
    assert send(ade, path, **form).status_code == 303
    with ade.road.rows():
        said = settings.of(settings.find(staff))
        assert (said.department, said.await_device_configured) == ("", False)


def test_the_test_marks_what_apple_has_otherwise_and_can_define_again(ade: Ade) -> None:
    staff = ade.enrollment(department="IT")
    path = f"/mdm/enrollments/{staff}/test/"
    assert "exactly what is set here" in get(ade, path)
    ade.at_apple(staff)["department"] = "Other"
    shown = get(ade, path)
    assert "Other" in shown and "Different" in shown
    assert send(ade, f"{path}define/").status_code == 303
    ade.define()
    assert "exactly what is set here" in get(ade, path)


def test_what_apple_refuses_is_shown_with_its_reason(ade: Ade) -> None:
    ade.played.rule(path="/profile", status=400, code="CONFIG_NAME_INVALID")
    staff = ade.enrollment()
    assert "CONFIG_NAME_INVALID" in get(ade, f"/mdm/enrollments/{staff}/")


def test_that_its_virtual_server_is_not_connected_is_said(ade: Ade) -> None:
    staff = ade.enrollment()
    assert "is not connected" not in get(ade, f"/mdm/enrollments/{staff}/")
    with ade.road.rows() as session:
        name = session.get_one(DepVirtualServer, ade.server_id).name
        leaving.disconnect(ade.server_id, name=name, actor=ADMINISTRATOR, now=utcnow())
    assert "is not connected" in get(ade, f"/mdm/enrollments/{staff}/")


def test_a_test_is_offered_only_while_apple_answers_to_the_token(ade: Ade) -> None:
    staff = ade.enrollment()
    page = f"/mdm/enrollments/{staff}/"
    assert f"{page}test/define/" in get(ade, page)
    with ade.road.rows() as session:
        session.get_one(DepVirtualServer, ade.server_id).access_token_expiry = utcnow()
    shown = get(ade, page)
    assert "expired on" in shown and f"{page}test/" not in shown
    assert "renew it" in get(ade, f"{page}test/")
