"""Realms of OpenID Connect: a good provider, and what a bad one is told, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.directories import PRIVATE, openid_provider
from tests.people import Browser, handle_of, said
from tests.road import Road, lay_road
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.services.realms import health, realms, sign_ins
from zmdm_simulator.openid import Faults, PlayedProvider

THEN = "/public/mdm/somewhere/"


@pytest.fixture(scope="module")
def played() -> Iterator[PlayedProvider]:
    with PlayedProvider() as provider:
        yield provider


@pytest.fixture
def provider(played: PlayedProvider) -> PlayedProvider:
    """Without faults, whatever the test before had."""
    played.faults, played.only_userinfo = Faults(), frozenset()
    played.requests.clear()
    return played


@pytest.fixture
def way(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Road]:
    """An application that may ask the loopback."""
    with lay_road(make_app(sqlite_url, ZMDM_PRIVATE_NETWORKS=PRIVATE)) as road:
        yield road


@pytest.fixture
def pg_way(make_app: Callable[..., Flask], pg_url: str) -> Iterator[Road]:
    """The same on PostgreSQL, which takes fewer characters."""
    with lay_road(make_app(pg_url, ZMDM_PRIVATE_NETWORKS=PRIVATE)) as road:
        yield road


def begun(road: Road, issuer: str, **options: Any) -> str:
    with road.rows():
        config = {"issuer": issuer, "client_id": "zmdm"}
        realm = realms.create("Staff", "oidc", config=config, secret="s3cret", **options)
        return sign_ins.begin(realm, purpose="test", then=THEN, data={})


def came_back(road: Road, url: str) -> httpx.Response:
    """Through our page, the provider's and back; what we answer then."""
    browser = Browser(road.app)
    there = browser.get(browser.get(url).headers["Location"])
    if there.status_code != 303:
        return there
    back = httpx.get(there.headers["Location"])
    return browser.get(back.headers["Location"])


def person(road: Road, answer: httpx.Response) -> dict[str, Any]:
    """The columns of whoever signed in."""
    with road.rows():
        done = sign_ins.finish(handle_of(answer.headers["Location"]), purpose="test")
        return {name: getattr(done.realm_user, name) for name in (*RealmUser.FIELDS, "subject")}


def fault(road: Road) -> str | None:
    with road.rows() as session:
        return health.fault(session.query(Realm).one())


def test_somebody_signs_in_at_a_provider(way: Road, tmp_path: Path) -> None:
    ada = {"sub": "ada-1", "preferred_username": "ada", "name": "Ada Lovelace"}
    with openid_provider(tmp_path, ada) as issuer:
        browser, url = Browser(way.app), begun(way, issuer)
        there = browser.get(browser.get(url).headers["Location"]).headers["Location"]
        assert "code_challenge_method=S256" in there
        back = httpx.post(there, data={"sub": "ada-1"}).headers["Location"]
        assert back.startswith("https://mdm.example.com/public/mdm/sign_in/callback/?")
        found = person(way, browser.get(back))
    known = [found[name] for name in ("username", "subject", "full_name")]
    assert known == ["ada", "ada-1", "Ada Lovelace"]
    assert fault(way) is None


def test_claims_fill_the_columns_that_the_realm_names(way: Road, provider: PlayedProvider) -> None:
    mapping = {"username": "email", "custom_attr_1": "family_name"}
    found = person(way, came_back(way, begun(way, provider.issuer, claim_mapping=mapping)))
    assert (found["username"], found["custom_attr_1"]) == ("ada@example.com", "Lovelace")
    assert found["last_name"] is None


def test_a_token_that_proves_nothing_signs_nobody_in(way: Road, provider: PlayedProvider) -> None:
    provider.faults = Faults(claims={"nonce": "another"})
    answer = came_back(way, begun(way, provider.issuer))
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert "not for this sign-in" in said(answer)
    assert "not for this sign-in" in (fault(way) or "")


def test_a_provider_that_is_set_up_wrong_is_told_on_our_page(
    way: Road, provider: PlayedProvider
) -> None:
    provider.faults = Faults(metadata={"issuer": "https://evil.example"})
    answer = came_back(way, begun(way, provider.issuer))
    assert (answer.status_code, "to the letter" in said(answer)) == (400, True)
    assert "Try again" in answer.text


