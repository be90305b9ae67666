"""Property lists as devices send them: bytes <-> plain Python values.

XML is read by a loader of our own on expat, which costs half of what plistlib's does and gives
the same values; binary lists go through plistlib. Everything either of them leaks on bad input
becomes PlistError here, and nowhere else.

Dates are aware UTC on both sides (a property list stores UTC without saying so).
"""

from __future__ import annotations

import base64
import binascii
import math
import plistlib
import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

from zmdm_plugin.errors import ProtocolError

#: Containers inside containers; Apple's deepest answers have eight.
MAX_DEPTH = 64
#: Values in one list.
MAX_VALUES = 2_000_000
#: Bytes of one tag or comment: a tag with a million attributes is a table before anybody sees it.
MAX_TOKEN = 1024 * 1024
_PIECE = 256 * 1024

_INTEGERS = range(-(1 << 63), 1 << 64)
_LEAKS = (
    ValueError,  # also UnicodeError, binascii.Error, plistlib.InvalidFileException
    LookupError,  # an unknown encoding, an empty stack
    ArithmeticError,  # OverflowError: dates and sizes
    AttributeError,
    TypeError,
    RecursionError,
    MemoryError,  # a binary list may announce objects of any size
    EOFError,
    OSError,
    struct.error,
    expat.ExpatError,
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d))?)?)?Z", re.ASCII)


class PlistError(ProtocolError):
    """Not a property list, or one that no Apple device would send."""


def loads(data: bytes) -> Any:
    """Read an XML or binary property list; PlistError for anything else."""
    try:
        if data.startswith((b"<?xml", b"<plist")):
            return _XmlLoader().load(data)
        return _checked(plistlib.loads(data), most=min(MAX_VALUES, len(data)))
    except PlistError:
        raise
    except _LEAKS as error:
        raise PlistError(f"This is not a property list: {_short(error)}") from None


def load_dict(data: bytes) -> dict[str, Any]:
    """Read a property list whose top level is a dictionary, as all of MDM's are."""
    value = loads(data)
    if not isinstance(value, dict):
        raise PlistError("The top level of this property list is not a dictionary.")
    return value


def dumps(value: Any) -> bytes:
    """Write XML, keys in the order given; PlistError names what a property list cannot hold."""
    try:
        return plistlib.dumps(_writable(value, 0), sort_keys=False)
    except PlistError:
        raise
    except _LEAKS as error:
        raise PlistError(f"This cannot be written as a property list: {_short(error)}") from None


def to_json(value: Any) -> Any:
    """The same value in JSON's types: data as base64, dates as ISO 8601, NaN and infinity as null.

    JSON columns of PostgreSQL refuse NaN, and one odd sensor must not lose the whole answer.
    """
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [to_json(item) for item in value]
        case _:
            return value


_FLAT = re.compile(
    rb'<\?xml version="1\.0" encoding="UTF-8"\?>\s*'
    rb'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1\.0//EN" '
    rb'"https?://www\.apple\.com/DTDs/PropertyList-1\.0\.dtd">\s*'
    rb'<plist version="1\.0">\s*<dict>'
    rb"((?:\s*<key>[A-Za-z]{1,40}</key>\s*<string>[ !-%'-;=?-~]{0,255}</string>){1,12})"
    rb"\s*</dict>\s*</plist>\s*\Z"
)
_PAIR = re.compile(rb"<key>([A-Za-z]+)</key>\s*<string>([^<]*)</string>")


