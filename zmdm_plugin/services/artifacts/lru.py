"""Values that cost much to make, kept in the process while they are used."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from zmdm_plugin.state import state

T = TypeVar("T")


class Lru(Generic[T]):
    """The last used of some values that cost much to make; in one process, safe to lose."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any) -> T | None:
        """None if it is not kept (any more); threads may take it away in between."""
        found = self._kept.get(key)
        if found is not None:
            try:
                self._kept.move_to_end(key)
            except KeyError:
                pass
        return found

    def put(self, key: Any, value: T) -> None:
        self._kept[key] = value
        while len(self._kept) > self._most:
            try:
                self._kept.popitem(last=False)
            except KeyError:
                break


def kept(name: str, most: int) -> Lru[Any]:
    """The values of this name in the current application."""
    found: Lru[Any] = state().cache.setdefault(f"artifacts.{name}", Lru(most))
    return found
