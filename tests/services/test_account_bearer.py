"""The bearer of enrolled devices: asked anew when it is due, and never at a bad moment."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from tests.accounts import ADA, BOB, came_in, lay_account
from tests.identities import fall_due
from tests.orders import order, quiet
from tests.road import Road
from zmdm_plugin.models import AccessToken, Realm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import health
from zmdm_simulator import account_driven
from zmdm_simulator.device import SimulatedDevice


def due(road: Road) -> None:
    """The token is too old, and the provider was seen working just now."""
    past = utcnow() - timedelta(seconds=1)
    with road.rows() as session:
        session.execute(sa.update(AccessToken).values(expires_at=past, asked_at=None))
        session.execute(sa.update(Realm).values(succeeded_at=utcnow(), failed_at=None))


def says_nothing(device: SimulatedDevice) -> SimulatedDevice:
    """Its person closes every window."""
    assert device.account is not None
    device.account = account_driven.Account(
        device.account.user_identifier, None, device.account.token
    )
    return device


def test_a_token_holds_for_ever_unless_the_enrollment_says_when_it_ends(road: Road) -> None:
    lay_account(road)
    phone = quiet(road, came_in(road))
    with road.rows() as session:
        assert session.scalars(sa.select(AccessToken)).one().expires_at is None
    assert phone.connect().statuses == [200]


def test_a_token_that_is_due_is_replaced_and_the_conversation_goes_on(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = quiet(road, came_in(road))
    former = phone.account.token if phone.account else ""
    due(road)
    order(road, phone, "ProfileList")
    talk = phone.connect()
    assert (talk.request_types, talk.left) == (["ProfileList"], False)
    assert phone.account and phone.account.token != former
    assert road.events(phone)[-2:] == ["device.asked_to_sign_in", "device.reauthenticated"]
    with road.rows() as session:
        token = session.scalars(sa.select(AccessToken)).one()
        assert token.expires_at and token.expires_at > utcnow() + timedelta(days=29)


def test_who_does_not_sign_in_stays_managed_and_is_asked_again_later(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = says_nothing(quiet(road, came_in(road)))
    due(road)
    talk = phone.connect()
    assert (talk.statuses, talk.left, phone.mdm is None) == ([401], False, False)
    order(road, phone, "ProfileList")
    assert phone.connect().request_types == ["ProfileList"]
    due(road)
    assert phone.connect().statuses == [401]


def test_nobody_is_asked_while_the_provider_is_down(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = says_nothing(quiet(road, came_in(road)))
    due(road)
    with road.rows() as session:
        health.failed(session.scalars(sa.select(Realm)).one(), "no answer", now=utcnow())
    assert phone.connect().statuses == [200]


def test_nobody_is_asked_if_the_provider_was_not_seen_working_lately(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = says_nothing(quiet(road, came_in(road)))
    due(road)
    with road.rows() as session:
        session.execute(sa.update(Realm).values(succeeded_at=utcnow() - timedelta(hours=1)))
    assert phone.connect().statuses == [200]


def test_an_answer_is_taken_whatever_the_token(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = says_nothing(quiet(road, came_in(road)))
    order(road, phone, "ProfileList")
    phone.connect()
    due(road)
    assert phone.repeat_last_answer().status_code == 200
    assert phone.update_token().status_code == 200


def test_somebody_else_who_signs_in_does_not_take_the_device_over(road: Road) -> None:
    lay_account(road, reauthenticate_days=30)
    phone = quiet(road, came_in(road))
    assert phone.account is not None
    phone.account = account_driven.Account(phone.account.user_identifier, BOB, phone.account.token)
    due(road)
    phone.connect()
    assert "device.reauthenticated" not in road.events(phone)


def test_a_bearer_is_no_matter_of_other_enrollments(road: Road) -> None:
    mac = quiet(road, road.enrolled())
    mac.account = account_driven.Account("ada@example.com", ADA, "whatever")
    assert mac.connect().statuses == [200]


def test_a_guessed_bearer_changes_nothing_for_the_certificate_counts(road: Road) -> None:
    lay_account(road, mode="mdm-adde", reauthenticate_days=30)
    mac = quiet(road, came_in(road, "MacBookPro18,3"))
    assert mac.account is not None
    mac.account = account_driven.Account("ada@example.com", ADA, "guessed")
    assert mac.connect().statuses == [200]


def test_a_renewal_keeps_mode_and_account(road: Road) -> None:
    lay_account(road)
    phone = quiet(road, came_in(road))
    before = phone.installed
    fall_due(road, phone)
    assert phone.connect().request_types == ["InstallProfile"]
    after = phone.installed
    assert (after.enrollment_mode, after.managed_apple_id) == ("BYOD", before.managed_apple_id)
    assert phone.connect().statuses[-1] == 200
