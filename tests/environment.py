"""The tests' own variables, moved out of the way of the hosts that tests start.

A host takes every `ZMDM_…` variable as a setting of the plugin, and an unknown one stops it; so
`ZMDM_APPLE_SCHEMA` and `ZMDM_TEST_…` get another name as soon as the tests are loaded. Child
processes (xdist workers, a nested run) inherit that name.
"""

from __future__ import annotations

import os

_PREFIX = "TESTS_"


def _is_ours(name: str) -> bool:
    return name == "ZMDM_APPLE_SCHEMA" or name.startswith("ZMDM_TEST_")


for _name in filter(_is_ours, list(os.environ)):
    os.environ[_PREFIX + _name] = os.environ.pop(_name)


def given(name: str) -> str | None:
    """What the caller of the tests set, None for nothing or nothing in it."""
    return os.environ.get(_PREFIX + name) or None
