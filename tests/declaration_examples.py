"""Payloads of declarations as hypothesis finds them, made from our table: right ones and wrong."""

from __future__ import annotations

import base64
import copy
from typing import Any

from hypothesis import strategies as st

from zmdm_plugin.protocol.declarations import TABLE, Key

NAMES = st.text("abc.-*", min_size=1, max_size=6)
#: No dollar sign: what may be a variable is judged mildly.
TEXTS = st.text("abcé /:.", max_size=8)
ANYTHING = st.none() | st.booleans() | st.integers(-5, 5) | TEXTS | st.lists(TEXTS, max_size=2)
_DEPTH = 5


@st.composite
def payloads(draw: st.DrawFn, type_name: str) -> dict[str, Any]:
    """A payload of a type that has no fault."""
    return draw(_dictionaries(TABLE[type_name].keys, 0))


@st.composite
def declarations(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A type and a payload of it without fault."""
    type_name = draw(st.sampled_from(sorted(TABLE)))
    return type_name, draw(payloads(type_name))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A payload in which something was left out, changed or added; it may still be right."""
    type_name, payload = draw(declarations())
    payload = copy.deepcopy(payload)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.sampled_from(list(_containers(payload))))
        if isinstance(place, list):
            place.append(draw(ANYTHING))
        elif place and draw(st.booleans()):
            name = draw(st.sampled_from(sorted(place)))
            if draw(st.booleans()):
                del place[name]
            else:
                place[name] = draw(ANYTHING)
        else:
            place[draw(NAMES)] = draw(ANYTHING)
    return type_name, payload


def _containers(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [value] if isinstance(value, dict | list) else []
    return found + [part for item in inside for part in _containers(item)]


@st.composite
def _dictionaries(draw: st.DrawFn, keys: tuple[Key, ...], depth: int) -> dict[str, Any]:
    payload = {}
    for key in keys:
        wanted = key.required or (depth < _DEPTH and draw(st.integers(0, 2)) == 0)
        if wanted:
            name = draw(NAMES) if key.name == "ANY" else key.name
            payload[name] = draw(values(key, depth + 1))
    return payload


@st.composite
def values(draw: st.DrawFn, key: Key, depth: int = 0) -> Any:
    """A value that a key may have."""
    inside = TABLE.inside(key)
    match key.kind:
        case "dictionary":
            return draw(_dictionaries(inside, depth))
        case "array":
            low, high = key.items or (0, 2 if depth < _DEPTH else 0)
            one = st.one_of([values(shape, depth + 1) for shape in inside]) if inside else TEXTS
            return draw(st.lists(one, min_size=low, max_size=high))
        case "integer":
            numbers = st.integers(_whole(key.minimum, -(2**40)), _whole(key.maximum, 2**40))
            return draw(st.sampled_from(key.values) if key.values else numbers)
        case "data":
            return base64.b64encode(draw(st.binary(max_size=6))).decode()
        case "boolean":
            return draw(st.booleans())
        case "any":
            return draw(ANYTHING)
        case _ if key.name == "Predicate":
            return "SELF == " + draw(TEXTS)
        case _:
            return draw(st.sampled_from(key.values) if key.values else TEXTS)


def _whole(bound: float | None, otherwise: int) -> int:
    return otherwise if bound is None else int(bound)
