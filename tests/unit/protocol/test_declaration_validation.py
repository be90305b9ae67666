from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.declaration_examples import declarations
from zmdm_plugin.protocol.declarations import TABLE, Key, Schema, validate
from zmdm_plugin.protocol.declarations.schema import DeclarationType
from zmdm_plugin.protocol.problems import errors, warnings

PASSCODE = "com.apple.configuration.passcode.settings"
MAIL = "com.apple.configuration.account.mail"
SCEP = "com.apple.credential.scep"


def found(type_name: str, payload: object) -> list[str]:
    return [str(problem) for problem in validate(type_name, payload)]


def schema_of(*keys: Key) -> Schema:
    return Schema({"com.apple.asset.x": DeclarationType("com.apple.asset.x", None, {}, keys)}, {})


def test_a_right_payload_has_no_problem():
    assert validate(PASSCODE, {"RequirePasscode": True, "MinimumLength": 8}) == []


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"MinimumLength": 17}, "MinimumLength: must be at most 16"),
        ({"MinimumLength": -1}, "MinimumLength: must be at least 0"),
        ({"MinimumLength": "8"}, "MinimumLength: must be a whole number"),
        ({"MinimumLength": True}, "MinimumLength: must be a whole number"),
        ({"MinimumLength": 8.0}, "MinimumLength: must be a whole number"),
        ({"RequirePasscode": 1}, "RequirePasscode: must be a boolean"),
        ({"CustomRegex": {}}, "CustomRegex.Regex: is missing"),
        ({"CustomRegex": []}, "CustomRegex: must be an object"),
        ({"CustomRegex": {"Regex": "a", "Description": {"en": 1}}}, None),
        ([], "The payload must be an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(payload, problem):
    expected = problem or "CustomRegex.Description.en: must be a string"
    assert found(PASSCODE, payload) == [expected]


def test_an_unknown_type_is_no_declaration():
    [problem] = validate("com.apple.configuration.passcod.settings", {})
    assert problem.level == "error" and "passcod.settings" in problem.why


def test_a_key_that_apple_does_not_know_is_a_warning():
    [problem] = validate(PASSCODE, {"MinimumLenght": 8})
    assert (problem.path, problem.level) == ("MinimumLenght", "warning")


def test_a_key_with_free_content_takes_anything():
    assert validate("com.apple.management.properties", {"a": 1, "b": {"c": [None]}}) == []


def test_a_value_must_be_one_of_those():
    payload = {"IncomingServer": {"ServerType": "SMTP"}}
    assert "IncomingServer.ServerType: must be one of IMAP, POP" in found(MAIL, payload)


def test_a_variable_may_stand_for_any_of_those():
    payload = {
        "HostName": "mail.example.com",
        "ServerType": "$REALM_USER.CUSTOM_ATTR_1",
        "AuthenticationMethod": "$PATH",
    }
    paths = [problem.path for problem in validate(MAIL, {"IncomingServer": payload})]
    assert "IncomingServer.AuthenticationMethod" in paths
    assert "IncomingServer.ServerType" not in paths


@pytest.mark.parametrize(
    ("data", "right"),
    [
        ("AAEC", True),
        ("AA EC\n", True),
        ("AAE", False),
        ("§", False),
        (7, False),
        ("$REALM_USER.EMAIL", True),
    ],
)
def test_data_is_base64(data, right):
    payload = {"URL": "https://ca.example.com/", "CAFingerprint": data}
    assert found(SCEP, payload) == ([] if right else ["CAFingerprint: must be base64"])


def test_an_array_has_as_many_items_as_apple_wants():
    payload = {"URL": "https://ca.example.com/", "Subject": [[["CN"]], [["O", "Example"]]]}
    assert found(SCEP, payload) == ["Subject[0][0]: must have 2 items and has 1"]


def test_items_are_looked_into():
    payload = {"StandardConfigurations": ["a", 1]}
    assert found("com.apple.activation.simple", payload) == [
        "StandardConfigurations[1]: must be a string"
    ]


def test_bookmarks_may_lie_in_folders_of_folders():
    inner: dict = {"Type": "Bookmark", "Title": "a", "URL": 1}
    folder = {"Title": "f", "Folder": [{"Title": "g", "Folder": [inner]}]}
    group = {"GroupIdentifier": "a", "Title": "a", "Bookmarks": [folder]}
    paths = [
        problem.path
        for problem in validate(
            "com.apple.configuration.safari.bookmarks", {"ManagedBookmarks": [group]}
        )
    ]
    assert "ManagedBookmarks[0].Bookmarks[0].Folder[0].Folder[0].URL" in paths


def test_absurd_depth_is_said_and_not_walked():
    deep: object = "a"
    for _ in range(100_000):
        deep = [deep]
    [problem] = validate("com.apple.management.properties", {"a": deep})
    assert "nested deeper" in problem.why


def test_a_key_required_elsewhere_is_a_warning():
    payload = {"Calculator": {"InputModes": {"UnitConversion": True}}}
    problems = validate("com.apple.configuration.math.settings", payload)
    assert [problem.path for problem in warnings(problems)] == ["Calculator.InputModes.RPN"]
    assert errors(problems) == []


def test_where_items_may_have_two_shapes_the_fitting_one_counts():
    either = Key("Items", "array", keys=(Key("", "string"), Key("", "integer", maximum=3)))
    schema = schema_of(either)
    assert validate("com.apple.asset.x", {"Items": ["a", 3]}, schema=schema) == []
    [problem] = validate("com.apple.asset.x", {"Items": [4]}, schema=schema)
    assert problem.path == "Items[0]"


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("real", [1, 1.5], [True, "1", float("nan")]),
        ("date", ["2027-01-31T12:00:00Z"], ["tomorrow", 1]),
        ("any", [None, 1, "a"], []),
    ],
)
def test_kinds_that_the_table_has_not_yet(kind, right, wrong):
    schema = schema_of(Key("A", kind))
    for value in right:
        assert validate("com.apple.asset.x", {"A": value}, schema=schema) == []
    for value in wrong:
        assert len(validate("com.apple.asset.x", {"A": value}, schema=schema)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(TABLE)), JSON)
