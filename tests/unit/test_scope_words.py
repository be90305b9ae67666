"""Scopes in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zmdm_plugin.services.artifacts.scope_words import everything, words

TAGS = {1: "Pilot", 2: "Lab", 3: "Kiosk"}
MAC: dict[str, Any] = {"platforms": {"macOS": {}}}


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (MAC, "macOS"),
        ({"platforms": {"macOS": {"min": "14.0"}, "iOS": {}}}, "iOS, macOS from 14.0"),
        ({"platforms": {"macOS": {"max": "16"}}}, "macOS before 16"),
        ({"platforms": {"macOS": {"min": "14", "max": "16"}}}, "macOS from 14 before 16"),
        ({**MAC, "excluded_tags": [2, 3]}, "macOS; not tagged “Kiosk” or “Lab”"),
        ({**MAC, "excluded_tags": [9]}, "macOS; not tagged 9"),
        ({**MAC, "default_shard": 20}, "macOS; 20 of 100 shards"),
        (
            {**MAC, "default_shard": 20, "tag_shards": {"1": 100}},
            "macOS; 20 of 100 shards, all of tag “Pilot”",
        ),
        (
            {**MAC, "shard_modulo": 10, "default_shard": 1, "tag_shards": {"1": 5, "2": 10}},
            "macOS; 1 of 10 shards, all of tag “Lab”, 5 of 10 of tag “Pilot”",
        ),
        ({**MAC, "default_shard": 0, "tag_shards": {"1": 100}}, "macOS; only tagged “Pilot”"),
        ({**MAC, "default_shard": 0}, "macOS; no device at all"),
        ({**MAC, "tag_shards": {"1": 50}}, "macOS"),
        ({**MAC, "default_shard": 60, "tag_shards": {"1": 50}}, "macOS; 60 of 100 shards"),
    ],
)
def test_a_scope_in_words(scope: dict[str, Any], said: str) -> None:
    assert words(scope, TAGS) == said


def test_everything_is_said_of_all_platforms_only() -> None:
    assert everything(MAC, ["macOS"])
    assert not everything(MAC, ["macOS", "iOS"])
    assert not everything({**MAC, "default_shard": 99}, ["macOS"])


def test_the_example_of_the_documentation_is_said_like_that() -> None:
    scope = {
        "platforms": {"macOS": {"min": "14", "max": "16"}},
        "excluded_tags": [2],
        "default_shard": 20,
        "tag_shards": {"1": 100},
    }
    page = Path(__file__).parents[2] / "docs" / "blueprints.md"
    assert words(scope, TAGS) in page.read_text("utf-8")
