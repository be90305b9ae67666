"""The client of OpenID Connect against a provider that breaks the rules, one after the other."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from zmdm_plugin.clients import oidc
from zmdm_plugin.clients.outbound import Outbound
from zmdm_simulator.openid import Faults, PlayedProvider

PRIVATE = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
REDIRECT = "https://mdm.example.com/public/mdm/sign_in/callback/"


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


def client_of(provider: PlayedProvider, **more: Any) -> oidc.Client:
    given: dict[str, Any] = {
        "issuer": provider.issuer,
        "client_id": "zmdm",
        "client_secret": "s3cret",
        "redirect_uri": REDIRECT,
        "scopes": ("openid", "email"),
        "leeway": 120,
        "transport": lambda: Outbound(private=PRIVATE),
    }
    return oidc.Client(**{**given, **more})


def signed_in(client: oidc.Client, *, verifier: str = "v" * 43) -> dict[str, Any]:
    """To the provider, through its page, and the claims that come of it."""
    found = oidc.discover(client)
    url = oidc.authorization_url(client, found, state="st", nonce="no", verifier="v" * 43)
    back = httpx.URL(httpx.get(url).headers["Location"])
    assert back.params["state"] == "st"
    code = back.params["code"]
    proven = oidc.exchange(client, found, code=code, verifier=verifier, nonce="no")
    return oidc.with_userinfo(client, found, proven, {"email"})


def test_the_claims_of_a_good_provider_are_taken(provider: PlayedProvider) -> None:
    claims = signed_in(client_of(provider))
    assert (claims["sub"], claims["given_name"]) == ("248289761001", "Ada")
    assert "/userinfo" not in provider.requests


def test_what_the_token_lacks_is_asked_of_userinfo(provider: PlayedProvider) -> None:
    provider.only_userinfo = frozenset({"email"})
    assert signed_in(client_of(provider))["email"] == "ada@example.com"


def test_a_code_is_worth_nothing_without_its_verifier(provider: PlayedProvider) -> None:
    with pytest.raises(oidc.OidcFailed, match="invalid_grant"):
        signed_in(client_of(provider), verifier="w" * 43)


def test_a_clock_that_is_a_little_off_is_forgiven(provider: PlayedProvider) -> None:
    now = int(time.time())
    provider.faults = Faults(claims={"iat": now + 60, "exp": now - 60})
    assert signed_in(client_of(provider))["sub"]


NOW = int(time.time())
HOSTILE: dict[str, tuple[Faults, str]] = {
    "another nonce": (Faults(claims={"nonce": "another"}), "not for this sign-in"),
    "no nonce": (Faults(claims={"nonce": None}), "not for this sign-in"),
    "expired": (Faults(claims={"exp": NOW - 3600}), "compare the clocks"),
    "from the future": (Faults(claims={"iat": NOW + 3600}), "not for this sign-in"),
    "another issuer": (Faults(claims={"iss": "https://evil.example"}), "not for this sign-in"),
    "another audience": (Faults(claims={"aud": "other"}), "not for this sign-in"),
    "an audience more": (Faults(claims={"aud": ["zmdm", "other"]}), "not for this sign-in"),
    "nobody": (Faults(claims={"sub": None}), "not for this sign-in"),
    "alg none": (Faults(algorithm="none"), "not proven"),
    "our own secret": (Faults(algorithm="HS256"), "not proven"),
    "another key": (Faults(foreign_key=True), "not proven"),
    "an unknown key id": (Faults(header={"kid": "x"}), "not proven"),
    "no token": (Faults(token={"id_token": None}), "no ID token"),
    "half a token": (Faults(token={"id_token": "a.b"}), "not proven"),
    "somebody else's userinfo": (Faults(userinfo={"sub": "other"}), "somebody else"),
    "garbage for a token": (Faults(bodies={"/token": b"<html>"}), "no JSON"),
    "garbage for keys": (Faults(bodies={"/jwks": b"[1]"}), "no JSON object"),
    "keys that are none": (Faults(bodies={"/jwks": b'{"keys": [7]}'}), "keys"),
    "a refusal": (
        Faults(statuses={"/token": 400}, bodies={"/token": b'{"error": "invalid_client"}'}),
        "refused: invalid_client",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_token_that_proves_nothing_signs_nobody_in(provider: PlayedProvider, name: str) -> None:
    provider.only_userinfo = frozenset({"email"})
    provider.faults, words = HOSTILE[name]
    with pytest.raises(oidc.OidcFailed, match=words):
        signed_in(client_of(provider))


CONFIGURATION = "/.well-known/openid-configuration"
BROKEN: dict[str, tuple[Faults, str]] = {
    "another issuer": (Faults(metadata={"issuer": "https://evil.example"}), "to the letter"),
    "a plain endpoint": (Faults(metadata={"token_endpoint": "http://x.example/"}), "no https"),
    "no keys": (Faults(metadata={"jwks_uri": None}), "has no jwks_uri"),
    "weak signatures": (
        Faults(metadata={"id_token_signing_alg_values_supported": ["none", "HS256"]}),
        "signs with none of",
    ),
    "garbage": (Faults(bodies={CONFIGURATION: b"\xff\xfe"}), "no JSON"),
    "nothing there": (Faults(statuses={CONFIGURATION: 404}), "answered 404"),
    "an outage": (Faults(first_fails={CONFIGURATION: 9}), "answered 503"),
    "a redirect": (Faults(redirects={CONFIGURATION: "/elsewhere"}), "answered 302"),
    "too much": (Faults(bodies={CONFIGURATION: b" " * 600_000}), "too long"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_configuration_that_is_wrong_is_told_in_words(
    provider: PlayedProvider, name: str
) -> None:
    provider.faults, words = BROKEN[name]
    with pytest.raises(oidc.OidcFailed, match=words):
        oidc.discover(client_of(provider))


def test_a_provider_that_fails_once_is_asked_again(provider: PlayedProvider) -> None:
    provider.faults = Faults(first_fails={CONFIGURATION: 1, "/jwks": 1})
    assert signed_in(client_of(provider))["sub"]


def test_a_code_is_not_sent_twice(provider: PlayedProvider) -> None:
    provider.faults = Faults(first_fails={"/token": 1})
    with pytest.raises(oidc.OidcFailed, match="answered 503"):
        signed_in(client_of(provider))
    assert provider.requests.count("/token") == 1


def test_a_slow_provider_is_given_up(provider: PlayedProvider) -> None:
    provider.faults = Faults(slow={CONFIGURATION: 1})
    with pytest.raises(oidc.OidcFailed, match="did not answer in time"):
        oidc.discover(client_of(provider, timeout=0.2))


@pytest.mark.parametrize("private", [(), (ipaddress.ip_network("10.0.0.0/8"),)])
def test_private_places_are_not_asked(provider: PlayedProvider, private: Any) -> None:
    client = client_of(provider, transport=lambda: Outbound(private=private))
    with pytest.raises(oidc.OidcFailed, match="ZMDM_PRIVATE_NETWORKS"):
        oidc.discover(client)
    assert provider.requests == []


def test_a_name_that_leads_nowhere_is_said(provider: PlayedProvider) -> None:
    with pytest.raises(oidc.OidcFailed, match="is not known here"):
        oidc.discover(client_of(provider, issuer="https://no-such-name.invalid"))
