"""What is wrong with something an operator brought: where, and why, in words for a screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

#: Problems of one level that are told.
MOST: Final = 100
_LONGEST_KEY: Final = 100  # characters of a key in a path, which is only shown

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


def bounded(problems: Iterable[Problem]) -> list[Problem]:
    """The first hundred of each level: nobody reads a million, and none may hide an error."""
    kept: list[Problem] = []
    left = {"error": MOST, "warning": MOST}
    for problem in problems:
        if left[problem.level]:
            left[problem.level] -= 1
            kept.append(problem)
        elif not any(left.values()):
            break
    return kept


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
    shown = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
    return f"{path}.{shown}" if path else shown
