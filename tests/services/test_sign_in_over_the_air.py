"""Over the air with a sign-in: optional or required, and no way around a required one."""

from __future__ import annotations

import plistlib

import pytest

from tests.orders import Line, quiet
from tests.people import ADA, Browser, lay_realm, person, said
from tests.road import Road
from tests.services.test_enrollment_over_the_air import reasons
from tests.shelf import Shelf, mobileconfig, payload
from zmdm_plugin import db
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.realms import people, provider, realms
from zmdm_simulator import enrollment
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.profile import load


@pytest.fixture
def realm_id(road: Road) -> int:
    return lay_realm(road)


def signed_in_profile(road: Road, link: str, username: str = ADA["username"]) -> bytes:
    """The profile that the browser gets once the person has signed in."""
    browser = Browser(road.app)
    answer = browser.get(link)
    assert answer.status_code == 303
    there = browser.sign_in(answer.headers["Location"], username)
    profile = browser.get(there)
    assert profile.headers["Content-Type"] == "application/x-apple-aspen-config"
    return profile.content


def person_of(road: Road, device: SimulatedDevice) -> str | None:
    with road.rows() as session:
        found = road.row(device).realm_user_id
        return found and session.get_one(RealmUser, found).username


def test_a_person_signs_in_and_the_device_is_theirs(road: Road, realm_id: int) -> None:
    link = road.over_the_air(realm_id=realm_id, realm_required=True)
    phone = road.enrolled("iPhone15,2", profile=signed_in_profile(road, link))
    assert person_of(road, phone) == ADA["username"]
    with road.rows():
        assert road.sessions("ota")[0].realm_user_id == road.row(phone).realm_user_id


def test_where_it_is_optional_one_may_go_on_without(road: Road, realm_id: int) -> None:
    link = road.over_the_air(realm_id=realm_id)
    browser = Browser(road.app)
    url = browser.get(link).headers["Location"]
    browser.get(url)
    there = browser.send(url, skip="yes").headers["Location"]
    phone = road.enrolled("iPhone15,2", profile=browser.get(there).content)
    assert person_of(road, phone) is None


def test_a_required_sign_in_cannot_be_gone_around(road: Road, realm_id: int) -> None:
    link = road.over_the_air(realm_id=realm_id)
    browser = Browser(road.app)
    url = browser.get(link).headers["Location"]
    browser.get(url)
    there = browser.send(url, skip="yes").headers["Location"]
    profile = browser.get(there).content
    with road.rows():
        enrollments.update(enrollments.by_name("Over the air"), {"realm_required": True})
    with pytest.raises(EnrollmentFailed, match="400"):
        road.enrolled("iPhone15,2", profile=profile)
    assert reasons(road) == ["nobody signed in for this profile; open the link again"]


def test_a_session_from_before_the_sign_in_was_required_stops(road: Road, realm_id: int) -> None:
    link = road.over_the_air()
    phone = road.device("iPhone15,2")
    service = load(enrollment.fetch(phone, link)).service
    assert service is not None
    scep = load(enrollment.phase_two(phone, service).content).of_type(enrollment.SCEP)[0]
    identity = enrollment.enroll_identity(phone, scep)
    with road.rows():
        changes = {"realm_id": realm_id, "realm_required": True}
        enrollments.update(enrollments.by_name("Over the air"), changes)
    assert enrollment.phase_three(phone, service, identity).status_code == 400
    assert "demands a sign-in" in reasons(road)[-1]


def test_a_handle_of_another_enrollment_is_refused(road: Road, realm_id: int) -> None:
    one = road.over_the_air("One", realm_id=realm_id)
    two = road.over_the_air("Two", realm_id=realm_id)
    browser = Browser(road.app)
    there = browser.sign_in(browser.get(one).headers["Location"])
    handle = there.rpartition("?")[2]
    answer = browser.get(f"{two}signed_in/?{handle}")
    assert (answer.status_code, "for another enrollment" in answer.text) == (400, True)


