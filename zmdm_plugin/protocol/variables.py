"""Variables in what a device gets: names that stand for facts of the device and of its person.

They are replaced in parsed values, never in the text of a file: a name with `&` or `"` in it must
not break the XML around it. Names are spelled as operators write them, with the dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

DEVICE_NAMES = ("$ENROLLED_DEVICE.SERIAL_NUMBER", "$ENROLLED_DEVICE.UDID")
#: Known on user channels.
USER_NAMES = ("$ENROLLED_USER.LONG_NAME", "$ENROLLED_USER.SHORT_NAME")
#: Known once a person signed in to enroll.
PERSON_NAMES = (
    "$REALM_USER.CUSTOM_ATTR_1",
    "$REALM_USER.CUSTOM_ATTR_2",
    "$REALM_USER.DEVICE_USERNAME",
    "$REALM_USER.EMAIL",
    "$REALM_USER.EMAIL_PREFIX",
    "$REALM_USER.FIRST_NAME",
    "$REALM_USER.FULL_NAME",
    "$REALM_USER.LAST_NAME",
    "$REALM_USER.USERNAME",
)
#: Known in account-driven enrollments.
MANAGED_ACCOUNT_NAMES = ("$MANAGED_APPLE_ID.EMAIL",)
NAMES = frozenset((*DEVICE_NAMES, *USER_NAMES, *PERSON_NAMES, *MANAGED_ACCOUNT_NAMES))

# Longest first, because some names are the beginning of others.
_ANY = re.compile("|".join(map(re.escape, sorted(NAMES, key=lambda name: (-len(name), name)))))


class Substituted(NamedTuple):
    """The value with its variables replaced, and the names that had nothing to stand for."""

    value: Any
    unresolved: frozenset[str]


def substitute(value: Any, values: Mapping[str, str]) -> Substituted:
    """Replace the variables in each string of a parsed value, however deep; `value` is kept.

    Once only: what a person typed into a directory is not looked through for variables. A name
    without a value (or with an empty one) stays as it is and is told. Keys, data and whatever
    else begins with a dollar sign are left alone.
    """
    unresolved: set[str] = set()

    def replaced(found: re.Match[str]) -> str:
        if given := values.get(found.group()):
            return given
        unresolved.add(found.group())
        return found.group()

    def walk(part: Any) -> Any:
        match part:
            case str():
                return _ANY.sub(replaced, part) if "$" in part else part
            case dict():
                return {key: walk(item) for key, item in part.items()}
            case list() | tuple():
                return [walk(item) for item in part]
            case _:
                return part

    return Substituted(walk(value), frozenset(unresolved))


def used(value: Any) -> frozenset[str]:
    """The variables that stand in a parsed value: without any, it is the same for every device."""
    return frozenset(name for text in _strings(value) for name in _ANY.findall(text))


def _strings(value: Any) -> Iterator[str]:
    """Without recursion, since a value may be as deep as its parser allows."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() | tuple() as items:
                waiting.extend(items)
            case _:
                pass
