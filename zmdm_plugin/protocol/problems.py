"""What is wrong with something an operator brought: where, and why, in words for a screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `path` is as in `Relays[0].PublicKeyData`, empty for the whole.

    An error means that devices would refuse it, or do something else than it says; a warning is
    for the operator to judge.
    """

    path: str
    why: str
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" if self.path else self.why


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that forbid saving."""
    return [problem for problem in problems if problem.level == "error"]


def warnings(problems: Iterable[Problem]) -> list[Problem]:
    """Those that an operator may overrule."""
    return [problem for problem in problems if problem.level == "warning"]


def joined(path: str, key: str | int) -> str:
    """The path of a key, or of a list's item, inside `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
