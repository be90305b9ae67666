"""The web view of Setup Assistant: sign-ins that lead to the profile, and none around them."""

from __future__ import annotations

import base64

import pytest

from tests.ade import Ade
from tests.people import ADA, PASSWORD, Browser, lay_realm, said
from zmdm_plugin.models import Realm
from zmdm_plugin.services import release
from zmdm_plugin.services.ade import settings
from zmdm_simulator import setup_assistant
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.web_view import Person, WebView

HEADER = setup_assistant.HEADER
SOMEBODY = Person(ADA["username"], PASSWORD)
STRANGER = Person(ADA["username"], "wrong")
NOBODY = Person()


def signing_in(ade: Ade, *, required: bool = True) -> SimulatedDevice:
    """A Mac in its box, where somebody has to sign in."""
    staff = ade.enrollment(realm_id=lay_realm(ade.road), realm_required=required)
    return ade.boxed(enrollment_id=staff)


def who(ade: Ade, device: SimulatedDevice) -> str | None:
    """The username of whoever signed in for the device's newest session."""
    with ade.road.rows() as session:
        row = session.merge(ade.session(device))
        return row.realm_user.username if row.realm_user else None


def header(device: SimulatedDevice) -> dict[str, str]:
    return {HEADER: base64.b64encode(setup_assistant.signed(device)).decode()}


def test_somebody_signs_in_and_the_device_enrolls_for_them(ade: Ade) -> None:
    mac = signing_in(ade)
    mac.set_up(ade.assigned(mac), SOMEBODY)
    assert mac.connect().request_types
    assert (ade.session(mac).state, who(ade, mac)) == ("completed", ADA["username"])


def test_a_wrong_password_leads_nowhere(ade: Ade) -> None:
    mac = signing_in(ade)
    with pytest.raises(EnrollmentFailed):
        mac.set_up(ade.assigned(mac), STRANGER)
    assert (ade.session(mac).state, who(ade, mac)) == ("described", None)


def test_nobody_goes_on_without_where_a_sign_in_is_required(ade: Ade) -> None:
    mac = signing_in(ade)
    with pytest.raises(EnrollmentFailed):
        mac.set_up(ade.assigned(mac), NOBODY)


def test_one_may_go_on_without_where_a_sign_in_is_optional(ade: Ade) -> None:
    mac = signing_in(ade, required=False)
    mac.set_up(ade.assigned(mac), NOBODY)
    assert (ade.session(mac).state, who(ade, mac)) == ("completed", None)


def test_a_realm_that_is_switched_off_stops_only_those_who_need_it(ade: Ade) -> None:
    needs = signing_in(ade)
    with ade.road.rows() as session:
        realm = session.query(Realm).one()
        realm.enabled = False
        realm_id = realm.id
    with pytest.raises(EnrollmentFailed):
        needs.set_up(ade.assigned(needs), SOMEBODY)
    may = ade.boxed(enrollment_id=ade.enrollment("Others", realm_id=realm_id), seed=2)
    may.set_up(ade.assigned(may), SOMEBODY)
    assert ade.session(may).state == "completed"


def test_the_profile_may_be_asked_for_again(ade: Ade) -> None:
    mac = signing_in(ade)
    web = ade.assigned(mac)["configuration_web_url"]
    view = WebView(ade.road.http, SOMEBODY)
    first = view.visit(web, header(mac))
    again = ade.road.http.get(str(first.url))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["content-type"] == "application/x-apple-aspen-config"


def test_a_ticket_of_one_person_is_no_way_in_once_the_view_was_opened_anew(ade: Ade) -> None:
    mac = signing_in(ade)
    web = ade.assigned(mac)["configuration_web_url"]
    ticket = str(WebView(ade.road.http, SOMEBODY).visit(web, header(mac)).url)
    WebView(ade.road.http, NOBODY).visit(web, header(mac))
    answer = ade.road.http.get(ticket)
    assert (answer.status_code, "sign in" in said(answer)) == (403, True)


def test_a_browser_without_a_device_is_told_so(ade: Ade) -> None:
    mac = signing_in(ade)
    page = Browser(ade.road.app).get(ade.assigned(mac)["configuration_web_url"])
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "set up" in said(page)


def test_what_is_invented_is_a_page_that_says_so(ade: Ade) -> None:
    mac = signing_in(ade)
    web = ade.assigned(mac)["configuration_web_url"]
    for value in ("%%%", "AAAA", "x" * 70_000):
        page = ade.road.http.get(web, headers={HEADER: value})
        assert (page.status_code, bool(said(page))) == (400, True)
    for path in ("signed_in/?sign_in=x", "signed_in/", "z1.00.AAAA/", "x/"):
        assert ade.road.http.get(f"{web}{path}").status_code in (400, 404)


def test_who_is_blocked_meanwhile_does_not_get_the_profile(ade: Ade) -> None:
    mac = signing_in(ade)
    mac.set_up(ade.assigned(mac), SOMEBODY)
    mac.forget("erased")
    web = ade.assigned(mac)["configuration_web_url"]
    ticket = str(WebView(ade.road.http, SOMEBODY).visit(web, header(mac)).url)
    with ade.road.rows():
        release.block(ade.road.row(mac))
    assert ade.road.http.get(ticket).status_code == 403


def test_without_a_realm_the_view_has_nothing_to_ask(ade: Ade) -> None:
    staff = ade.enrollment(realm_id=lay_realm(ade.road), realm_required=True)
    mac = ade.boxed(enrollment_id=staff)
    web = ade.assigned(mac)["configuration_web_url"]
    with ade.road.rows():
        row = settings.find(staff)
        row.realm_id, row.realm_required = None, False
    assert ade.road.http.get(web, headers=header(mac)).status_code == 200