def flat_strings(data: bytes) -> dict[str, str] | None:
    """The dictionary, if it is in the exact shape of an Idle body; None for any other shape.

    Such a body comes with nearly every poll: one regular expression in place of a parser.
    """
    if len(data) > 2048 or (shape := _FLAT.match(data)) is None:
        return None
    return {
        key.decode("ascii"): value.decode("ascii") for key, value in _PAIR.findall(shape.group(1))
    }


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def checked_text(text: str) -> str:
    """Refuse what no database stores: NUL and lone surrogates."""
    if "\0" in text:
        raise PlistError("A string holds a NUL character.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise PlistError("A string holds a lone surrogate.") from None
    return text


def _checked(root: Any, *, most: int) -> Any:
    """Walk what plistlib made of a binary list: bounds, aware dates, no cycles, no UIDs.

    Every place of a value takes a byte, unless a container stands in several: a short list that
    names one a million times has more values than bytes, and no device writes such.
    """
    left = [most]

    def walk(value: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > MAX_DEPTH or left[0] < 0:
            raise PlistError("This property list is too deep or too large.")
        if isinstance(value, dict):
            return {_key(key): walk(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, depth + 1) for item in value]
        return _scalar(value)

    return walk(root, 0)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise PlistError("A dictionary has a key that is not a string.")
    return checked_text(key)


def _scalar(value: Any) -> Any:
    match value:
        case str():
            return checked_text(value)
        case bool() | float() | bytes():
            return value
        case int():
            return _integer(value)
        case datetime():
            return value.replace(tzinfo=UTC)
        case _:
            raise PlistError(f"A value of the type {type(value).__name__} has no place here.")


def _integer(value: int) -> int:
    if value not in _INTEGERS:
        raise PlistError("An integer is larger than 64 bits.")
    return value


def _writable(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise PlistError("This is nested too deep for a property list.")
    match value:
        case Mapping():
            return {key: _writable(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_writable(item, depth + 1) for item in value]
        case datetime():
            return _utc(value)
        case str():
            return _written_text(value)
        case _:
            return value


def _written_text(text: str) -> str:
    """XML has no U+FFFE and U+FFFF, though plistlib writes them; it refuses the others itself."""
    if "\ufffe" in text or "\uffff" in text:
        raise PlistError("A string holds a character that XML does not have.")
    return checked_text(text)


def _utc(value: datetime) -> datetime:
    """plistlib writes the wall clock it is given, so hand it UTC's."""
    if value.tzinfo is None:
        raise PlistError("A date without a time zone cannot be written.")
    return value.astimezone(UTC).replace(tzinfo=None, microsecond=0)


class _XmlLoader:
    """plistlib's XML parser once more, with dispatch tables in place of getattr per element."""

    __slots__ = ("key", "root", "stack", "text")

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.key: str | None = None
        self.text: list[str] = []
        self.root: Any = None

    def load(self, data: bytes) -> Any:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.text.append
        parser.EntityDeclHandler = _no_entities
        for start in range(0, len(data), _PIECE):
            parser.Parse(data[start : start + _PIECE], False)
            if start - parser.CurrentByteIndex > MAX_TOKEN:
                raise PlistError("A tag or comment of this property list is too long.")
        parser.Parse(b"", True)
        if self.root is None:
            raise PlistError("This property list holds no value.")
        return self.root

    def _start(self, element: str, _attributes: dict[str, str]) -> None:
        self.text.clear()
        if element == "dict":
            self._push({})
        elif element == "array":
            self._push([])

    def _end(self, element: str) -> None:
        if element == "key":
            self._end_key()
        elif read := _READERS.get(element):
            # plistlib empties its buffer as it reads it: text after a nested element starts anew.
            text = "".join(self.text)
            self.text.clear()
            self._add(read(text))
        elif ends := _ENDS.get(element):
            ends(self)

    def _add(self, value: Any) -> None:
        if self.key is not None:
            if not isinstance(self.stack[-1], dict):
                raise PlistError("An element stands where none may.")
            self.stack[-1][self.key] = value
            self.key = None
        elif not self.stack:
            self.root = value
        elif isinstance(self.stack[-1], list):
            self.stack[-1].append(value)
        else:
            raise PlistError("A dictionary has a value without a key.")

    def _push(self, container: dict[str, Any] | list[Any]) -> None:
        self._add(container)
        if len(self.stack) >= MAX_DEPTH:
            raise PlistError("This property list is too deep.")
        self.stack.append(container)

    def _end_dict(self) -> None:
        if self.key:
            raise PlistError("A dictionary has a key without a value.")
        self.stack.pop()

    def _end_array(self) -> None:
        self.stack.pop()

    def _end_key(self) -> None:
        if self.key or not isinstance(self.stack[-1], dict):
            raise PlistError("A key stands where none may.")
        text = "".join(self.text)
        self.text.clear()
        self.key = checked_text(text)


def _no_entities(*_declaration: object) -> None:
    raise PlistError("A property list may not declare entities.")


def _read_integer(text: str) -> int:
    if len(text) > 64:
        raise PlistError("An integer is larger than 64 bits.")
    return _integer(int(text, 16) if text.startswith(("0x", "0X")) else int(text))


def _read_date(text: str) -> datetime:
    if (found := _DATE.match(text)) is None:
        raise PlistError("A date is not in the form 2026-11-22T10:00:00Z.")
    year, month, day, *clock = (int(part) for part in found.groups() if part is not None)
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


_READERS: dict[str, Callable[[str], Any]] = {
    "string": checked_text,
    "integer": _read_integer,
    "real": float,
    "data": lambda text: binascii.a2b_base64(text.encode()),
    "date": _read_date,
}
_ENDS: dict[str, Callable[[_XmlLoader], None]] = {
    "true": lambda loader: loader._add(True),
    "false": lambda loader: loader._add(False),
    "dict": _XmlLoader._end_dict,
    "array": _XmlLoader._end_array,
}
