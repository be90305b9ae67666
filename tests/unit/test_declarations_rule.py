"""The planner's rule on declarations, and what is one channel's own in its list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.protocol.ddm import Kind
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.who import ChannelKind
from zmdm_plugin.services.artifacts.compiled import Item
from zmdm_plugin.services.declarations import entries, manifest, overlay, reasons, support
from zmdm_plugin.services.declarations.entries import Listed
from zmdm_plugin.services.declarations.overlay import Circumstances, Decision, Form
from zmdm_plugin.services.declarations.values import Declared
from zmdm_plugin.services.planner import declarations
from zmdm_plugin.services.planner.values import Situation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UID = "0b8d1a52-2f6e-4c55-9d3b-0c1f6b1a7f10"


def ordered(told: Declared, **more: Any) -> bool:
    plan = declarations.plan(Situation(now=NOW, device_channel=True, declarations=told, **more))
    return [order.name for order in plan.orders] == ["DeclarativeManagement"]


def test_a_list_that_was_not_fetched_is_ordered_once() -> None:
    told = Declared(token="a", changed_at=NOW)
    assert ordered(told)
    again = Declared(token="a", changed_at=NOW, ordered_token="a", ordered_at=NOW)
    assert not ordered(again)
    assert not ordered(again, outstanding=frozenset({"DeclarativeManagement"}))


def test_a_newer_list_is_ordered_although_an_order_is_out() -> None:
    told = Declared(token="b", changed_at=NOW, ordered_token="a", ordered_at=NOW)
    assert ordered(told, outstanding=frozenset({"DeclarativeManagement"}))


@pytest.mark.parametrize(
    "told", [Declared(), Declared(token="a", offered_token="a", changed_at=NOW)]
)
def test_without_a_list_or_in_agreement_nothing_is_ordered(told: Declared) -> None:
    assert not ordered(told)


def test_a_device_that_fetched_and_never_reported_is_told_again_after_growing_waits() -> None:
    def told(ago: timedelta) -> Declared:
        return Declared(
            token="a",
            offered_token="a",
            ordered_token="a",
            changed_at=NOW - timedelta(days=2),
            ordered_at=NOW - ago,
            unheard_since=NOW - timedelta(hours=2),
        )

    assert ordered(told(2 * timedelta(hours=1)))
    assert not ordered(told(14 * MINUTE))
    assert not ordered(told(59 * MINUTE))
    assert not ordered(told(2 * timedelta(hours=1)), outstanding=frozenset({declarations.NAME}))


def test_in_setup_assistant_nothing_is_ordered() -> None:
    assert not ordered(Declared(token="a", changed_at=NOW), awaiting=True)


def test_an_order_that_was_not_followed_is_repeated_after_growing_waits() -> None:
    changed, at, waits = NOW - timedelta(days=9), NOW - timedelta(days=9), []
    for _ in range(9):
        told = Declared(token="a", changed_at=changed, ordered_token="a", ordered_at=at)
        plan = declarations.plan(Situation(now=at, device_channel=True, declarations=told))
        assert plan.next_at is not None
        waits.append(plan.next_at - at)
        at = plan.next_at
    assert waits[0] == 15 * MINUTE
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(days=1)


def item(number: int = 1, **more: Any) -> Item:
    values: dict[str, Any] = {
        "type": "configuration",
        "declaration_type": "com.apple.configuration.passcode.settings",
        **more,
    }
    return Item(
        id=number,
        uid=f"uid-{number}",
        name=f"Artifact {number}",
        identifier=f"org.example.{number}",
        channel=ChannelKind.DEVICE,
        platforms=frozenset(Platform),
        **values,
    )


def around(**more: Any) -> Circumstances:
    values: dict[str, Any] = {"os_version": "15.6.1", "refusal": lambda _type: None, **more}
    return Circumstances(now=NOW, **values)


def row(**values: Any) -> ChannelArtifact:
    base = {"status": "installed", "via": "declaration", "attempts": 0, "retry_count": 0}
    return ChannelArtifact(**{**base, "created_at": NOW - timedelta(days=10), **values})


def token(one: Item, **more: Any) -> str:
    decision = overlay.decide(one, Form(1, UID), around(**more), {})
    assert decision.line is not None
    return decision.line.token


@pytest.mark.parametrize(
    ("granularity", "suffix"),
    [("no", ""), ("major", ".o15"), ("minor", ".o15.6"), ("patch", ".o15.6.1")],
)
def test_an_update_of_the_system_installs_again_as_far_as_asked(
    granularity: str, suffix: str
) -> None:
    assert token(item(reinstall_on_os_update=granularity)) == UID + suffix


def test_after_each_interval_it_is_installed_again() -> None:
    rows = {1: row(tried_version_id=1)}
    assert token(item(reinstall_interval=3), rows=rows) == f"{UID}.i3"
    decision = overlay.decide(item(reinstall_interval=3), Form(1, UID), around(rows=rows), {})
    assert decision.next_at == NOW + timedelta(days=2)


def test_a_token_with_everything_in_it_still_fits() -> None:
    found = overlay.server_token(
        UID, os="15.6.1", reinstalls=12, retries=34, values={"$ENROLLED_DEVICE.UDID": "x"}
    )
    assert len(found) <= 64
    assert found.startswith(UID)
    assert len(overlay.server_token(UID, os="15.6.1", reinstalls=10**9, retries=10**9)) <= 64


def test_a_version_that_is_not_to_be_updated_by_itself_stays() -> None:
    rows = {1: row(installed_version_id=7, tried_version_id=7)}
    former = {7: Form(7, "former")}
    decision = overlay.decide(
        item(auto_update=False), Form(1, UID), around(rows=rows, former=former), {}
    )
    assert decision.line is not None
    assert decision.line.token == "former"


def test_what_refers_to_something_that_is_not_offered_waits_for_it() -> None:
    missing = Decision(item=item(2, type="data_asset"), line=None)
    decision = overlay.decide(item(references=(2,)), Form(1, UID), around(), {2: missing})
    assert decision.line is None
    assert decision.obstacle is not None
    assert "“Artifact 2”" in decision.obstacle.words


def test_what_was_offered_before_stays_while_its_requirement_is_missing() -> None:
    before = Listed(Kind.CONFIGURATION, "org.example.1", "old", "old")
    decision = overlay.decide(
        item(requires=(5,)), Form(1, UID), around(previous={"org.example.1": before}), {}
    )
    assert decision.line == before


def test_an_overlay_turns_the_shared_list_into_the_channels_own() -> None:
    shared = [Listed(Kind.ASSET, name, "1") for name in "abc"]
    own = [
        Listed(Kind.ASSET, "a", "1"),
        Listed(Kind.ASSET, "b", "2", "v", {"values": {"$X": "y"}}),
        Listed(Kind.CONFIGURATION, "d", "1"),
    ]
    found = entries.difference(shared, own)
    rebuilt = entries.effective([one.to_json() for one in shared], found)
    assert sorted(rebuilt.values(), key=lambda one: one.identifier) == own
    assert entries.difference(own, own) is None
    rows = [one.to_json() for one in shared]
    assert [entries.find(rows, found, name) for name in "abcd"] == [
        rebuilt.get(name) for name in "abcd"
    ]


def test_there_is_one_activation_of_ours_and_assets_are_not_in_it() -> None:
    lines = [Listed(Kind.CONFIGURATION, "b", "1"), Listed(Kind.ASSET, "a", "1")]
    full = manifest.whole(lines, subscribed=["x", "x"])
    [activation] = [one for one in full if one.kind is Kind.ACTIVATION]
    assert activation.extra["payload"] == {"StandardConfigurations": ["b", manifest.SUBSCRIPTIONS]}


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"supported-payloads": []},
        {"supported-payloads": {"status-items": ["test.integer-value", 5, "x" * 500]}},
    ],
)
def test_a_client_that_tells_nothing_useful_is_asked_for_what_all_know(told: Any) -> None:
    assert tuple(support.subscribed(told)) == support.DEFAULT_ITEMS


def test_reasons_are_told_in_words_with_what_the_device_said() -> None:
    [found] = reasons.explained([{"code": "Error.AssetCannotBeVerified", "description": "Hash."}])
    assert found["description"].startswith("The data of an asset")
    assert found["description"].endswith("Hash.")
    [unknown] = reasons.explained([{"code": "Error.New"}])
    assert unknown == {"code": "Error.New", "description": "Error.New"}
