"""Whatever arrives on a device route: no 5xx, nothing that un-enrolls a device, nothing changed."""

from __future__ import annotations

import base64
import hashlib
import plistlib
from functools import cache
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.orders import order, quiet
from tests.road import Road
from zmdm_plugin import db
from zmdm_plugin.models.base import metadata
from zmdm_simulator import checkins, pki
from zmdm_simulator.conversation import dumps
from zmdm_simulator.proof import Prover

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND")
PATHS = (
    "connect/",
    "checkin/",
    "scep/",
    "scep/pkiclient.exe",
    "scep/?operation=PKIOperation",
    "scep/?operation=PKIOperation&message=%00",
    "scep/?operation=GetCACert",
    "ota/nobody/",
    "ota/nobody/device/",
    "manual/nobody/",
    "ota/%00/",
)
TYPES = (
    None,
    "",
    "text/plain",
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/pkcs7-signature",
    "application/x-apple-aspen-mdm; charset=nonsense",
)
KEYS = ("MessageType", "Status", "UDID", "EnrollmentID", "UserID", "UserShortName", "CommandUUID")
KEYS += ("Topic", "Token", "PushMagic", "ErrorChain", "Endpoint", "BootstrapToken", "SerialNumber")
TYPES_OF_MESSAGE = ("Authenticate", "TokenUpdate", "CheckOut", "GetBootstrapToken", "GetToken")
TYPES_OF_MESSAGE += ("SetBootstrapToken", "UserAuthenticate", "DeclarativeManagement", "?")
REASONS = {"failure", "failed_at", "updated_at"}
STATUSES = ("Idle", "Acknowledged", "NotNow", "Error", "CommandFormatError", "?")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


header_text = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=200)
values = st.one_of(
    st.sampled_from((*TYPES_OF_MESSAGE, *STATUSES)),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
    st.binary(max_size=40),
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.lists(st.text("ab\u00e9", max_size=5), max_size=3),
)
messages = st.dictionaries(st.sampled_from(KEYS), values, max_size=8)
bodies = st.one_of(
    st.binary(max_size=300),
    messages.map(lambda message: plistlib.dumps(message, skipkeys=True)),
    messages.map(lambda message: plistlib.dumps(message, fmt=plistlib.FMT_BINARY)),
)


def everything(app: Flask) -> dict[str, str]:
    """What every table holds, shortened to a hash each; but that a refusal is written down."""
    with app.app_context(), db.engine().connect() as connection:
        return {
            table.name: hashlib.sha256(
                repr(sorted(map(repr, connection.execute(sa.select(*_held(table)))))).encode()
            ).hexdigest()
            for table in metadata.sorted_tables
            if table.name != "zmdm_event"
        }


def _held(table: sa.Table) -> list[sa.Column[Any]]:
    return [column for column in table.columns if column.name not in REASONS]


def harmless(status: int) -> bool:
    return status < 500 and status not in (401, 403, 410)


def ask(road: Road, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    """The WSGI road itself, which lets through what no client library would send."""
    url = path if path.startswith("/") else f"/public/mdm/{path}"
    with road.app.test_client() as client:
        response = client.open(url, method=method, data=body, headers=headers)
    return response.status_code


@settings(max_examples=150)
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS),
    body=bodies,
    content_type=st.sampled_from(TYPES),
    signature=st.one_of(st.none(), header_text, st.binary(max_size=99).map(_base64)),
    certificate=st.one_of(st.none(), header_text),
)
@pytest.mark.settings(ZMDM_TRUSTED_PROXIES="127.0.0.1")
def test_junk_from_anybody(
    road: Road,
    method: str,
    path: str,
    body: bytes,
    content_type: str | None,
    signature: str | None,
    certificate: str | None,
) -> None:
    before = everything(road.app)
    named = {
        "Content-Type": content_type,
        "Mdm-Signature": signature,
        "X-SSL-Client-Cert": certificate,
        "X-SSL-Client-S-DN": certificate,
    }
    headers = {name: value for name, value in named.items() if value is not None}
    assert harmless(ask(road, method, path, body, headers))
    assert everything(road.app) == before


@settings(max_examples=60)
@given(body=bodies, route=st.sampled_from(("connect/", "checkin/")))
def test_anything_signed_by_a_stranger(road: Road, body: bytes, route: str) -> None:
    before = everything(road.app)
    assert harmless(ask(road, "PUT", route, body, signed_by_stranger(body)))
    assert everything(road.app) == before


@cache
def stranger() -> pki.Identity:
    return pki.self_signed([("CN", "stranger")], key=pki.new_key(2048))


def signed_by_stranger(body: bytes) -> dict[str, str]:
    return dict(Prover().headers(body, stranger()))


def test_anything_a_device_of_ours_may_sign(road: Road) -> None:
    """What it signs may change things; but it never leaves for it, and never waits for ever."""
    mac = quiet(road, road.enrolled())
    order(road, mac, "ProfileList")
    who = checkins.who(mac, mac.channel())

    @settings(max_examples=150)
    @given(message=messages, is_itself=st.booleans(), route=st.sampled_from(PATHS[:2]))
    def say(message: dict[str, Any], is_itself: bool, route: str) -> None:
        body = dumps({**message, **who} if is_itself else message)
        status = ask(road, "PUT", route, body, dict(Prover().headers(body, mac.own_identity)))
        declined = status == 410 and message.get("MessageType") == "UserAuthenticate"
        assert harmless(status) or declined

    say()
    with road.rows():
        row = road.row(mac)
        assert row.blocked_at is None and row.serial_number == mac.facts.serial


def requests_of_an_enrollment(road: Road) -> list[httpx.Request]:
    """Every request of a phone that enrolls over the air and talks, as it was sent."""
    sent: list[httpx.Request] = []
    transport = httpx.WSGITransport(app=road.app)
    with httpx.Client(transport=transport, event_hooks={"request": [sent.append]}) as http:
        phone = road.device("iPhone15,2", http=http)
        phone.enroll(road.over_the_air())
        phone.connect()
    return [request for request in sent if request.content]


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Flip, cut, repeat or insert somewhere."""
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    piece = draw(st.binary(min_size=1, max_size=4))
    kept = draw(st.integers(0, 8))
    return data[:at] + piece + data[at + kept :]


def test_damaged_copies_of_what_devices_send(road: Road) -> None:
    sent = requests_of_an_enrollment(road)

    @settings(max_examples=200)
    @given(data=st.data())
    def replay(data: st.DataObject) -> None:
        before = everything(road.app)
        request = data.draw(st.sampled_from(sent), label="request")
        body = data.draw(damage(request.content), label="body")
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in ("content-type", "mdm-signature")
        }
        status = ask(road, request.method, request.url.raw_path.decode(), body, headers)
        assert harmless(status)
        if body != request.content:
            print(request.url.path, status, body)
            assert everything(road.app) == before

    replay()


def test_damaged_signatures(road: Road) -> None:
    sent = [one for one in requests_of_an_enrollment(road) if "mdm-signature" in one.headers]

    @settings(max_examples=150)
    @given(data=st.data())
    def replay(data: st.DataObject) -> None:
        before = everything(road.app)
        request = data.draw(st.sampled_from(sent), label="request")
        true = base64.b64decode(request.headers["mdm-signature"])
        signature = data.draw(damage(true), label="signature")
        headers = {"Mdm-Signature": _base64(signature)}
        status = ask(road, "PUT", request.url.raw_path.decode(), request.content, headers)
        assert harmless(status)
        if status != 200:
            assert everything(road.app) == before

    replay()
