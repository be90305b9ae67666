"""Realms of LDAP against Debian's slapd: who signs in, and what is said when it does not work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.directories import BASE, PRIVATE, SEARCHER_PASSWORD, Slapd
from tests.people import PASSWORD, Browser, handle_of, said
from tests.road import Road, factory_anchor, lay_road
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Realm, RealmUser, SignInAttempt
from zmdm_plugin.services.realms import health, provider, realms, sign_ins

pytestmark = pytest.mark.needs("slapd")


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    with Slapd() as server:
        yield server


@pytest.fixture
def way(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Road]:
    """An application that may ask the loopback."""
    with lay_road(make_app(sqlite_url, ZMDM_PRIVATE_NETWORKS=PRIVATE)) as road:
        yield road


def begun(road: Road, config: dict[str, Any], **options: Any) -> str:
    with road.rows():
        options = {"secret": SEARCHER_PASSWORD, **options}
        realm = realms.create("Staff", "ldap", config=config, **options)
        then = "/public/mdm/somewhere/"
        return sign_ins.begin(realm, purpose="test", then=then, data={})


def sent(road: Road, url: str, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
    browser = Browser(road.app)
    browser.get(url)
    return browser.send(url, username=username, password=password)


def person(road: Road, answer: httpx.Response) -> dict[str, Any]:
    with road.rows():
        done = sign_ins.finish(handle_of(answer.headers["Location"]), purpose="test")
        return {name: getattr(done.realm_user, name) for name in (*RealmUser.FIELDS, "subject")}


def fault(road: Road) -> str | None:
    with road.rows() as session:
        return health.fault(session.query(Realm).one())


def ways_of_tls(slapd: Slapd) -> dict[str, dict[str, Any]]:
    return {
        "ldaps": slapd.config(),
        "starttls": slapd.config(url=f"ldap://localhost:{slapd.plain_port}"),
    }


@pytest.mark.parametrize("name", ["ldaps", "starttls"])
def test_somebody_signs_in_with_the_password_of_the_directory(
    way: Road, slapd: Slapd, name: str
) -> None:
    found = person(way, sent(way, begun(way, ways_of_tls(slapd)[name])))
    named = (found["username"], found["email"], found["full_name"], found["first_name"])
    assert named == ("ada", "ada@example.com", "Ada Lovelace", "Ada")
    assert len(found["subject"]) == 36
    assert fault(way) is None


def test_attributes_fill_the_columns_that_the_realm_names(way: Road, slapd: Slapd) -> None:
    mapping = {"username": "mail", "custom_attr_1": "departmentNumber"}
    found = person(way, sent(way, begun(way, slapd.config(), claim_mapping=mapping)))
    assert (found["username"], found["custom_attr_1"]) == ("ada@example.com", "Analysis")


def test_a_wrong_password_is_the_persons_affair(way: Road, slapd: Slapd) -> None:
    url, browser = begun(way, slapd.config()), Browser(way.app)
    browser.get(url)
    for username, password in [("ada", "wrong password"), ("nobody", PASSWORD)]:
        answer = browser.send(url, username=username, password=password)
        assert said(answer) == "The username or the password is wrong."
    assert fault(way) is None


@pytest.mark.parametrize("typed", ["*", "a*", "ada)(uid=*", "ada\\", "(uid=ada)"])
def test_what_is_typed_is_no_filter(way: Road, slapd: Slapd, typed: str) -> None:
    answer = sent(way, begun(way, slapd.config()), typed)
    assert said(answer) == "The username or the password is wrong."


def test_a_name_that_is_two_peoples_signs_nobody_in(way: Road, slapd: Slapd) -> None:
    url = begun(way, slapd.config(user_filter="(mail={username})"))
    assert "more than one entry" in said(sent(way, url, "same@example.com"))


def wrong(slapd: Slapd) -> dict[str, tuple[dict[str, Any], str]]:
    return {
        "nobody there": (slapd.config(url="ldaps://localhost:9"), "cannot be reached"),
        "another ca": (slapd.config(ca=factory_anchor()), "certificate of the directory"),
        "another name": (slapd.config(url=f"ldaps://127.0.0.1:{slapd.tls_port}"), "certificate"),
        "no such base": (slapd.config(base_dn="dc=elsewhere"), "could not be searched"),
        "no account": (slapd.config(bind_dn=f"cn=nobody,{BASE}"), "the account that searches"),
    }


@pytest.mark.parametrize(
    "name", ["nobody there", "another ca", "another name", "no such base", "no account"]
)
def test_a_directory_that_cannot_be_asked_is_told_apart(way: Road, slapd: Slapd, name: str) -> None:
    config, words = wrong(slapd)[name]
    answer = sent(way, begun(way, config))
    assert (answer.status_code, words in said(answer)) == (422, True), said(answer)
    assert words in (fault(way) or "")
    with way.rows() as session:
        assert session.query(SignInAttempt).count() == 0


def test_the_password_of_the_searching_account_may_be_wrong(way: Road, slapd: Slapd) -> None:
    answer = sent(way, begun(way, slapd.config(), secret="another"))
    assert "the account that searches" in said(answer)


def test_a_directory_that_comes_back_is_well_again(way: Road, slapd: Slapd) -> None:
    url = begun(way, slapd.config())
    slapd.stop()
    browser = Browser(way.app)
    browser.get(url)
    assert "cannot be reached" in said(browser.send(url, username="ada", password=PASSWORD))
    assert fault(way)
    slapd.start()
    assert browser.send(url, username="ada", password=PASSWORD).status_code == 303
    assert fault(way) is None


def test_private_directories_need_a_setting(road: Road, slapd: Slapd) -> None:
    assert "ZMDM_PRIVATE_NETWORKS" in said(sent(road, begun(road, slapd.config())))


def test_a_test_says_what_was_found(way: Road, slapd: Slapd) -> None:
    begun(way, slapd.config())
    with way.rows():
        asked = provider.of(realms.by_name("Staff"))
    with way.app.app_context():
        assert BASE in provider.module("ldap").test(asked)


def test_a_configuration_that_cannot_work_is_refused(road: Road) -> None:
    good = {"url": "ldaps://ldap.example.com", "base_dn": BASE}
    bad: list[dict[str, Any]] = [
        {},
        {"base_dn": BASE},
        {**good, "url": "https://ldap.example.com"},
        {**good, "url": "ldaps://a@ldap.example.com"},
        {**good, "user_filter": "(uid=ada)"},
        {**good, "user_filter": "(uid={username}"},
        {**good, "ca": "no PEM"},
        {**good, "starttls": False},
    ]
    with road.rows():
        for config in bad:
            with pytest.raises(Refused, match="config"):
                realms.create("Staff", "ldap", config=config)
        assert realms.create("Staff", "ldap", config=good).config["user_filter"]
