"""Status reports: what is subscribed to, what changed, and everything once a day."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests import requirements
from tests.simulator.declaration_server import SUBSCRIPTIONS, TEST, DeclarationServer, managed, told
from zmdm_simulator.declarative.report import changes, nested
from zmdm_simulator.declarative.support import items_of
from zmdm_simulator.script import Script

MAC, PHONE, PAD, TV = "MacBookPro18,3", "iPhone15,2", "iPad13,18", "AppleTV14,1"
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "<string>": (str,),
    "<data>": (str,),
    "<integer>": (int,),
    "<real>": (int, float),
    "<boolean>": (bool,),
    "<array>": (list,),
    "<dictionary>": (dict,),
    "<any>": (object,),
}


@pytest.fixture
def server() -> DeclarationServer:
    return DeclarationServer()


def test_the_first_report_is_full_and_tells_the_capabilities(server: DeclarationServer) -> None:
    managed(server)
    (report,) = server.reports
    assert report["FullReport"] is True and report["Errors"] == []
    capabilities = report["StatusItems"]["management"]["client-capabilities"]
    assert "management.declarations" in capabilities["supported-payloads"]["status-items"]
    assert report["StatusItems"].keys() == {"management"}


def test_an_older_system_does_not_say_that_its_report_is_full(server: DeclarationServer) -> None:
    managed(server, system=("13.6", "22G120"))
    assert "FullReport" not in server.reports[0]


def test_capabilities_are_those_of_the_system_and_the_channel(server: DeclarationServer) -> None:
    server.declare(SUBSCRIPTIONS, "unused", StatusItems=[])
    device = managed(server)
    device.log_in()
    told(server, device, device.facts.user.short_name)
    known = [
        report["StatusItems"]["management"]["client-capabilities"]["supported-payloads"]
        for report in server.reports
    ]
    calendar, disks = "account.caldav", "diskmanagement.settings"
    for name, channels in ((calendar, [False, True]), (disks, [True, False])):
        listed = [
            f"com.apple.configuration.{name}" in one["declarations"]["configurations"]
            for one in known
        ]
        assert listed == channels


def test_only_what_was_subscribed_to_is_told(server: DeclarationServer) -> None:
    server.subscribe("device.model.family", "device.operating-system.version")
    device = managed(server)
    told_of = server.reports[0]["StatusItems"]["device"]
    version = device.facts.model.os_version
    assert told_of == {"model": {"family": "Mac"}, "operating-system": {"version": version}}


def test_an_unknown_item_is_an_error_told_once(server: DeclarationServer) -> None:
    server.subscribe("passcode.is-present", "test.error-value")
    device = managed(server)
    assert [error["StatusItem"] for error in server.reports[0]["Errors"]] == [
        "passcode.is-present",
        "test.error-value",
    ]
    server.subscribe("passcode.is-present", "test.error-value", "test.integer-value")
    told(server, device)
    assert server.reports[-1]["Errors"] == []


def test_without_a_change_there_is_no_report(server: DeclarationServer) -> None:
    server.subscribe("management.declarations")
    device = managed(server)
    device.connect()
    told(server, device)
    assert len(server.reports) == 1


def test_a_change_is_told_alone(server: DeclarationServer) -> None:
    server.subscribe("management.declarations", "device.operating-system.version")
    device = managed(server)
    device.update_system("26.2", "25C1")
    device.progress()
    report = server.reports[-1]
    assert "FullReport" not in report
    assert report["StatusItems"]["device"] == {"operating-system": {"version": "26.2"}}
    assert "declarations" not in report["StatusItems"].get("management", {})


def test_declarations_are_always_told_whole(server: DeclarationServer) -> None:
    server.subscribe("management.declarations")
    server.declare(TEST, "one", Echo="1")
    server.activate("one")
    device = managed(server)
    server.declare(TEST, "one", Echo="2")
    told(server, device)
    section = server.reports[-1]["StatusItems"]["management"]["declarations"]
    names = [entry["identifier"] for entry in section["configurations"]]
    assert names == ["one", "subscriptions"] and len(section["activations"]) == 2


def test_everything_is_told_once_a_day(server: DeclarationServer) -> None:
    server.subscribe("device.model.family")
    device = managed(server)
    now = device.clock()
    device.progress(now + timedelta(hours=23))
    assert len(server.reports) == 1
    device.progress(now + timedelta(hours=25))
    assert server.reports[1] == server.reports[0] and server.reports[1]["FullReport"]


def test_a_change_does_not_put_off_the_full_report(server: DeclarationServer) -> None:
    server.subscribe("device.operating-system.version")
    device = managed(server)
    now = device.clock()
    device.update_system("26.2", "25C1")
    device.progress(now + timedelta(hours=23))
    device.progress(now + timedelta(hours=25))
    assert [report.get("FullReport", False) for report in server.reports] == [True, False, True]


def test_a_subscription_that_is_not_active_subscribes_to_nothing(
    server: DeclarationServer,
) -> None:
    server.declare(SUBSCRIPTIONS, "idle", StatusItems=[{"Name": "device.model.family"}])
    managed(server)
    assert server.reports[0]["StatusItems"].keys() == {"management"}


def test_a_report_that_is_lost_unnoticed_is_made_good_by_the_full_one(
    server: DeclarationServer,
) -> None:
    server.subscribe("device.operating-system.version")
    lost = {"do": "status_lost", "command": "status", "after": 1, "times": 1}
    device = managed(server, script=Script.load({"rules": [lost]}))
    device.update_system("26.2", "25C1")
    device.progress()
    assert len(server.reports) == 1
    device.progress(device.clock() + timedelta(days=2))
    system = server.reports[1]["StatusItems"]["device"]["operating-system"]
    assert system == {"version": "26.2"}


def test_a_failed_report_is_tried_again_with_what_changed_since(server: DeclarationServer) -> None:
    server.subscribe("device.operating-system.version", "device.operating-system.build-version")
    device = managed(server)
    device.update_system("26.2", "25C1")
    server.answers["status"] = deque([("500 Oops", "text/plain", b"")])
    device.progress()
    assert len(server.reports) == 1
    device.update_system("26.3", "25D1")
    device.progress()
    system = server.reports[-1]["StatusItems"]["device"]["operating-system"]
    assert system == {"version": "26.3", "build-version": "25D1"}


def test_a_device_can_lag_with_its_tokens(server: DeclarationServer) -> None:
    server.subscribe("management.declarations")
    server.declare(TEST, "one", Echo="1")
    server.activate("one")
    former = server.offered["one"]["ServerToken"]
    stale = {"do": "stale_tokens", "after": 1, "times": 1}
    device = managed(server, script=Script.load({"rules": [stale]}))
    server.declare(TEST, "one", Echo="2")
    told(server, device)
    device.connect()
    tokens = [
        entry["server-token"]
        for report in server.reports
        for entry in report["StatusItems"]["management"]["declarations"]["configurations"]
        if entry["identifier"] == "one"
    ]
    assert tokens[-1] == server.offered["one"]["ServerToken"] and tokens[0] == former


entries = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)).map(
    lambda found: [{"identifier": name, "state": state} for name, state in found.items()]
)
statuses = st.fixed_dictionaries(
    {}, optional={"list": entries, "number": st.integers(0, 2), "plain": st.lists(st.integers())}
)


def merged(before: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """What a server makes of an incremental report."""
    after = dict(before)
    for item, now in delta.items():
        if item != "list" or item not in before:
            after[item] = now
            continue
        known = {entry["identifier"]: entry for entry in before[item]}
        for entry in now:
            known[entry["identifier"]] = entry
        after[item] = [entry for entry in known.values() if not entry.get("_removed")]
    return after


@given(before=statuses, after=statuses)
def test_changes_lead_from_one_status_to_the_next(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    reached = merged(before, changes(before, after))
    for item, now in after.items():
        found = reached[item]
        if item == "list":
            found, now = (sorted(part, key=lambda one: one["identifier"]) for part in (found, now))
        assert found == now
    assert changes(after, after) == {}


def test_dotted_names_become_objects_within_objects() -> None:
    assert nested({"a.b.c": 1, "a.d": 2}) == {"a": {"b": {"c": 1}, "d": 2}}


# Apple's schema


def apple_items() -> dict[str, dict[str, Any]]:
    root = requirements.apple_schema()
    assert root is not None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    pages = [
        yaml.load(path.read_text(encoding="utf-8"), loader)
        for path in (root / "declarative/status").glob("*.yaml")
    ]
    named = [page["payload"].get("statusitemtype") for page in pages]
    return {name: page["payloadkeys"][0] for name, page in zip(named, pages, strict=True) if name}


def faults(key: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    kind, subkeys = key["type"], key.get("subkeys") or []
    if not isinstance(value, JSON_TYPES[kind]) or (
        isinstance(value, bool) != (kind == "<boolean>")
    ):
        yield f"{where}: {value!r} is not {kind}"
    elif kind == "<array>" and subkeys:
        for number, item in enumerate(value):
            yield from faults(subkeys[0], item, f"{where}[{number}]")
    elif kind == "<dictionary>" and subkeys:
        known = {item["key"]: item for item in subkeys}
        for name, item in known.items():
            if item.get("presence") == "required" and name not in value:
                yield f"{where}.{name}: missing"
        for name, item in value.items():
            if "ANY" not in known:
                yield from faults(known[name], item, f"{where}.{name}") if name in known else [name]
    elif value not in key.get("rangelist", [value]):
        yield f"{where}: {value!r} is none of {key['rangelist']}"


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize("model", [MAC, "iMac19,1", PHONE, PAD, TV, "RealityDevice14,1"])
def test_every_value_is_one_that_apple_describes(server: DeclarationServer, model: str) -> None:
    server.asset("data", b"content")
    server.declare(TEST, "one", Echo="1", ReturnStatus="Failed", EchoDataAssetReference="data")
    server.activate("one")
    server.declare("management.properties", "properties", age=18)
    device = managed(server, model)
    items, told_of = apple_items(), device.status()
    assert told_of.keys() == set(items_of(device, device.channel()))
    for name, value in told_of.items():
        if name in items and name != "test.error-value":
            assert not list(faults(items[name], value, name))
