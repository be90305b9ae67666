"""The client of Apple's device assignment service, against the played one, over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dep import PROFILE, Desk, faults, fill
from zmdm_plugin.clients import dep_values
from zmdm_plugin.clients.dep import ASSIGN, FETCH, DepClient
from zmdm_plugin.clients.dep_errors import (
    BadRequest,
    BetaTurnedOff,
    ExhaustedCursor,
    ExpiredCursor,
    InvalidCursor,
    ProfileRejected,
    UnknownProfile,
)


def everything(client: DepClient, limit: int = 0) -> tuple[list[str], str]:
    found: list[str] = []
    page = client.fetch_devices(limit=limit)
    while True:
        found += [one.serial_number for one in page.devices]
        if not page.more_to_follow:
            return found, page.cursor
        page = client.fetch_devices(page.cursor, limit)


def test_the_account_names_organization_service_and_limits(desk: Desk) -> None:
    account = desk.client().account()
    assert account.org_name == "Example organization"
    assert account.server_uuid == desk.played.organization.server().uuid
    assert account.limits[FETCH] == dep_values.Limit(100, 1000)


def test_all_devices_come_page_by_page(desk: Desk) -> None:
    serials = fill(desk.played, 1203)
    found, cursor = everything(desk.client())
    assert found == serials
    assert desk.paths().count(FETCH) == 2
    assert cursor


def test_a_limit_is_never_more_than_apples(desk: Desk) -> None:
    fill(desk.played, 30)
    client = desk.client()
    assert len(client.fetch_devices(limit=7).devices) == 7
    assert len(client.fetch_devices(limit=5000).devices) == 30


def test_a_sync_brings_what_changed(desk: Desk) -> None:
    one, two = fill(desk.played, 2)
    client = desk.client()
    _, cursor = everything(client)
    desk.played.organization.remove([one], released_by_replacement=True)
    [three] = fill(desk.played, 1, first=9)
    page = client.sync_devices(cursor)
    found = [(d.serial_number, d.op_type, d.released_by_replacement) for d in page.devices]
    assert found == [(one, "deleted", True), (three, "added", None)]
    assert all(d.op_date is not None and d.op_date.tzinfo for d in page.devices)
    assert client.sync_devices(page.cursor).devices == ()
    assert two not in [d.serial_number for d in page.devices]


def test_the_cursors_errors_come_from_the_service(desk: Desk) -> None:
    fill(desk.played, 1)
    client = desk.client(now=desk.played.organization.clock)
    _, cursor = everything(client)
    with pytest.raises(ExhaustedCursor):
        client.fetch_devices(cursor)
    with pytest.raises(InvalidCursor):
        client.sync_devices("invented")
    desk.played.fail(exhausted=True)
    with pytest.raises(ExhaustedCursor):
        client.sync_devices(cursor)
    desk.played.organization.clock.ahead = 8 * 86400
    with pytest.raises(ExpiredCursor):
        client.sync_devices(cursor)


def test_details_of_each_device_and_of_those_that_are_not_ours(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    found = desk.client().device_details([serial, "UNKNOWN"])
    assert (found[serial].response_status, found[serial].profile_status) == ("SUCCESS", "empty")
    assert found["UNKNOWN"].response_status == dep_values.NOT_ACCESSIBLE


def test_a_profile_is_defined_read_assigned_and_removed(desk: Desk) -> None:
    one, two = fill(desk.played, 2)
    client = desk.client()
    profile = client.define_profile(PROFILE).profile_uuid
    assert client.get_profile(profile) == {**PROFILE, "profile_uuid": profile}
    made = client.assign_profile(profile, [one, two, "UNKNOWN"])
    assert made.of(dep_values.SUCCESS) == (one, two)
    assert made.of(dep_values.NOT_ACCESSIBLE) == ("UNKNOWN",)
    assert client.device_details([one])[one].profile_uuid == profile
    assert client.remove_profile([one]).devices == {one: "SUCCESS"}
    assert client.remove_profile([two], profile_uuid="OTHER").devices == {two: "FAILED"}


def test_throttled_devices_come_with_the_time_to_wait(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    profile = client.define_profile(PROFILE).profile_uuid
    desk.played.fail(devices={serial: ["THROTTLED"]}, retry_after_seconds=17)
    made = client.assign_profile(profile, [serial])
    assert (made.of(dep_values.THROTTLED), made.retry_after) == ((serial,), 17)


def test_an_unknown_profile_and_a_wrong_one(desk: Desk) -> None:
    client = desk.client()
    for question in (
        lambda: client.get_profile("0" * 32),
        lambda: client.assign_profile("0" * 32, ["C02"]),
    ):
        with pytest.raises(UnknownProfile):
            question()
    with pytest.raises(ProfileRejected) as caught:
        client.define_profile({**PROFILE, "department": "x" * 200})
    assert (caught.value.code, caught.value.field) == ("DEPARTMENT_INVALID", "department")


def test_no_request_names_more_devices_than_apple_takes(desk: Desk) -> None:
    client = desk.client()
    many = [f"S{number}" for number in range(1001)]
    for wrong in (many, []):
        with pytest.raises(BadRequest):
            client.assign_profile("P", wrong)
    assert [len(one) for one in client.batches(ASSIGN, many)] == [1000, 1]
    assert desk.sent == []


def test_disowned_devices_are_gone(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    assert client.disown([serial]).devices == {serial: "SUCCESS"}
    assert client.disown([serial]).devices == {serial: "NOT_ACCESSIBLE"}


def test_activation_lock_says_what_became_of_it(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    assert client.activation_lock(serial, escrow_key="0a" * 32, message="Lost") == "SUCCESS"
    assert client.activation_lock(serial) == "DEVICE_ALREADY_LOCKED"


def test_beta_tokens_are_asked_in_the_first_version(desk: Desk) -> None:
    tokens = desk.client().beta_tokens()
    assert {one.os for one in tokens} >= {"iOS", "OSX"}
    assert desk.sent[-1].headers["X-Server-Protocol-Version"] == "1"
    assert tokens[0].token not in repr(tokens[0])
    desk.played.fail(beta=False)
    with pytest.raises(BetaTurnedOff):
        desk.client().beta_tokens()


def test_unknown_fields_are_kept_and_wrong_ones_do_no_harm() -> None:
    page = dep_values.page(
        {
            "devices": [
                {"serial_number": "A", "is_new": 1, "op_date": "soon", "imei": "35", "color": 7},
                {"model": "no serial number"},
                "no device",
            ],
            "cursor": "c",
            "more_to_follow": False,
        }
    )
    [device] = page.devices
    assert device.imei == ("35",)
    assert device.more == {"is_new": 1, "op_date": "soon", "color": 7}
    assert page.unreadable == 2


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = [item.name for item in fields(dep_values.DepDevice)]
NAMES = ("devices", "cursor", "more_to_follow", "server_uuid", "urls", "betaEnrollmentTokens")


@pytest.mark.parametrize(
    "reader", [dep_values.page, dep_values.account, dep_values.outcomes, dep_values.betas]
)
@settings(max_examples=60)
@given(answer=st.dictionaries(st.sampled_from(NAMES), ANY_JSON))
def test_any_answer_is_read_or_refused(
    reader: Callable[[Mapping[str, Any]], object], answer: dict[str, Any]
) -> None:
    with contextlib.suppress(ValueError):
        reader(answer)


@given(given_values=st.dictionaries(st.sampled_from(FIELDS), ANY_JSON))
def test_any_device_with_a_serial_number_is_read(given_values: dict[str, Any]) -> None:
    device = dep_values.device({**given_values, "serial_number": "C02"})
    assert device is not None
    assert device.serial_number == "C02"


@pytest.mark.needs("services_schema")
def test_every_request_is_as_apples_schemas_have_it(desk: Desk) -> None:
    [serial] = fill(desk.played, 1)
    client = desk.client()
    _, cursor = everything(client)
    client.sync_devices(cursor)
    profile = client.define_profile(PROFILE).profile_uuid
    client.assign_profile(profile, [serial])
    client.device_details([serial])
    client.remove_profile([serial])
    client.activation_lock(serial, escrow_key="0a" * 32)
    client.disown([serial])
    schemas = {
        ("POST", "/server/devices"): "FetchDeviceRequest",
        ("POST", "/devices/sync"): "SyncDeviceRequest",
        ("POST", "/profile"): "Profile",
        ("POST", "/profile/devices"): "ProfileServiceRequest",
        ("POST", "/devices"): "DeviceListRequest",
        ("DELETE", "/profile/devices"): "ClearProfileRequest",
        ("POST", "/device/activationlock"): "ActivationLockRequest",
        ("POST", "/devices/disown"): "DeviceListRequest",
    }
    spoken = {(one.method, one.url.path): one for one in desk.sent}
    for question, name in schemas.items():
        body = httpx.Response(200, content=spoken[question].content).json()
        assert faults(name, body) == [], question
