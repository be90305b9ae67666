"""Which update a device is told to install, and by when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.services.software_updates import choice
from zmdm_plugin.services.software_updates.values import (
    Decision,
    Enforcement,
    Facts,
    Feed,
    Latest,
    OneTime,
    Release,
    Target,
    build_order,
    server_token,
)

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NOTICE = timedelta(days=3)
MAC = Facts(
    platform="macOS",
    os_version="26.1",
    builds=frozenset({"25B78"}),
    device_ids=("J314sAP", "MacBookPro18,3"),
    supervised=True,
    time_zone="Europe/Berlin",
)


def local(text: str) -> datetime:
    """A device's own time has no zone."""
    return datetime.fromisoformat(text)


def facts(**changes: Any) -> Facts:
    return Facts(**{**{name: getattr(MAC, name) for name in Facts.__slots__}, **changes})


def release(version: str, build: str, *, posted: int = 5, **more: Any) -> Release:
    """Posted so many days ago."""
    return Release(
        platform=more.pop("platform", "macOS"),
        version=version,
        build=build,
        posted_on=NOW.date() - timedelta(days=posted),
        **more,
    )


NEWER = release("26.2", "25C56")
FEED = Feed(releases=(release("26.1", "25B78", posted=40), NEWER), read=True)


def latest(number: int = 1, **more: Any) -> Enforcement:
    what = {"below": "27", "delay_days": 14, "at": time(9, 30), **more.pop("what", {})}
    values = {"name": f"Latest {number}", "platforms": frozenset({"macOS"}), **more}
    return Enforcement(id=number, uid=f"uid-{number}", what=Latest(**what), **values)


def one_time(number: int = 1, **more: Any) -> Enforcement:
    moment = more.pop("local", local("2026-12-24T09:30"))
    version, build = more.pop("version", "26.2"), more.pop("build", "")
    values = {"name": f"Once {number}", "platforms": frozenset({"macOS"}), **more}
    what = OneTime(os_version=version, build=build, local=moment)
    return Enforcement(id=number, uid=f"uid-{number}", what=what, **values)


def choose(
    *enforcements: Enforcement,
    device: Facts = MAC,
    feed: Feed = FEED,
    told: tuple[Target, ...] = (),
    now: datetime = NOW,
) -> Decision:
    return choice.targets(
        device, enforcements, feed=feed, advertised=told, now=now, minimum_notice=NOTICE
    )


def test_the_newest_is_due_so_many_days_after_its_release() -> None:
    [target] = choose(latest()).targets
    assert (target.os_version, target.build) == ("26.2", "25C56")
    assert target.local == local("2026-11-29T09:30")
    assert target.payload() == {
        "TargetOSVersion": "26.2",
        "TargetBuildVersion": "25C56",
        "TargetLocalDateTime": "2026-11-29T09:30:00",
    }


def test_the_maximum_is_exclusive() -> None:
    feed = Feed(releases=(*FEED.releases, release("27", "26A100")), read=True)
    assert choose(latest(), feed=feed).targets[0].os_version == "26.2"
    assert choose(latest(what={"below": "26.2"}), feed=feed).targets == ()


def test_a_date_that_is_too_near_is_moved_to_the_first_that_gives_notice() -> None:
    [target] = choose(latest(what={"delay_days": 0})).targets
    assert target.local == local("2026-11-24T09:30")  # 11:00 in Berlin is past 09:30
    [target] = choose(one_time(local=local("2026-11-01T18:00"))).targets
    assert target.local == local("2026-11-23T18:00")


def test_an_unknown_time_zone_gets_no_less_notice() -> None:
    [target] = choose(latest(what={"delay_days": 0}), device=facts(time_zone=None)).targets
    assert target.local - (NOW.replace(tzinfo=None) + timedelta(hours=14)) >= NOTICE


def test_a_target_stays_and_the_newer_is_added_as_a_second() -> None:
    first = choose(latest())
    feed = Feed(releases=(*FEED.releases, release("26.3", "25D10", posted=0)), read=True)
    later = NOW + timedelta(days=1)
    decision = choose(latest(), feed=feed, told=first.targets, now=later)
    assert [target.os_version for target in decision.targets] == ["26.2", "26.3"]
    assert decision.targets[0] == first.targets[0]
    assert decision.ended == ()


