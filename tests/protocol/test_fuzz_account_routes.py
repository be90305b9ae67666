"""Whatever arrives on the routes of account-driven enrollment: no 5xx, no row, no stray 401."""

from __future__ import annotations

import plistlib
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounts import lay_account
from tests.protocol.test_fuzz_device_routes import TYPES, bodies, everything, header_text
from tests.road import Road
from zmdm_plugin.models import Enrollment
from zmdm_plugin.protocol import account_driven
from zmdm_plugin.services.enrollment import enrollments
from zmdm_simulator import cms, pki

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PROPFIND")
WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
STEPS = ("", "authenticate/", "signed_in/", "com.apple.remotemanagement", "authenticate", "x/")
IDENTIFIERS = st.one_of(st.text(max_size=40), st.sampled_from(("ada@example.com", "@", "a@", "@b")))


@pytest.fixture
def link(road: Road) -> str:
    """The path of an enrollment."""
    ident = lay_account(road)
    with road.rows() as session:
        return enrollments.link(session.get_one(Enrollment, ident)).removeprefix(
            "https://mdm.example.com"
        )


@cache
def stranger() -> pki.Identity:
    return pki.self_signed([("CN", "stranger")], key=pki.new_key(2048))


def is_challenge(response: Any) -> bool:
    return str(response.headers.get("WWW-Authenticate", "")).startswith('Bearer method="apple-as')


@settings(max_examples=60)
@given(identifier=IDENTIFIERS, family=st.text(max_size=20), more=st.text(max_size=20))
def test_service_discovery_with_anything(
    road: Road, link: str, identifier: str, family: str, more: str
) -> None:
    before = everything(road.app)
    query = {"user-identifier": identifier, "model-family": family, "x": more}
    with road.app.test_client() as client:
        response = client.get(WELL_KNOWN, query_string=query)
    assert response.status_code in (200, 403)
    assert response.content_type == "application/json"
    known = response.json.get("code") == "com.apple.well-known.failed" or "Servers" in response.json
    assert known and everything(road.app) == before


@settings(max_examples=100)
@given(
    method=st.sampled_from(METHODS),
    step=st.sampled_from(STEPS),
    body=bodies,
    content_type=st.sampled_from(TYPES),
    authorization=st.one_of(st.none(), header_text, header_text.map("Bearer {}".format)),
    handle=st.text(max_size=30),
)
def test_junk_from_anybody(
    road: Road,
    link: str,
    method: str,
    step: str,
    body: bytes,
    content_type: str | None,
    authorization: str | None,
    handle: str,
) -> None:
    named = {"Content-Type": content_type, "Authorization": authorization}
    headers = {name: value for name, value in named.items() if value is not None}
    with road.app.test_client() as client:
        response = client.open(
            link + step,
            method=method,
            data=body,
            headers=headers,
            query_string={"sign_in": handle},
        )
    assert response.status_code < 500 and response.status_code not in (401, 403, 410)
    with road.rows():
        assert road.sessions() == []


@settings(max_examples=50)
@given(
    message=st.dictionaries(
        st.sampled_from(("LANGUAGE", "PRODUCT", "VERSION", "UDID", "SERIAL", "OS_VERSION")),
        st.one_of(st.text("aZ9 é", max_size=200), st.integers(0, 9), st.binary(max_size=9)),
    ),
    token=st.one_of(st.none(), st.text("abcXYZ019-_.~", min_size=1, max_size=90)),
)
def test_anything_that_somebody_signs(
    road: Road, link: str, message: dict[str, Any], token: str | None
) -> None:
    before = everything(road.app)
    signed = cms.sign_attached(plistlib.dumps(message), stranger(), style=cms.REAL_DEVICE)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    with road.app.test_client() as client:
        response = client.post(link, data=signed, headers=headers)
    assert response.status_code == 400 or (response.status_code == 401 and is_challenge(response))
    assert everything(road.app) == before


@given(text=header_text)
def test_an_authorization_is_read_or_refused(text: str) -> None:
    try:
        assert account_driven.bearer(text) in text
    except account_driven.ProtocolError:
        pass
