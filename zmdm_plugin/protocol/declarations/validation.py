"""Whether a payload is what Apple says a declaration of its type looks like.

A device takes a declaration whole or not at all, and tells hours later: better said before it is
saved. Payloads are JSON; data is base64 in it, dates are ISO 8601.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

from zmdm_plugin.protocol import variables
from zmdm_plugin.protocol.declarations.schema import ANY, Key, Schema, ValueKind
from zmdm_plugin.protocol.declarations.table import TABLE
from zmdm_plugin.protocol.problems import Problem, bounded, errors, joined

#: Levels of dictionaries and arrays in one payload; Apple's deepest has eight, bookmarks any.
MAX_DEPTH: Final = 32

#: The type whose payload may have a predicate in it.
ACTIVATION: Final = "com.apple.activation.simple"

_QUOTED: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_UNSTORABLE: Final = re.compile(r"[\0\ud800-\udfff]")
_CLOSED_BY: Final = {"(": ")", "{": "}", "[": "]"}
_INTEGERS: Final = range(-(1 << 63), 1 << 64)
_WORDS: Final[Mapping[ValueKind, str]] = {
    "array": "an array",
    "boolean": "a boolean",
    "data": "base64",
    "date": "a date like 2027-01-31T12:00:00Z",
    "dictionary": "an object",
    "integer": "a whole number",
    "real": "a number",
    "string": "a string",
}


def validate(type_name: str, payload: object, *, schema: Schema = TABLE) -> list[Problem]:
    """What is wrong with a payload, in its order; a key that Apple does not know is a warning.

    A string with a variable in it is not compared with the values that are allowed, for it will
    be another one on the device.
    """
    declaration = schema.get(type_name)
    if declaration is None:
        return [Problem("", f"{type_name} is not a type of declaration that Apple knows")]
    if not isinstance(payload, dict):
        return [Problem("", "The payload must be an object")]
    if _too_deep(payload):
        return [Problem("", f"The payload is nested deeper than {MAX_DEPTH} levels")]
    found = chain(
        _unstorable(payload, ""),
        _Walk(schema).keys(declaration.keys, payload, ""),
        _predicate(payload) if type_name == ACTIVATION else (),
    )
    return bounded(found)


def _predicate(payload: Mapping[str, Any]) -> Iterator[Problem]:
    text = payload.get("Predicate")
    if isinstance(text, str):
        yield from (Problem("Predicate", why) for why in predicate_faults(text))


def predicate_faults(text: str) -> Iterator[str]:
    """What makes a predicate unreadable, whatever it says: brackets and quotes that stay open.

    The language is Apple's NSPredicate, and what else is wrong with it the device tells.
    """
    if not text.strip():
        yield "is empty; leave it out to activate always"
    # Quotes may be escaped, and brackets between them are text.
    bare = _QUOTED.sub("", text)
    if '"' in bare or "'" in bare:
        yield "has a quote that is not closed"
    expected: list[str] = []
    for sign in filter("(){}[]".__contains__, bare):
        if sign in _CLOSED_BY:
            expected.append(_CLOSED_BY[sign])
        elif not expected or expected.pop() != sign:
            yield f"has a {sign} that nothing opened"
            return
    if expected:
        yield f"lacks a {expected[-1]}"


def _too_deep(payload: object) -> bool:
    level: list[object] = [payload]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        if not below:
            return False
        level = below
    return True


def _unstorable(value: object, path: str) -> Iterator[Problem]:
    """What JSON's grammar (or Python's) lets through, and no database or device takes."""
    match value:
        case dict():
            for name, item in value.items():
                yield from _unstorable(name, path)
                yield from _unstorable(item, joined(path, name))
        case list():
            for number, item in enumerate(value):
                yield from _unstorable(item, joined(path, number))
        case str() if _UNSTORABLE.search(value):
            yield Problem(path, "has characters in it that cannot be stored")
        case float() if not math.isfinite(value):
            yield Problem(path, "must be a number")
        case int() if value not in _INTEGERS:
            yield Problem(path, "must be a number of 64 bits")
        case _:
            pass


class _Walk:
    """One walk over a payload; the schema is at hand for shapes."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def keys(self, keys: Sequence[Key], payload: Mapping[str, Any], path: str) -> Iterator[Problem]:
        """The members of an object."""
        known = {key.name: key for key in keys}
        wildcard = known.pop(ANY, None)
        for name, key in known.items():
            if key.required and name not in payload:
                somewhere = any(rule.never for rule in key.support.values())
                yield Problem(joined(path, name), "is missing", "warning" if somewhere else "error")
        for name, value in payload.items():
            if found := known.get(name, wildcard):
                yield from self._value(found, value, joined(path, name))
            elif keys:
                why = "is not a key that Apple knows here"
                yield Problem(joined(path, name), why, "warning")

    def _value(self, key: Key, value: object, path: str) -> Iterator[Problem]:
        if key.kind == "any":
            return
        if not _is(key.kind, value):
            yield Problem(path, f"must be {_WORDS[key.kind]}")
        elif isinstance(value, dict):
            yield from self.keys(self._schema.inside(key), value, path)
        elif isinstance(value, list):
            yield from self._items(key, value, path)
        else:
            yield from _scalar(key, value, path)

    def _items(self, key: Key, values: list[Any], path: str) -> Iterator[Problem]:
        """Where items may have several shapes, the one that fits best is taken as meant."""
        low, high = key.items or (0, len(values))
        if not low <= len(values) <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            yield Problem(path, f"must have {wanted} items and has {len(values)}")
        shapes = self._schema.inside(key)
        for number, value in enumerate(values if shapes else ()):
            tries = [self._value(shape, value, joined(path, number)) for shape in shapes]
            yield from tries[0] if len(tries) == 1 else _mildest(tries)


def _mildest(tries: Iterable[Iterable[Problem]]) -> list[Problem]:
    return min(map(bounded, tries), key=lambda problems: (len(errors(problems)), len(problems)))


def _scalar(key: Key, value: object, path: str) -> Iterator[Problem]:
    if key.values and value not in key.values and not variables.used(value):
        allowed = ", ".join(map(str, key.values))
        yield Problem(path, f"must be one of {allowed}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(key, value, path)


def _bounds(key: Key, value: float, path: str) -> Iterator[Problem]:
    if key.minimum is not None and value < key.minimum:
        yield Problem(path, f"must be at least {key.minimum}")
    if key.maximum is not None and value > key.maximum:
        yield Problem(path, f"must be at most {key.maximum}")


def _is(kind: ValueKind, value: object) -> bool:
    """Whether a JSON value is of a kind; a boolean is no number."""
    match kind:
        case "any":
            return True
        case "array":
            return isinstance(value, list)
        case "boolean":
            return isinstance(value, bool)
        case "data":
            return isinstance(value, str) and _is_base64(value)
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "dictionary":
            return isinstance(value, dict)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "real":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return bool(variables.used(text))
    return True


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return bool(variables.used(text))
    return True
