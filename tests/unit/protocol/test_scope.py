"""Scopes: what they include, how they are read, and that shards are stable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts, Scope, matches, shard

MAC = Facts(platform=Platform.MACOS, os_version="14.2", serial_number="C02XYZ", tags=frozenset({1}))
MACS = {Platform.MACOS: (None, None)}


def test_a_platform_that_is_not_named_is_out() -> None:
    verdict = matches(Scope.everything([Platform.IOS]), MAC, item="a")
    assert (verdict.ok, verdict.rule) == (False, "platform")
    assert verdict.words == "it is for iOS; the device has macOS"


@pytest.mark.parametrize(
    ("first", "last", "ok"),
    [
        ("14.2", None, True),
        ("14.2.0", None, True),
        ("14.2.1", None, False),
        (None, "14.2", False),
        (None, "14.2.1", True),
        ("14", "15", True),
    ],
)
def test_the_minimum_is_in_and_the_maximum_is_out(
    first: str | None, last: str | None, ok: bool
) -> None:
    verdict = matches(Scope(platforms={Platform.MACOS: (first, last)}), MAC, item="a")
    assert verdict.ok is ok


def test_an_unknown_version_is_in_only_where_any_will_do() -> None:
    unknown = Facts(platform=Platform.MACOS)
    assert matches(Scope(platforms=MACS), unknown, item="a").ok
    bounded = Scope(platforms={Platform.MACOS: (None, "99")})
    assert matches(bounded, unknown, item="a").rule == "os"


def test_an_excluded_tag_keeps_a_device_out_and_is_named() -> None:
    facts = Facts(platform=Platform.MACOS, tags=frozenset({1}), tag_names={1: "Lab"})
    verdict = matches(Scope(platforms=MACS, excluded_tags=frozenset({1})), facts, item="a")
    assert verdict == (False, "tags", "the device has the tag “Lab”, which is excluded")


def test_only_tagged_devices_are_a_default_of_nothing_and_all_of_a_tag() -> None:
    scope = Scope(platforms=MACS, default_shard=0, tag_shards={1: 100})
    assert matches(scope, MAC, item="a").ok
    without = Facts(platform=Platform.MACOS, serial_number="C02XYZ")
    assert matches(scope, without, item="a").rule == "shard"


def test_a_shard_takes_about_its_part_and_never_another_one() -> None:
    scope = Scope(platforms=MACS, default_shard=20)
    facts = [Facts(platform=Platform.MACOS, serial_number=f"C{n}") for n in range(2000)]
    taken = {one.serial_number for one in facts if matches(scope, one, item="a").ok}
    assert 300 < len(taken) < 500
    larger = Scope(platforms=MACS, default_shard=30)
    assert taken < {one.serial_number for one in facts if matches(larger, one, item="a").ok}


def test_shards_are_the_same_in_every_version_of_this_program() -> None:
    assert shard("0a8f5b52-0d5c-4f5e-8c6a-1f4a0e0d9a11", "C02XYZ", 100) == 28
    assert shard("another", "C02XYZ", 7) == 4


SCOPES = st.builds(
    Scope,
    platforms=st.dictionaries(
        st.sampled_from(list(Platform)),
        st.sampled_from([(None, None), ("14", None), (None, "15.1"), ("13.0.1", "14")]),
        min_size=1,
    ),
    excluded_tags=st.frozensets(st.integers(1, 5)),
    modulo=st.just(50),
    default_shard=st.integers(0, 50),
    tag_shards=st.dictionaries(st.integers(6, 9), st.integers(1, 50)),
)


@given(SCOPES)
def test_a_scope_is_read_as_it_was_written(scope: Scope) -> None:
    assert Scope.from_json(scope.to_json()) == scope


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("platforms", {}),
        ("platforms", {"Windows": {}}),
        ("platforms.macOS", {"macOS": {"min": "15", "max": "14"}}),
        ("platforms.macOS", {"macOS": {"min": "latest"}}),
        ("shard_modulo", 0),
        ("shard_modulo", True),
        ("default_shard", 101),
        ("excluded_tags", ["Lab"]),
        ("tag_shards", {"1": 0}),
        ("tag_shards", {"٣": 1}),
        ("shards", 5),
    ],
)
def test_a_scope_that_means_nothing_is_refused_by_field(field: str, wrong: object) -> None:
    given = {"platforms": {"macOS": {}}, field.partition(".")[0]: wrong}
    with pytest.raises(Refused) as refusal:
        Scope.from_json(given)
    assert refusal.value.field == f"scope.{field}"


def test_a_tag_is_not_excluded_and_sharded_at_once() -> None:
    both = {"platforms": {"macOS": {}}, "excluded_tags": [3], "tag_shards": {"3": 10}}
    with pytest.raises(Refused, match="tag 3 is excluded"):
        Scope.from_json(both)
