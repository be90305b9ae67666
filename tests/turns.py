"""In which order the modules of a run come: processes take whole modules, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest

import pytest

SLOW = ("tests/e2e/", "tests/browser/", "tests/guest/")
"""They start servers and browsers, and take up to some minutes each."""
_QUICK_ONES = 6
"""Modules between two slow ones: fewer than there are, so that quick ones come last."""


def in_turn(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Slow modules apart, for a machine has few cores, and early, so that nobody waits for one."""
    modules = [list(of_one) for _, of_one in groupby(items, key=_module)]
    slow = [one for one in modules if _module(one[0]).startswith(SLOW)]
    quick = [one for one in modules if not _module(one[0]).startswith(SLOW)]
    return [item for module in _mixed(slow, quick) for item in module]


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _mixed(
    slow: list[list[pytest.Item]], quick: list[list[pytest.Item]]
) -> Iterator[list[pytest.Item]]:
    between = [quick[at : at + _QUICK_ONES] for at in range(0, len(quick), _QUICK_ONES)]
    for one, others in zip_longest(slow, between):
        if one is not None:
            yield one
        yield from others or ()
