"""Which version a device has to run before it enrolls, and that none is held for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from zmdm_plugin.protocol.machine_info import MachineInfo
from zmdm_plugin.services.ade import gate
from zmdm_plugin.services.ade.gate import Verdict
from zmdm_plugin.services.software_updates.values import Feed, Release

TODAY = date(2026, 11, 29)
IPHONE = MachineInfo(
    udid="U",
    serial_number="S",
    product="iPhone15,2",
    build_version="23A341",
    os_version="26.0",
    can_request_update=True,
    update_device_id="D73AP",
)
OFFERED = tuple(
    Release(platform="iOS", version=version, build=build, posted_on=date(2026, 9, 1))
    for version, build in (("26.0", "23A341"), ("26.1", "23B85"), ("26.2", "23C55"))
)
FEED = Feed(releases=OFFERED, read=True)


def judge(wanted: str, feed: Feed = FEED, info: MachineInfo = IPHONE) -> Verdict:
    return gate.judge(info, wanted, feed, today=TODAY)


@pytest.mark.parametrize("wanted", ["", "26.0", "25.9"])
def test_who_runs_enough_comes_in(wanted: str) -> None:
    assert judge(wanted) == Verdict()


def test_below_a_minimum_the_nearest_version_that_will_do_is_asked_for() -> None:
    assert judge("26.0.1") == Verdict(os_version="26.1", build="23B85")
    assert judge("26.2") == Verdict(os_version="26.2", build="23C55")


def test_latest_is_the_newest_that_apple_offers_to_this_hardware() -> None:
    assert judge("latest") == Verdict(os_version="26.2", build="23C55")
    newest = replace(IPHONE, os_version="26.2", build_version="23C55")
    assert judge("latest", info=newest) == Verdict()


def test_a_version_that_apple_offers_no_more_is_not_asked_for() -> None:
    gone = (*OFFERED[:2], replace(OFFERED[2], withdrawn=True))
    assert judge("latest", Feed(releases=gone, read=True)).os_version == "26.1"


def test_one_to_which_nothing_is_offered_comes_in_with_a_warning() -> None:
    for feed in (Feed(read=True), Feed(), Feed(releases=OFFERED, read=False)):
        verdict = judge("27", feed)
        assert (verdict.os_version, bool(verdict.warning)) == ("", True)
    assert "no 27" in judge("27").warning


def test_one_that_cannot_be_asked_comes_in_with_a_warning() -> None:
    old = replace(IPHONE, os_version=None, can_request_update=False)
    verdict = judge("latest", info=old)
    assert (verdict.os_version, "cannot be asked" in verdict.warning) == ("", True)


@pytest.mark.parametrize(
    ("product", "setting"),
    [
        ("iPhone15,2", "ios_min_version"),
        ("iPad13,18", "ios_min_version"),
        ("Mac14,2", "macos_min_version"),
        ("RealityDevice14,1", "visionos_min_version"),
        ("AppleTV14,1", ""),
    ],
)
def test_each_platform_has_its_setting(product: str, setting: str) -> None:
    assert gate.asked_of(replace(IPHONE, product=product)) == setting
