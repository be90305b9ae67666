from __future__ import annotations

import pytest

from zmdm_plugin.protocol.declarations import (
    TABLE,
    DeclarationType,
    Key,
    Schema,
    Support,
    knows_declarations,
    supported,
    unsupported,
)
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.problems import errors, warnings

IOS, IPADOS, MACOS, TVOS = Platform.IOS, Platform.IPADOS, Platform.MACOS, Platform.TVOS
CALDAV = "com.apple.configuration.account.caldav"
UPDATES = "com.apple.configuration.softwareupdate.settings"
ENFORCED = "com.apple.configuration.softwareupdate.enforcement.specific"
MATH = "com.apple.configuration.math.settings"
LEGACY = "com.apple.configuration.legacy"


def why(type_name, platform, os, **who) -> str | None:
    given = {"supervised": True, "user_enrollment": False, "channel": "device", **who}
    return supported(type_name, platform, os, **given)


@pytest.mark.parametrize(
    ("type_name", "platform", "os", "who"),
    [
        (CALDAV, IOS, "17.0", {}),
        (CALDAV, IPADOS, "17.0", {"supervised": False}),
        (CALDAV, IPADOS, "15.4", {"supervised": False, "user_enrollment": True}),
        (CALDAV, MACOS, "13.0", {"channel": "user"}),
        (CALDAV, IPADOS, "17.0", {"channel": "user", "shared_ipad": True}),
        (ENFORCED, IOS, "17.0", {"supervised": False}),
        (MATH, IOS, "18.0", {"supervised": None}),
        (LEGACY, TVOS, "16.0", {}),
        (LEGACY, MACOS, "13.0", {"supervised": False}),
        (LEGACY, MACOS, None, {}),
        ("com.apple.asset.data", MACOS, "14.0", {"channel": "user"}),
        ("com.apple.management.properties", Platform.WATCHOS, "10.0", {}),
    ],
)
def test_who_understands_a_type(type_name, platform, os, who):
    assert why(type_name, platform, os, **who) is None


@pytest.mark.parametrize(
    ("type_name", "platform", "os", "who", "words"),
    [
        (ENFORCED, IOS, "16.7", {}, "needs iOS 17.0"),
        (ENFORCED, IPADOS, "16.7", {}, "needs iPadOS 17.0"),
        (CALDAV, TVOS, "18.0", {}, "not known on tvOS"),
        (CALDAV, MACOS, "14.0", {}, "through the device channel on macOS"),
        (CALDAV, IPADOS, "17.0", {"shared_ipad": True}, "the device channel on iPadOS"),
        (MATH, IOS, "18.0", {"supervised": False}, "needs supervision"),
        (ENFORCED, IOS, "18.0", {"user_enrollment": True}, "a device enrollment"),
        (MATH, MACOS, "15.0", {"channel": "user", "user_enrollment": True}, "needs supervision"),
        (LEGACY, IOS, "15.7", {}, "needs iOS 16.0"),
        (LEGACY, MACOS, "12.7", {}, "needs macOS 13.0"),
        ("com.example.x", IOS, "18.0", {}, "not a type of declaration"),
    ],
)
def test_who_does_not_and_why(type_name, platform, os, who, words):
    assert words in (why(type_name, platform, os, **who) or "")


def test_what_was_taken_away_is_said():
    gone = DeclarationType("com.apple.asset.x", None, {IOS: Support(removed="18.0")}, ())
    schema = Schema({"com.apple.asset.x": gone}, {})
    assert why("com.apple.asset.x", IOS, "17.9", schema=schema) is None
    assert why("com.apple.asset.x", IOS, "18.0", schema=schema) == "is gone since iOS 18.0"


def test_ios_15_knows_declarations_in_user_enrollments_only():
    assert knows_declarations(IPADOS, "15.2", user_enrollment=True) is None
    assert "user enrollments" in (knows_declarations(IPADOS, "15.2", user_enrollment=False) or "")
    assert knows_declarations(IPADOS, "16.0", user_enrollment=False) is None


def test_a_type_that_none_of_the_platforms_knows_is_refused():
    problems = unsupported(CALDAV, {}, platforms=[TVOS], channel="device")
    assert [str(one) for one in errors(problems)] == [f"{CALDAV} is not known on tvOS"]


def test_a_type_that_one_of_the_platforms_lacks_is_told():
    problems = unsupported(CALDAV, {}, platforms=[IOS, MACOS, TVOS], channel="device")
    assert errors(problems) == []
    assert [problem.why for problem in warnings(problems)] == [
        f"{CALDAV} is not taken through the device channel on macOS",
        f"{CALDAV} is not known on tvOS",
    ]


def test_a_shared_ipad_may_be_meant():
    assert unsupported(CALDAV, {}, platforms=[IPADOS], channel="user") == []


def test_a_key_that_no_platform_understands_is_told():
    payload = {"Deferrals": {"MajorPeriodInDays": 3, "CombinedPeriodInDays": 3}}
    [problem] = unsupported(UPDATES, payload, platforms=[IOS, IPADOS], channel="device")
    assert (problem.path, problem.level) == ("Deferrals.MajorPeriodInDays", "warning")
    assert unsupported(UPDATES, payload, platforms=[IOS, MACOS], channel="device") == []


def test_keys_inside_items_are_looked_at():
    leaf = Key("Leaf", "string", support={MACOS: Support(never=True)})
    shape = Key("", "dictionary", keys=(leaf,))
    branch = Key("Items", "array", support={IOS: Support(never=True)}, keys=(shape,))
    kind = DeclarationType("com.apple.asset.x", None, {IOS: Support(), MACOS: Support()}, (branch,))
    schema = Schema({"com.apple.asset.x": kind}, {})
    payload = {"Items": [{}, {"Leaf": "a"}]}
    [problem] = unsupported(
        "com.apple.asset.x", payload, platforms=[IOS, MACOS], channel="device", schema=schema
    )
    assert (problem.path, problem.level) == ("Items[1].Leaf", "warning")


@pytest.mark.parametrize(
    ("platform", "first", "before"),
    [(MACOS, "13.0", "12.7"), (TVOS, "16.0", "15.6"), (Platform.VISIONOS, "1.1", "1.0")],
)
def test_what_is_too_old_for_any_declaration(platform, first, before):
    assert knows_declarations(platform, first, user_enrollment=False) is None
    assert (
        knows_declarations(platform, before, user_enrollment=False) == f"needs {platform} {first}"
    )


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_type_is_understood_by_somebody(name):
    answers = [
        supported(name, platform, None, supervised=True, user_enrollment=False, channel=channel)
        for platform in Platform
        for channel in ("device", "user")
    ]
    assert None in answers