def test_a_profile_by_hand_has_no_sign_in(road: Road, realm_id: int) -> None:
    with pytest.raises(Refused, match="by hand"):
        road.by_hand("With people", realm_id=realm_id)


def test_required_needs_a_realm(road: Road) -> None:
    with pytest.raises(Refused, match="needs a realm"):
        road.over_the_air(realm_required=True)


def test_a_realm_that_is_switched_off_keeps_out_only_where_it_is_required(
    road: Road, realm_id: int
) -> None:
    optional = road.over_the_air("Optional", realm_id=realm_id)
    required = road.over_the_air("Required", realm_id=realm_id, realm_required=True)
    with road.rows():
        realms.update(realms.find(realm_id), {"enabled": False})
    browser = Browser(road.app)
    assert browser.get(optional).status_code == 200
    answer = browser.get(required)
    assert (answer.status_code, "switched off" in answer.text) == (400, True)


VARIABLES = {
    "USERNAME": "ada.lovelace@example.com",
    "DEVICE_USERNAME": "adalovelace",
    "EMAIL": "ada@example.com",
    "EMAIL_PREFIX": "ada",
    "FIRST_NAME": "Ada",
    "LAST_NAME": "Lovelace",
    "FULL_NAME": "Ada Lovelace",
    "CUSTOM_ATTR_1": "Analysis",
    "CUSTOM_ATTR_2": "London",
}


def told(mac: SimulatedDevice) -> dict[str, str]:
    """The values in the profile that the device is given now."""
    line = Line(mac)
    assert line.idle() == "InstallProfile"
    profile = plistlib.loads(line.command["Payload"])
    line.say()
    return dict(profile["PayloadContent"][0]["Told"])


@pytest.fixture
def adas(road: Road, realm_id: int) -> SimulatedDevice:
    """Ada's Mac, which has a profile with all that is known of her."""
    link = road.over_the_air(realm_id=realm_id)
    old = ("12.7.6", "21H1320")
    mac = road.enrolled(system=old, profile=signed_in_profile(road, link))
    shelf = Shelf(road)
    shelf.blueprint(legacy_profiles_via_ddm=False)
    words = {name: f"$REALM_USER.{name}" for name in VARIABLES}
    shelf.profile("Person", mobileconfig(payload(Told=words)))
    return shelf.assign(quiet(road, mac))


def test_variables_stand_for_the_person(adas: SimulatedDevice) -> None:
    assert told(adas) == VARIABLES


def test_a_changed_person_is_told_to_their_device(road: Road, adas: SimulatedDevice) -> None:
    adas.connect()
    with road.rows() as session:
        road.channel(adas).push_due_at = None
        session.flush()
        known = provider.Known(claims=person(last_name="King", full_name="Ada King"))
        people.take(realms.by_name("Lab"), known, now=utcnow())
    with road.rows():
        assert road.channel(adas).push_due_at is not None
    assert told(adas) == {**VARIABLES, "LAST_NAME": "King", "FULL_NAME": "Ada King"}
    assert adas.connect().request_types == []


def test_a_sign_in_that_changes_nothing_wakes_nobody(road: Road, adas: SimulatedDevice) -> None:
    adas.connect()
    with road.rows():
        road.channel(adas).push_due_at = None
        db.session().flush()
        people.take(realms.by_name("Lab"), provider.Known(claims=ADA), now=utcnow())
    with road.rows():
        assert road.channel(adas).push_due_at is None


def test_the_page_asks_for_a_password_in_words(road: Road, realm_id: int) -> None:
    browser = Browser(road.app)
    url = browser.get(road.over_the_air(realm_id=realm_id)).headers["Location"]
    page = browser.get(url)
    assert "Sign in with your account of Lab" in page.text
    assert said(browser.send(url, username="ada", password="")) == (
        "Type your username and your password."
    )
