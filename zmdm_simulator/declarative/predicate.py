"""The predicates of activations: the part of NSPredicate's language that decides by device state.

    @status(device.operating-system.version) BEGINSWITH '26' AND NOT @property(age) < 18

Comparisons (= == != <> < <= =< > >= =>, BEGINSWITH, ENDSWITH, CONTAINS, LIKE, IN {…}, with [c] to
ignore case), AND OR NOT and their signs, brackets, TRUEPREDICATE, FALSEPREDICATE. Strings are
compared as strings, as NSString does it: '9' is more than '10'. SUBQUERY, ANY and functions are
not understood here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

# What stands for @status(name) and @property(name): ("status", "device.model.family") -> value.
Lookup = Callable[[str, str], Any]
Test = Callable[[Lookup], bool]
Term = Callable[[Lookup], Any]

TOKENS = re.compile(
    r"""\s*(?:
    (?P<state>@(?:status|property)\([^)]*\))
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<number>-?\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_]+(?:\[c?d?\])?)
  | (?P<sign>==|=<|=>|<=|>=|!=|<>|&&|\|\||[=<>!(){},])
  )""",
    re.VERBOSE,
)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    "=<": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=>": operator.ge,
}
WORDS: dict[str, Callable[[Any, Any], bool]] = {
    "BEGINSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": operator.contains,
    "LIKE": fnmatchcase,
}
CONSTANTS = {"TRUE": True, "YES": True, "FALSE": False, "NO": False, "NIL": None, "NULL": None}


class UnreadablePredicate(Exception):
    """The text is no predicate, or one of a kind that is not understood here."""


class UndecidedPredicate(Exception):
    """It reads well, but the values cannot be compared so."""


class MissingState(Exception):
    """It asks for a state that this device does not have."""


def parse(text: str) -> Test:
    """Return the test that a predicate's text describes; UnreadablePredicate says what is wrong."""
    reader = _Reader(_split(text))
    test = reader.either()
    if reader.here is not None:
        raise UnreadablePredicate(f"“{reader.here[1]}” stands where nothing may follow")
    return test


def _split(text: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        match = TOKENS.match(text, place)
        if match is None or match.lastgroup is None:
            raise UnreadablePredicate(f"“{text[place : place + 20].strip()}” is not understood")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


class _Reader:
    """Reads from left to right: OR binds weakest, then AND, then NOT."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._place = tokens, 0

    @property
    def here(self) -> tuple[str, str] | None:
        """The next token, None at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def either(self) -> Test:
        """Read one or more parts joined by OR."""
        parts = [self._both()]
        while self._took("OR", "||"):
            parts.append(self._both())
        return lambda lookup: any(part(lookup) for part in parts)

    def _both(self) -> Test:
        parts = [self._single()]
        while self._took("AND", "&&"):
            parts.append(self._single())
        return lambda lookup: all(part(lookup) for part in parts)

    def _single(self) -> Test:
        if self._took("NOT", "!"):
            inner = self._single()
            return lambda lookup: not inner(lookup)
        if self._took("("):
            inner = self.either()
            self._must(")")
            return inner
        if self._took("TRUEPREDICATE"):
            return lambda _: True
        if self._took("FALSEPREDICATE"):
            return lambda _: False
        return self._comparison()

    def _comparison(self) -> Test:
        left, (kind, text) = self._term(), self._next()
        name, _, options = text.upper().partition("[")
        if kind == "sign" and text in SIGNS:
            compare = SIGNS[text]
        elif kind == "word" and name in WORDS:
            compare = WORDS[name]
        elif kind == "word" and name == "IN":
            compare = _contained
        else:
            raise UnreadablePredicate(f"“{text}” compares nothing")
        right, fold = self._term(), "C" in options
        return lambda lookup: _compared(compare, left(lookup), right(lookup), fold=fold)

    def _term(self) -> Term:
        kind, text = self._next()
        if kind == "state":
            source, _, name = text[1:-1].partition("(")
            return lambda lookup: lookup(source, name.strip())
        if kind == "string":
            return _constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "number":
            return _constant(float(text))
        if kind == "word" and text.upper() in CONSTANTS:
            return _constant(CONSTANTS[text.upper()])
        if text == "{":
            return self._list()
        raise UnreadablePredicate(f"“{text}” is no value")

    def _list(self) -> Term:
        terms: list[Term] = []
        while not self._took("}"):
            if terms:
                self._must(",")
            terms.append(self._term())
        return lambda lookup: [term(lookup) for term in terms]

    def _next(self) -> tuple[str, str]:
        if self.here is None:
            raise UnreadablePredicate("it ends too early")
        token, self._place = self.here, self._place + 1
        return token

    def _took(self, *texts: str) -> bool:
        if self.here is None or self.here[0] == "string" or self.here[1].upper() not in texts:
            return False
        self._place += 1
        return True

    def _must(self, text: str) -> None:
        if not self._took(text):
            raise UnreadablePredicate(f"“{text}” is missing")


def _constant(value: Any) -> Term:
    return lambda _: value


def _contained(value: Any, values: Any) -> bool:
    return bool(value in values)


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return [_folded(item) for item in value]
    return value.lower() if isinstance(value, str) else value


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any, *, fold: bool) -> bool:
    if fold:
        left, right = _folded(left), _folded(right)
    equality = compare in {operator.eq, operator.ne}
    if not equality and (left is None or right is None):
        return False
    try:
        return bool(compare(left, right))
    except TypeError as error:
        raise UndecidedPredicate(f"{left!r} and {right!r} cannot be compared so") from error