def test_any_json_is_judged(type_name, payload):
    validate(type_name, payload)


@given(declarations())
def test_judging_changes_nothing(example):
    type_name, payload = example
    before = json.dumps(payload)
    validate(type_name, payload)
    assert json.dumps(payload) == before


@pytest.mark.parametrize(
    "predicate",
    [
        "@status(device.model.family) == 'iPad'",
        "(@property(age) < 18) AND NOT ('a' IN {'a', \"b\"})",
        r"@property(name) == 'it\'s (open'",
        "@status(device.operating-system.version) BEGINSWITH[cd] '26'",
        "SUBQUERY(@status(mdm.app), $app, $app.identifier == '$REALM_USER.EMAIL').@count > 0",
    ],
)
def test_a_predicate_that_reads_well_is_left_to_the_device(predicate):
    payload = {"StandardConfigurations": [], "Predicate": predicate}
    assert validate("com.apple.activation.simple", payload) == []


@pytest.mark.parametrize(
    ("predicate", "why"),
    [
        (" ", "is empty"),
        ("@status(device.model.family == 'iPad'", "lacks a )"),
        ("@property(a)) == 1", "has a ) that nothing opened"),
        ("@property(a) IN {1, 2)", "has a ) that nothing opened"),
        ("@property(a) == 'iPad", "quote that is not closed"),
    ],
)
def test_a_predicate_that_no_device_could_read_is_refused(predicate, why):
    payload = {"StandardConfigurations": [], "Predicate": predicate}
    [problem] = validate("com.apple.activation.simple", payload)
    assert problem.path == "Predicate" and why in problem.why and problem.level == "error"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a\0", "\ud800", 2**64, -(2**64)])
def test_what_cannot_be_stored_is_refused_wherever_it_stands(value):
    payload = {"a": [{"b": value}]}
    [problem] = validate("com.apple.management.properties", payload)
    assert (problem.path, problem.level) == ("a[0].b", "error")


def test_a_name_that_cannot_be_stored_is_refused():
    [problem] = validate("com.apple.management.properties", {"a": {"\0": 1}})
    assert (problem.path, problem.level) == ("a", "error")