def test_a_delay_that_outlasts_each_release_cannot_move_the_date() -> None:
    """Each month a release, each enforced after ninety days: the first date must come."""
    told: tuple[Target, ...] = ()
    feed = FEED
    for month in range(6):
        now = NOW + timedelta(days=30 * month)
        extra = Release(
            platform="macOS", version=f"26.{3 + month}", build=f"25D{month}", posted_on=now.date()
        )
        feed = Feed(releases=(*feed.releases, extra), read=True)
        told = choose(latest(what={"delay_days": 90}), feed=feed, told=told, now=now).targets
    assert told[0].os_version == "26.3"
    assert told[0].local.date() == NOW.date() + timedelta(days=90)


def test_what_is_installed_ends_and_so_does_what_is_older() -> None:
    told = choose(latest()).targets
    decision = choose(latest(), told=told, device=facts(os_version="26.2.1"))
    assert [(end.how, decision.targets) for end in decision.ended] == [("installed", ())]
    assert "up to date" in decision.why


def test_a_release_that_left_the_feed_is_withdrawn() -> None:
    told = choose(latest()).targets
    gone = Feed(releases=(FEED.releases[0], release("26.2", "25C56", withdrawn=True)), read=True)
    decision = choose(latest(), told=told, feed=gone)
    assert [end.how for end in decision.ended] == ["withdrawn"]


def test_an_expired_release_is_not_asked_for() -> None:
    yesterday = NOW.date() - timedelta(days=1)
    feed = Feed(releases=(release("26.2", "25C56", expires_on=yesterday),), read=True)
    assert choose(latest(), feed=feed).targets == ()
    today = Feed(releases=(release("26.2", "25C56", expires_on=NOW.date()),), read=True)
    assert len(choose(latest(), feed=today).targets) == 1


def test_a_newer_one_that_is_due_no_later_replaces_the_older() -> None:
    [told] = choose(latest()).targets
    kept = replace(told, local=local("2027-01-31T09:30"))  # it was announced under another notice
    feed = Feed(releases=(*FEED.releases, release("26.3", "25D10", posted=0)), read=True)
    decision = choose(latest(), feed=feed, told=(kept,))
    assert [target.os_version for target in decision.targets] == ["26.3"]
    assert [end.how for end in decision.ended] == ["replaced"]


def test_an_operator_who_changes_the_delay_changes_the_date() -> None:
    told = choose(latest(what={"delay_days": 60})).targets
    [target] = choose(latest(what={"delay_days": 14}), told=told).targets
    assert target.local == local("2026-11-29T09:30")
    assert target.identifier == told[0].identifier


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (facts(platform="watchOS"), "knows no enforced updates"),
        (facts(platform=None), "knows no enforced updates"),
        (facts(os_version=None), "OS version is not known"),
        (facts(os_version="13.7.8"), "need macOS 14.0"),
        (facts(user_enrollment=True), "user enrollment"),
        (facts(supervised=False), "supervised Macs only"),
        (facts(os_version="26.2", builds=frozenset({"25C56"})), "up to date"),
        (facts(device_ids=()), "what Apple's list of updates calls it"),
    ],
)
def test_nothing_applies_and_the_reason_is_said(device: Facts, words: str) -> None:
    decision = choose(latest(), device=device)
    assert decision.targets == ()
    assert words in decision.why


def test_without_a_feed_nothing_is_asked_for_and_what_is_asked_for_stays() -> None:
    assert "not been read" in choose(latest(), feed=Feed()).why
    told = choose(latest()).targets
    assert choose(latest(), feed=Feed(), told=told).targets == told


def test_an_unknown_device_id_is_said() -> None:
    assert "does not know J314sAP" in choose(latest(), feed=Feed(read=True)).why


def test_one_time_needs_no_feed() -> None:
    [target] = choose(one_time(version="26.4", build="25E5000a"), feed=Feed()).targets
    assert target.local == local("2026-12-24T09:30")
    assert target.build == "25E5000a"


def test_one_time_with_a_version_that_apple_took_back_is_not_asked_for() -> None:
    gone = Feed(releases=(release("26.2", "25C56", withdrawn=True),), read=True)
    assert "no more" in choose(one_time(), feed=gone).why


def test_a_changed_version_drops_the_former_target() -> None:
    told = choose(one_time()).targets
    decision = choose(one_time(version="26.3"), told=told)
    assert [target.os_version for target in decision.targets] == ["26.3"]
    assert [end.how for end in decision.ended] == ["dropped"]


