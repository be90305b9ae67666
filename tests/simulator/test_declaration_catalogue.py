"""The catalogue of the simulator says what Apple's schema says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import requirements
from zmdm_simulator.declarative import references
from zmdm_simulator.declarative.support import ITEMS, LETTERS, TYPES, Entry

pytestmark = pytest.mark.needs("apple_schema")
# Items that came after the schema's checkout.
LATER = {"package.list"}


def pages(folder: str) -> list[dict[str, Any]]:
    root = requirements.apple_schema()
    assert root is not None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    newest: dict[str, Path] = {}
    for part in ("declarative", "newer/declarative"):
        newest |= {path.name: path for path in sorted((root / part).glob(f"{folder}/*.yaml"))}
    return [yaml.load(path.read_text(encoding="utf-8"), loader) for path in newest.values()]


def declarations() -> dict[str, dict[str, Any]]:
    found = [page for kind in ("activations", "assets", "configurations", "management")
             for page in pages(f"declarations/{kind}")]  # fmt: skip
    return {page["payload"]["declarationtype"]: page for page in found}


def places(page: dict[str, Any]) -> dict[str, tuple[str, set[str], set[str]]]:
    found = {}
    for platform, rules in page["payload"]["supportedOS"].items():
        if rules.get("introduced", "n/a") == "n/a":
            continue
        enrollments = {name[0].upper() for name in rules.get("allowed-enrollments", [])} - {"L"}
        scopes = {name[0] for name in rules.get("allowed-scopes", [])}
        found[LETTERS[platform]] = (rules["introduced"], enrollments, scopes)
    return found


def known(entry: Entry) -> dict[str, tuple[str, set[str], set[str]]]:
    return {
        letter: (
            ".".join(map(str, place.version)),
            set(place.enrollments),
            set(place.scopes),
        )
        for letter, place in entry.places.items()
    }


def test_every_declaration_type_is_known_where_it_exists() -> None:
    apple = {kind: places(page) for kind, page in declarations().items()}
    assert {kind: known(entry) for kind, entry in TYPES.items()} == apple


def test_every_status_item_is_known() -> None:
    apple = {
        page["payload"]["statusitemtype"]: page
        for page in pages("status")
        if "statusitemtype" in page["payload"]
    }
    assert ITEMS.keys() - LATER == apple.keys()
    for name, page in apple.items():
        assert places(page).items() <= known(ITEMS[name]).items(), name


def test_the_required_keys_are_known() -> None:
    for kind, page in declarations().items():
        required = {
            key["key"]
            for key in page["payloadkeys"]
            if key.get("presence") == "required" and not key["key"].startswith("ANY")
        }
        assert {name for name, key in TYPES[kind].keys.items() if key.required} == required, kind


def keys_with_assets(keys: list[dict[str, Any]], seen: frozenset[int]) -> Iterator[str]:
    # Folders of bookmarks hold folders of bookmarks.
    for key in keys:
        if "assettypes" in key:
            yield key["key"]
        if id(key) not in seen:
            yield from keys_with_assets(key.get("subkeys") or [], seen | {id(key)})


def test_every_key_that_names_an_asset_is_seen() -> None:
    keys = [key for page in declarations().values() for key in page["payloadkeys"]]
    named = set(keys_with_assets(keys, frozenset()))
    assert len(named) > 10
    assert {name for name in named if references.assets({"deep": [{name: "x"}]}) != ["x"]} == set()
