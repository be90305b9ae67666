"""Account-driven enrollment over the wire: discovery, sign-in, profile, and who does not get in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests import people
from tests.accounts import ACCOUNT, ADA, BOB, SITE, came_in, lay_account
from tests.identities import apply_for
from tests.road import Road
from tests.services.test_enrollment_over_the_air import reasons
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import AccessToken, Device, Enrollment, IssuedCertificate, RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import x509
from zmdm_plugin.services import release
from zmdm_plugin.services.account import accounts
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.realms import accounts as local_accounts
from zmdm_plugin.services.realms import people as known_people
from zmdm_simulator import account_driven, checkins
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.web_view import Person

WELL_KNOWN = f"{SITE}/.well-known/com.apple.remotemanagement"


def discovered(road: Road, **asked: str) -> httpx.Response:
    return road.http.get(
        WELL_KNOWN, params={name.replace("_", "-"): v for name, v in asked.items()}
    )


def service(road: Road, device: SimulatedDevice) -> account_driven.Service:
    return account_driven.discover(device, ACCOUNT, site=SITE)


def fails(road: Road, device: SimulatedDevice, **more: Any) -> EnrollmentFailed:
    with pytest.raises(EnrollmentFailed) as failed:
        device.enroll_with_account(ACCOUNT, more.pop("person", ADA), site=SITE)
    assert device.mdm is None and device.account is None
    return failed.value


def test_discovery_names_one_service_in_apples_words(road: Road) -> None:
    lay_account(road)
    answer = discovered(road, user_identifier="Ada@Example.com", model_family="iPhone")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "private, max-age=60"
    (server,) = answer.json()["Servers"]
    assert set(server) == {"Version", "BaseURL"}
    assert server["Version"] == "mdm-byod"
    assert server["BaseURL"].startswith(f"{SITE}/public/mdm/account/")


def test_discovery_says_in_words_that_no_service_is_for_this_person(road: Road) -> None:
    lay_account(road)
    answer = discovered(road, user_identifier="ada@elsewhere.org", model_family="iPhone")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/json")
    assert answer.json()["code"] == "com.apple.well-known.failed"
    assert "elsewhere.org" in answer.json()["description"]
    assert set(answer.json()) == {"code", "description", "message"}


def test_a_redirect_that_drops_the_query_is_told_as_such(road: Road) -> None:
    lay_account(road)
    answer = road.http.get(WELL_KNOWN)
    assert answer.status_code == 403
    assert "a redirect must hand on the query" in answer.json()["description"]


def test_the_url_of_one_enrollment_needs_no_query(road: Road) -> None:
    enrollment_id = lay_account(road, mode="mdm-adde")
    with road.rows() as session:
        link = enrollments.link(session.get_one(Enrollment, enrollment_id))
    answer = road.http.get(f"{link}com.apple.remotemanagement")
    assert answer.json() == {"Servers": [{"Version": "mdm-adde", "BaseURL": link}]}


@pytest.mark.parametrize(
    ("account", "family", "mode"),
    [
        ("ada@example.com", "iPhone", "mdm-byod"),
        ("ada@example.com", "Mac", "mdm-adde"),
        ("bob@other.example", "Mac", "mdm-byod"),
    ],
)
def test_domain_and_model_family_choose_the_enrollment(
    road: Road, account: str, family: str, mode: str
) -> None:
    realm = people.lay_realm(road)
    lay_account(road, "Everybody", realm_id=realm, domains=[], is_default=True)
    lay_account(road, "Phones", realm_id=realm)
    lay_account(road, "Macs", realm_id=realm, mode="mdm-adde", model_families=["Mac"])
    answer = discovered(road, user_identifier=account, model_family=family)
    assert answer.json()["Servers"][0]["Version"] == mode


def test_two_enrollments_are_not_for_the_same_people(road: Road) -> None:
    realm = people.lay_realm(road)
    lay_account(road, "One", realm_id=realm)
    with pytest.raises(Refused, match=r"example\.com is sent to One already"):
        lay_account(road, "Two", realm_id=realm)


def test_the_first_answer_is_a_401_with_apples_header_and_nothing_is_kept(road: Road) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    found = service(road, phone)
    answer = account_driven.introduce(phone, found)
    assert answer.status_code == 401
    expected = f'Bearer method="apple-as-web", url="{found.base_url}authenticate/"'
    assert answer.headers["www-authenticate"] == expected
    with road.rows():
        assert road.sessions() == []


def test_a_phone_of_a_persons_own_enrolls_without_a_serial_number_anywhere(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    assert phone.connect().statuses[-1] == 200
    assert "AccessRights" not in phone.channel().profiles[phone.enrollment_identifier or ""].data
    with road.rows() as session:
        row, passing = road.row(phone), road.sessions()[0]
        assert (row.udid, row.serial_number, row.imei, row.wifi_mac) == (None,) * 4
        assert (row.user_enrollment, row.enrollment_uid) == (True, phone.enrollment_id)
        assert (passing.kind, passing.state, passing.serial_number) == (
            "account",
            "completed",
            None,
        )
        assert passing.realm_user and passing.realm_user.username == people.ADA["username"]
        issued = session.scalars(sa.select(IssuedCertificate)).one()
        everything = json.dumps([row.device_information, row.security_info, passing.claims])
        assert phone.facts.serial not in everything and phone.facts.udid not in everything
        assert phone.facts.serial.encode() not in issued.certificate


def test_a_mac_enrolls_as_a_device_with_its_account(road: Road) -> None:
    lay_account(road, mode="mdm-adde")
    mac = came_in(road, "MacBookPro18,3")
    mac.settle()
    mac.connect()
    assert (mac.installed.enrollment_mode, mac.installed.access_rights) == ("ADDE", 8191)
    with road.rows():
        row = road.row(mac)
        assert (row.udid, row.serial_number) == (mac.facts.udid, mac.facts.serial)
        assert (row.payload or {})["assigned_managed_apple_id"] == "ada@example.com"
        assert not row.user_enrollment


def test_a_mac_of_a_persons_own_has_a_user_channel(road: Road) -> None:
    lay_account(road)
    mac = came_in(road, "MacBookPro18,3")
    assert mac.log_in() is True
    assert mac.connect(mac.facts.user.short_name).statuses[-1] == 200


@pytest.mark.parametrize("proof", [Proof.SIGNATURE, Proof.PROXY_PEM])
@pytest.mark.settings(ZMDM_TRUSTED_PROXIES="127.0.0.1", ZMDM_MTLS_PROXY=True)
def test_both_ways_of_proving_an_identity_work(road: Road, proof: Proof) -> None:
    lay_account(road)
    phone = came_in(road, prover=Prover(proof))
    assert phone.connect().request_types[0] == "DeviceInformation"


def test_a_pattern_makes_the_managed_account(road: Road) -> None:
    lay_account(road, managed_account="$REALM_USER.EMAIL_PREFIX@appleid.example.com")
    assert came_in(road).installed.managed_apple_id == "ada@appleid.example.com"


def test_a_person_without_an_account_is_told_so_on_the_page(road: Road) -> None:
    lay_account(road, managed_account="$REALM_USER.CUSTOM_ATTR_1@example.com")
    assert fails(road, road.device("iPhone15,2"), person=BOB).status == 400
    assert "nothing is known for $REALM_USER.CUSTOM_ATTR_1 of bob" in reasons(road)[0]


def test_a_wrong_password_brings_no_token(road: Road) -> None:
    lay_account(road)
    fails(road, road.device("iPhone15,2"), person=Person(people.ADA["username"], "wrong"))
    with road.rows() as session:
        assert session.scalars(sa.select(AccessToken)).all() == []


def test_a_token_is_good_for_one_device_and_an_hour(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    token = phone.account.token if phone.account else ""
    other = road.device("iPhone15,2", seed=2)
    answer = account_driven.introduce(other, service(road, other), token=token)
    assert answer.status_code == 401 and "www-authenticate" in answer.headers


def test_a_profile_that_was_lost_on_its_way_is_given_again(road: Road) -> None:
    lay_account(road, quota=1)
    phone = road.device("iPhone15,2")
    found = service(road, phone)
    token = signed_in(phone, found)
    answers = [account_driven.introduce(phone, found, token=token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    with road.rows():
        assert [row.state for row in road.sessions()] == ["profiled"]


def signed_in(phone: SimulatedDevice, found: account_driven.Service) -> str:
    answer = account_driven.open_window(phone, ACCOUNT, ADA, f"{found.base_url}authenticate/")
    assert answer.status_code == 308
    return answer.headers["location"].rpartition("access-token=")[2]


def test_a_token_that_is_too_old_asks_to_sign_in_again(road: Road) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    found = service(road, phone)
    token = signed_in(phone, found)
    with road.rows() as session:
        session.execute(sa.update(AccessToken).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert account_driven.introduce(phone, found, token=token).status_code == 401


@pytest.mark.parametrize("authorization", ["Bearer guessed", "Bearer x y", "Basic YTpi", "Bearer"])
def test_a_guessed_or_odd_bearer_opens_nothing(road: Road, authorization: str) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    token = authorization.removeprefix("Bearer ")
    answer = account_driven.introduce(phone, service(road, phone), token=token)
    assert answer.status_code in (400, 401)
    with road.rows():
        assert road.sessions() == []


def test_the_quota_is_kept(road: Road) -> None:
    lay_account(road, quota=1)
    came_in(road)
    assert fails(road, road.device("iPhone15,2", seed=2)).status == 400
    assert reasons(road) == ["the enrollment's quota is used up"]


def test_a_revoked_enrollment_is_not_discovered(road: Road) -> None:
    enrollment_id = lay_account(road)
    with road.rows() as session:
        enrollments.revoke(session.get_one(Enrollment, enrollment_id))
    failed = fails(road, road.device("iPhone15,2"))
    assert (failed.status, "does not manage" in str(failed)) == (403, True)


def test_a_person_whose_account_was_switched_off_meanwhile_does_not_get_in(road: Road) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    found = service(road, phone)
    token = signed_in(phone, found)
    with road.rows() as session:
        local_accounts.disable(session.get_one(RealmUser, 1))
    assert account_driven.introduce(phone, found, token=token).status_code == 400
    assert "is disabled" in reasons(road)[0]


def test_a_blocked_phone_does_not_come_back_under_a_new_name(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    with road.rows():
        release.block(road.row(phone))
    phone.connect()
    assert phone.mdm is None
    fails(road, phone)
    assert "an operator blocked the iPhone15,2" in reasons(road)[-1]
    with road.rows() as session:
        release.unblock(session.scalars(sa.select(Device)).one())
    phone.enroll_with_account(ACCOUNT, ADA, site=SITE)


def test_a_certificate_names_the_session_alone(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    with road.rows():
        facts = x509.facts(road.identities(phone)[0].certificate)
        assert facts.common_name == road.sessions()[0].uid


def test_a_user_enrollment_does_not_take_a_udid(road: Road) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    found = service(road, phone)
    profile = account_driven.introduce(phone, found, token=signed_in(phone, found)).content
    identity = apply_for(phone, profile)
    body = checkins.authenticate(phone, phone.channel())
    answer = phone.check_in({**body, "UDID": "not-mine"}, identity=identity)
    assert answer.status_code == 400
    assert "named by an EnrollmentID" in reasons(road)[0]


def test_mode_stays_once_devices_came(road: Road) -> None:
    enrollment_id = lay_account(road)
    came_in(road)
    with road.rows() as session, pytest.raises(Refused, match="make another enrollment"):
        row = accounts.settings_of(session.get_one(Enrollment, enrollment_id))
        accounts.update(row, {"mode": "mdm-adde"})


@pytest.mark.parametrize("came_back", [False, True])
def test_a_person_whose_device_never_came_can_be_forgotten(road: Road, came_back: bool) -> None:
    lay_account(road)
    phone = road.device("iPhone15,2")
    url = account_driven.challenge_of(account_driven.introduce(phone, service(road, phone)))
    answer = account_driven.open_window(phone, ACCOUNT, ADA, url or "")
    token = answer.headers["location"].partition("access-token=")[2]
    if came_back:
        account_driven.introduce(phone, service(road, phone), token=token)
    with road.rows() as session:
        known_people.delete(session.query(RealmUser).filter_by(username=ADA.username).one())
    assert account_driven.introduce(phone, service(road, phone), token=token).status_code == 401