def test_most_tags_in_common_choose() -> None:
    device = facts(tags=frozenset({1, 2}))
    default = one_time(1)
    some = one_time(2, tags=frozenset({1, 9}))
    most = one_time(3, tags=frozenset({1, 2}))
    other = one_time(4, tags=frozenset({7, 8, 9}))
    assert choice.choose(device, [default, some, most, other]) == (most, ())
    assert choice.choose(facts(tags=frozenset()), [default, some, most, other]) == (default, ())


def test_a_tie_is_said_and_the_oldest_counts() -> None:
    device = facts(tags=frozenset({1}))
    two = [one_time(2, tags=frozenset({1})), one_time(5, tags=frozenset({1}))]
    decision = choose(*reversed(two), device=device)
    assert (decision.enforcement, decision.conflict) == (two[0], ("Once 5",))
    assert "Once 5" in decision.why


def test_another_platform_is_not_concerned() -> None:
    decision = choose(latest(platforms=frozenset({"iOS"})))
    assert (decision.targets, decision.enforcement) == ((), None)


def test_a_background_improvement_needs_its_build_beneath() -> None:
    better = release("26.1", "25B78a", extra="(a)", prerequisite_build="25B78", managed=False)
    feed = Feed(releases=(better,), read=True)
    [target] = choose(latest(), feed=feed).targets
    assert (target.os_version, target.build) == ("26.1", "25B78a")
    assert choose(latest(), feed=feed, device=facts(builds=frozenset({"25B70"}))).targets == ()
    has_it = facts(builds=frozenset({"25B78", "25B78a"}))
    assert choose(latest(), feed=feed, device=has_it).targets == ()


def test_an_ipad_finds_its_releases_under_ios() -> None:
    device = facts(platform="iPadOS", device_ids=("iPad13,18",), builds=frozenset({"23B85"}))
    feed = Feed(releases=(release("26.2", "23C55", platform="iOS"),), read=True)
    asked = latest(platforms=frozenset({"iPadOS"}))
    assert choose(asked, device=device, feed=feed).targets[0].os_version == "26.2"


def test_builds_compare_by_their_numbers() -> None:
    builds = ["22A98", "22A100", "22B5", "22B5a", "22C1"]
    assert sorted(reversed(builds), key=build_order) == builds  # type: ignore[arg-type]
    assert build_order("nonsense") is None


def test_identifier_and_token_are_stable_and_short() -> None:
    one, two = choose(latest()).targets[0], choose(latest()).targets[0]
    assert one.identifier == two.identifier
    assert len(one.identifier) <= 64
    assert server_token(one.payload()) == server_token(two.payload())
    assert len(server_token(one.payload())) <= 64


_days = st.integers(min_value=0, max_value=120)
_feeds = st.lists(st.tuples(st.integers(0, 9), _days, st.booleans()), max_size=6)


@given(
    feed=_feeds, delay=_days, zone=st.sampled_from([None, "Asia/Tokyo", "nowhere", "Etc/GMT+12"])
)
def test_no_first_date_is_nearer_than_the_notice(
    feed: list[tuple[int, int, bool]], delay: int, zone: str | None
) -> None:
    releases = tuple(
        release(f"26.{minor}", f"25C{minor}", posted=days, withdrawn=gone)
        for minor, days, gone in feed
    )
    decision = choose(
        latest(what={"delay_days": delay}),
        feed=Feed(releases=releases, read=True),
        device=facts(time_zone=zone),
    )
    for target in decision.targets:
        # Wherever the device is: the zone that is furthest ahead reaches a date first, UTC-12 last.
        assert target.local >= (NOW + NOTICE - timedelta(hours=12)).replace(tzinfo=None)


@given(feeds=st.lists(_feeds, min_size=2, max_size=4))
def test_a_target_ends_only_for_a_reason(feeds: list[list[tuple[int, int, bool]]]) -> None:
    told: tuple[Target, ...] = ()
    for number, feed in enumerate(feeds):
        releases = tuple(
            release(f"26.{minor}", f"25C{minor}", posted=days, withdrawn=gone)
            for minor, days, gone in feed
        )
        now = NOW + timedelta(days=number)
        decision = choose(latest(), feed=Feed(releases=releases, read=True), told=told, now=now)
        ended = {end.identifier for end in decision.ended}
        kept = {target.identifier: target for target in decision.targets}
        for target in told:
            assert (target.identifier in ended) != (target.identifier in kept)
            if target.identifier in kept:
                assert kept[target.identifier].local == target.local
        told = decision.targets


def test_dates_compare_as_dates() -> None:
    assert NEWER.live(date(2026, 11, 20))
    assert not release("26.9", "25Z1", posted=-3).live(NOW.date())
