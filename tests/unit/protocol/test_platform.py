from __future__ import annotations

import pytest

from zmdm_plugin.protocol.platform import (
    Platform,
    at_least,
    has_t2,
    is_apple_silicon,
    platform_of,
    version,
)


@pytest.mark.parametrize(
    "name, platform",
    [
        ("iPhone14,2", Platform.IOS),
        ("iPod9,1", Platform.IOS),
        ("iPad13,1", Platform.IPADOS),
        ("AppleTV11,1", Platform.TVOS),
        ("RealityDevice14,1", Platform.VISIONOS),
        ("Watch6,1", Platform.WATCHOS),
        ("Mac14,2", Platform.MACOS),
        ("MacBookPro18,3", Platform.MACOS),
        ("VirtualMac2,1", Platform.MACOS),
        ("Xserve3,1", Platform.MACOS),
        (None, None),
        ("", None),
    ],
)
def test_the_platform_is_read_from_the_product(name, platform):
    assert platform_of(name) is platform


def test_an_ipad_before_version_13_runs_ios():
    assert platform_of("iPad4,1", os_version="12.5.7") is Platform.IOS
    assert platform_of("iPad4,1", os_version="13.0") is Platform.IPADOS


def test_a_model_name_helps_where_there_is_no_product():
    assert platform_of(None, "Apple TV") is Platform.TVOS


@pytest.mark.parametrize(
    "product, silicon",
    [
        ("Mac14,2", True),
        ("MacBookPro17,1", True),
        ("MacBookPro16,4", False),
        ("MacBookAir10,1", True),
        ("MacBookAir9,1", False),
        ("iMac21,1", True),
        ("iMac20,2", False),
        ("Macmini9,1", True),
        ("Macmini8,1", False),
        ("MacPro7,1", False),
        ("iMacPro1,1", False),
        ("VirtualMac2,1", True),
        ("iPhone14,2", False),
        ("MacBook Pro", None),
        (None, None),
    ],
)
def test_apple_silicon_is_read_from_the_product(product, silicon):
    assert is_apple_silicon(product) is silicon


def test_t2_is_a_closed_list():
    assert has_t2("MacBookPro16,1") and has_t2("Macmini8,1")
    assert not has_t2("MacBookPro14,1") and not has_t2("MacBookPro17,1") and not has_t2(None)


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("17.4.1", (17, 4, 1)),
        ("17.0", (17,)),
        ("16.1 (a)", (16, 1)),
        ("26", (26,)),
        (" 10.15.7 ", (10, 15, 7)),
        ("beta", ()),
        ("", ()),
        (None, ()),
        ("١٧.٤", ()),
    ],
)
def test_versions_are_read_past_junk(text, numbers):
    assert version(text) == numbers


@pytest.mark.parametrize(
    "actual, minimum, enough",
    [
        ("10.15.7", "10.15", True),
        ("10.9", "10.10", False),
        ("13", "13.0", True),
        ("12.9.9", "13.0", False),
        ("unknown", "99.0", True),
        (None, "99.0", True),
    ],
)
def test_versions_are_compared_as_numbers(actual, minimum, enough):
    assert at_least(actual, minimum) is enough


def test_ipados_shares_the_tables_of_ios():
    assert Platform.IPADOS.family is Platform.IOS
    assert Platform.MACOS.family is Platform.MACOS
