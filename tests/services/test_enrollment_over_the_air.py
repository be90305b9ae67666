"""Over the air, step by step: who may take which, and what becomes of those who may not."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.identities import authenticate, obtain
from tests.road import Road, lay_road
from zmdm_plugin.models import Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.enrollment import enrollments
from zmdm_simulator import enrollment, pki
from zmdm_simulator.channel import Channel
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.pki import DeviceCA, Identity
from zmdm_simulator.profile import ProfileService, load, mdm_of


def opened(device: SimulatedDevice, link: str) -> ProfileService:
    """Step 1."""
    service = load(enrollment.fetch(device, link)).service
    assert service is not None
    return service


def described(device: SimulatedDevice, service: ProfileService) -> Identity:
    """Step 2: the identity that the third step is signed with."""
    answer = enrollment.phase_two(device, service)
    assert answer.status_code == 200
    payload = load(answer.content).of_type(enrollment.SCEP)[0]
    return enrollment.enroll_identity(device, payload)


def profiled(device: SimulatedDevice, service: ProfileService) -> Identity:
    """Step 3: the identity of the MDM profile."""
    answer = enrollment.phase_three(device, service, described(device, service))
    assert answer.status_code == 200
    device.mdm = mdm_of(load(answer.content))
    device.channels = {"device": Channel()}
    return obtain(device, answer.content)


def reasons(road: Road) -> list[str]:
    """Why steps were refused: events, oldest first."""
    with road.rows() as session:
        events = session.scalars(sa.select(Event).order_by(Event.id))
        return [row.payload["why"] for row in events if row.kind == "enrollment.refused"]


def test_a_phone_enrolls_over_the_air(road: Road) -> None:
    phone = road.enrolled("iPhone15,2", profile=road.over_the_air())
    assert phone.connect().statuses[-1] == 200
    with road.rows():
        session = road.sessions()[0]
        assert (session.state, session.serial_number) == ("completed", phone.facts.serial)


def test_a_device_that_apple_did_not_make_gets_no_further(road: Road) -> None:
    phone = road.device("iPhone15,2", factory_ca=DeviceCA.create())
    service = opened(phone, road.over_the_air())
    assert enrollment.phase_two(phone, service).status_code == 400
    assert "the device's signature" in reasons(road)[0]


def test_a_factory_certificate_outlives_its_authority(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    expired = DeviceCA.create(expired=True)
    anchor = pki.pem(expired.identity.certificate).decode()
    with lay_road(make_app(sqlite_url, ZMDM_DEVICE_ANCHORS=anchor)) as road:
        phone = road.device("iPhone15,2", factory_ca=expired)
        assert enrollment.phase_two(phone, opened(phone, road.over_the_air())).status_code == 200


def test_attributes_that_were_signed_for_someone_else_are_refused(road: Road) -> None:
    phone = road.device("iPhone15,2")
    service = replace(opened(phone, road.over_the_air()), challenge="of another server")
    assert enrollment.phase_two(phone, service).status_code == 400
    assert reasons(road) == ["the challenge is not the one of our profile"]


def test_the_challenge_of_another_enrollment_is_refused(road: Road) -> None:
    phone = road.device("iPhone15,2")
    first, second = road.over_the_air("One"), road.over_the_air("Two")
    challenge = opened(phone, first).challenge
    service = replace(opened(phone, second), challenge=challenge)
    assert enrollment.phase_two(phone, service).status_code == 400


def test_the_third_step_needs_the_second(road: Road) -> None:
    phone = road.device("iPhone15,2")
    service = opened(phone, road.over_the_air())
    stranger = pki.self_signed([("CN", phone.facts.serial)], key=road.keys(2048))
    assert enrollment.phase_three(phone, service, stranger).status_code == 400


def test_the_identity_of_another_device_does_not_take_the_third_step(road: Road) -> None:
    link = road.over_the_air()
    phone, other = road.device("iPhone15,2"), road.device("iPhone15,2", seed=2)
    service = opened(phone, link)
    identity = described(phone, service)
    assert enrollment.phase_three(other, service, identity).status_code == 400
    assert "another UDID" in reasons(road)[0]
    with road.rows():
        assert "another UDID" in (road.sessions()[0].failure or "")


def test_the_third_step_belongs_to_the_enrollment_of_the_second(road: Road) -> None:
    phone = road.device("iPhone15,2")
    service = opened(phone, road.over_the_air("One"))
    identity = described(phone, service)
    other = opened(phone, road.over_the_air("Two"))
    assert enrollment.phase_three(phone, other, identity).status_code == 400


@pytest.mark.parametrize(
    "claim",
    [{"UDID": "00000000-0000-0000-0000-00000000BEEF"}, {"SerialNumber": "C0THER000000"}],
)
def test_the_session_is_for_one_device(road: Road, claim: dict[str, str]) -> None:
    phone = road.device("iPhone15,2")
    identity = profiled(phone, opened(phone, road.over_the_air()))
    assert authenticate(phone, identity, **claim).status_code == 400
    assert "was opened for another" in reasons(road)[0]
    assert authenticate(phone, identity).status_code == 200


def test_the_identity_of_the_second_step_does_not_authenticate(road: Road) -> None:
    phone = road.device("iPhone15,2")
    service = opened(phone, road.over_the_air())
    identity = described(phone, service)
    answer = enrollment.phase_three(phone, service, identity)
    phone.mdm = mdm_of(load(answer.content))
    phone.channels = {"device": Channel()}
    assert authenticate(phone, identity).status_code == 400


def test_a_device_that_begins_again_is_counted_once(road: Road) -> None:
    link = road.over_the_air(quota=1)
    phone = road.device("iPhone15,2")
    described(phone, opened(phone, link))
    profiled(phone, opened(phone, link))
    phone.mdm = None
    phone.enroll(link)
    assert phone.connect().statuses[0] == 200
    with road.rows():
        assert enrollments.by_name("Over the air").request_count == 1


def test_the_quota_is_kept(road: Road) -> None:
    link = road.over_the_air(quota=1)
    road.enrolled("iPhone15,2", profile=link)
    with pytest.raises(EnrollmentFailed):
        road.enrolled("iPhone15,2", seed=2, profile=link)
    assert reasons(road) == ["the enrollment's quota is used up"]


@pytest.mark.parametrize("limit", ["serial_numbers", "udids"])
def test_only_listed_devices_are_let_in(road: Road, limit: str) -> None:
    phone = road.device("iPhone15,2")
    listed = phone.facts.serial if limit == "serial_numbers" else phone.facts.udid
    link = road.over_the_air(**{limit: [listed]})
    phone.enroll(link)
    with pytest.raises(EnrollmentFailed, match="profile service was answered 400"):
        road.enrolled("iPhone15,2", seed=2, profile=link)


def test_a_revoked_link_is_closed_at_each_step(road: Road) -> None:
    phone, link = road.device("iPhone15,2"), road.over_the_air()
    service = opened(phone, link)
    identity = described(phone, service)
    with road.rows():
        enrollments.revoke(enrollments.by_name("Over the air"))
    answers = [
        road.http.get(link),
        enrollment.phase_two(phone, service),
        enrollment.phase_three(phone, service, identity),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]


def test_an_expired_link_is_closed(road: Road) -> None:
    link = road.over_the_air(expires_at=utcnow() + timedelta(minutes=1))
    with road.rows():
        enrollments.by_name("Over the air").expires_at = utcnow() - timedelta(seconds=1)
    response = road.http.get(link)
    assert response.status_code == 400
    assert "expired" in response.text


def test_somebody_who_opens_a_closed_link_reads_why_on_a_page(road: Road) -> None:
    link = road.over_the_air()
    with road.rows():
        enrollments.revoke(enrollments.by_name("Over the air"))
    browser = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    read = road.http.get(link, headers=browser)
    assert (read.status_code, read.headers["Content-Type"][:9]) == (400, "text/html")
    assert "The enrollment was revoked. Open the link again, or ask" in read.text
    assert road.http.get(link).text == "the enrollment was revoked\n"
    assert reasons(road) == ["the enrollment was revoked"] * 2


def test_a_link_that_was_never_given_is_not_found(road: Road) -> None:
    response = road.http.get("https://mdm.example.com/public/mdm/ota/guess/")
    assert response.status_code == 404


def test_a_session_ends_after_a_day(road: Road) -> None:
    phone = road.device("iPhone15,2")
    service = opened(phone, road.over_the_air())
    identity = described(phone, service)
    with road.rows():
        road.sessions()[0].expires_at = utcnow() - timedelta(seconds=1)
    assert enrollment.phase_three(phone, service, identity).status_code == 400
    assert "expired" in reasons(road)[0]


def test_the_mdm_profile_has_all_rights_and_user_connections(road: Road) -> None:
    mdm = plistlib.loads(road.profile)["PayloadContent"][-1]
    assert mdm["AccessRights"] == 8191
    assert mdm["ServerCapabilities"] == [
        "com.apple.mdm.per-user-connections",
        "com.apple.mdm.bootstraptoken",
    ]
    assert (mdm["SignMessage"], mdm["CheckOutWhenRemoved"]) == (True, True)


def test_a_step_that_comes_twice_at_once_is_counted_once(pg_road: Road) -> None:
    link = pg_road.over_the_air(quota=1)
    phone = pg_road.device("iPhone15,2")
    service, signer = opened(phone, link), phone.factory
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: enrollment.phase_two(phone, service, signer=signer), range(4))
        assert {answer.status_code for answer in answers} == {200}
    with pg_road.rows():
        assert len(pg_road.sessions("ota")) == 1
