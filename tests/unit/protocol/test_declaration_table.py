"""Our table says what Apple's pages say, key by key, and judges as they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests import requirements
from tests.apple_schema import declaration_pages, validate_declaration
from tests.declaration_examples import damaged, declarations
from tools import declaration_table
from zmdm_plugin.protocol.declarations import TABLE, Key, Support, notation, validate
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import schema_folder

pytestmark = pytest.mark.needs("apple_schema")
SCOPES = {"device": "system", "user": "user"}
slowly = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def as_apple_writes_it(support: Support) -> dict:
    def scopes(channels):
        return None if channels is None else {SCOPES[channel] for channel in channels}

    shared = {"allowed-scopes": scopes(support.shared_ipad)}
    facts = {
        "introduced": "n/a" if support.never else support.introduced,
        "removed": support.removed,
        "allowed-enrollments": support.enrollments and set(support.enrollments),
        "allowed-scopes": scopes(support.channels),
        "sharedipad": None if support.shared_ipad is None else shared,
    }
    return {name: value for name, value in facts.items() if value is not None}


def as_sets(rules: dict) -> dict:
    """Apple's rules of one platform, lists as sets."""
    return {
        name: as_sets(value)
        if isinstance(value, dict)
        else set(value)
        if isinstance(value, list)
        else value
        for name, value in rules.items()
    }


def supported(rules: dict, *, never: bool) -> dict:
    return {
        platform: as_sets(rule)
        for platform, rule in rules.items()
        if never or rule.get("introduced") != "n/a"
    }


def of_apple(
    keys: list[dict], path: str, inside: tuple[int, ...] = (), *, item: bool = False
) -> Iterator[tuple]:
    for key in keys:
        place = f"{path}[]" if item else f"{path}/{key['key']}"
        bounds, subkeys = key.get("range", {}), key.get("subkeys") or []
        repetitions = [sub["repetition"] for sub in subkeys if "repetition" in sub]
        yield (
            place,
            key["type"],
            key.get("presence") == "required" and not item and key["key"] != "ANY",
            tuple(key.get("rangelist", ())),
            (bounds.get("min"), bounds.get("max")),
            [(one["min"], one["max"]) for one in repetitions],
            tuple(key.get("assettypes", ())),
            tuple(key.get("asset-content-types", ())),
            supported(key.get("supportedOS", {}), never=True),
        )
        if id(subkeys) not in inside:
            below = (*inside, id(subkeys))
            yield from of_apple(subkeys, place, below, item=key["type"] == "<array>")


def of_ours(keys: tuple[Key, ...], path: str, inside: tuple[str, ...] = ()) -> Iterator[tuple]:
    for key in keys:
        place = f"{path}/{key.name}" if key.name else f"{path}[]"
        yield (
            place,
            f"<{key.kind}>",
            key.required,
            key.values,
            (key.minimum, key.maximum),
            [key.items] if key.items else [],
            key.assets,
            key.content_types,
            {str(name): as_apple_writes_it(rule) for name, rule in key.support.items()},
        )
        if key.shape is None or key.shape not in inside:
            yield from of_ours(TABLE.inside(key), place, (*inside, key.shape or ""))


def test_the_table_has_the_types_of_apple():
    assert set(TABLE) == set(declaration_pages())
    assert len(TABLE) == 62


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_table_says_who_knows_a_type(name):
    about = declaration_pages()[name]["payload"]
    ours = {
        str(platform): as_apple_writes_it(rule) for platform, rule in TABLE[name].support.items()
    }
    assert ours == supported(about["supportedOS"], never=False)
    assert TABLE[name].apply == about.get("apply")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_table_says_each_key_of_a_type(name):
    theirs = list(of_apple(declaration_pages()[name]["payloadkeys"], ""))
    assert list(of_ours(TABLE[name].keys, "")) == theirs
    assert theirs


@slowly
@given(declarations())
def test_what_the_table_allows_apple_allows(example):
    kind, payload = example
    assert validate(kind, payload) == []
    assert validate_declaration(kind, payload) == []


@slowly
@given(damaged())
def test_a_fault_is_found_where_apple_finds_it(example):
    kind, payload = example
    found = {problem.path for problem in validate(kind, payload)}
    expected = {fault.partition(": ")[0] for fault in validate_declaration(kind, payload)}
    # Only we look into predicates.
    assert found - {"Predicate"} == expected - {"Predicate"}


def test_the_folder_gives_what_the_table_gives():
    assert schema_folder.load(requirements.apple_schema()) == TABLE


def test_the_table_is_what_the_tool_writes():
    package = Path(notation.__file__).parent
    for module, text in declaration_table.texts(TABLE).items():
        written = (package / f"table_{module}.py").read_text(encoding="utf-8")
        assert declaration_table.HEADER.format(name=module, text=text) == written


def test_every_platform_of_apple_has_a_letter():
    named = {
        platform
        for page in declaration_pages().values()
        for platform in page["payload"]["supportedOS"]
    }
    assert named == {str(platform.family) for platform in Platform}