def test_a_provider_that_came_back_to_its_senses_is_well_again(
    way: Road, provider: PlayedProvider
) -> None:
    provider.faults = Faults(statuses={"/.well-known/openid-configuration": 500})
    browser, url = Browser(way.app), begun(way, provider.issuer)
    leaving = browser.get(url).headers["Location"]
    browser.get(leaving)
    assert "500" in (fault(way) or "")
    provider.faults = Faults()
    back = httpx.get(browser.get(leaving).headers["Location"]).headers["Location"]
    assert browser.get(back).status_code == 303
    assert fault(way) is None


def test_a_provider_that_is_away_is_said_in_words(way: Road) -> None:
    answer = came_back(way, begun(way, "http://localhost:9"))
    assert "cannot be reached" in said(answer)


def test_a_person_who_cancels_is_no_fault_of_the_provider(
    way: Road, provider: PlayedProvider
) -> None:
    browser, url = Browser(way.app), begun(way, provider.issuer)
    there = browser.get(browser.get(url).headers["Location"]).headers["Location"]
    state = httpx.URL(there).params["state"]
    callback = "https://mdm.example.com/public/mdm/sign_in/callback/"
    answer = browser.get(f"{callback}?error=access_denied&state={state}")
    assert "did not sign you in" in said(answer)
    assert fault(way) is None


def test_a_state_is_good_once_and_in_its_browser_alone(way: Road, provider: PlayedProvider) -> None:
    browser, url = Browser(way.app), begun(way, provider.issuer)
    there = browser.get(browser.get(url).headers["Location"]).headers["Location"]
    back = httpx.get(there).headers["Location"]
    assert "another browser" in said(Browser(way.app).get(back))
    assert browser.get(back).status_code == 303
    assert "no such sign-in" in said(browser.get(back))


def test_private_addresses_are_not_asked_unless_a_setting_allows_them(
    road: Road, provider: PlayedProvider
) -> None:
    answer = came_back(road, begun(road, provider.issuer))
    assert "ZMDM_PRIVATE_NETWORKS" in said(answer)
    assert provider.requests == []


def test_a_username_of_another_account_is_not_taken_over(
    way: Road, provider: PlayedProvider
) -> None:
    url = begun(way, provider.issuer)
    person(way, came_back(way, url))
    provider.faults = Faults(claims={"sub": "newcomer"}, userinfo={"sub": "newcomer"})
    with way.rows():
        realm = realms.by_name("Staff")
        url = sign_ins.begin(realm, purpose="test", then=THEN, data={})
    assert "another account" in said(came_back(way, url))


def test_another_provider_knows_the_same_people_by_other_names(
    way: Road, provider: PlayedProvider
) -> None:
    person(way, came_back(way, begun(way, provider.issuer)))
    with PlayedProvider() as other:
        other.person["sub"] = "ada at the other"
        with way.rows():
            realm = realms.by_name("Staff")
            realms.update(realm, {"config": {"issuer": other.issuer, "client_id": "zmdm"}})
            url = sign_ins.begin(realm, purpose="test", then=THEN, data={})
        found = person(way, came_back(way, url))
    assert (found["username"], found["subject"]) == ("ada@example.com", "ada at the other")


def test_who_comes_back_from_another_provider_is_not_signed_in(
    way: Road, provider: PlayedProvider
) -> None:
    browser, url = Browser(way.app), begun(way, provider.issuer)
    there = browser.get(browser.get(url).headers["Location"]).headers["Location"]
    back = httpx.get(there).headers["Location"]
    answer = browser.get(f"{back}&iss=https://evil.example")
    assert (answer.status_code, "another provider" in said(answer)) == (400, True)


def test_a_configuration_that_cannot_work_is_refused(road: Road) -> None:
    good = {"issuer": "https://id.example.com", "client_id": "x"}
    wrong: list[dict[str, Any]] = [
        {},
        {**good, "issuer": "http://id.example.com"},
        {"issuer": "https://id.example.com"},
        {**good, "more": 1},
        {**good, "scopes": ["email"]},
        {**good, "ca": "no PEM"},
    ]
    with road.rows():
        for config in wrong:
            with pytest.raises(Refused, match="config"):
                realms.create("Staff", "oidc", config=config)
        assert realms.create("Staff", "oidc", config=good).claim_mapping["email"] == "email"


@pytest.mark.parametrize("sub", ["a\0b", "\ud800", "x" * 300])
def test_a_name_that_no_database_keeps_signs_nobody_in(
    pg_way: Road, provider: PlayedProvider, sub: str
) -> None:
    provider.faults = Faults(claims={"sub": sub}, userinfo={"sub": sub})
    answer = came_back(pg_way, begun(pg_way, provider.issuer))
    assert (answer.status_code, "cannot be kept" in said(answer)) == (400, True)
    assert fault(pg_way) is None
