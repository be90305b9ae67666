"""XML as a small tree: no document types, hence no entities, and bounds on everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from zmdm_plugin.protocol.packages.values import PackageError

MAX_DEPTH: Final = 200
"""Folders within folders of an installer have some dozens."""
MAX_NODES: Final = 200_000
"""Elements and attributes together; a large installer has some thousands."""
MAX_TEXT: Final = 16 * 1024 * 1024
MAX_TOKEN: Final = 1024 * 1024
"""Bytes of one tag or comment: a tag with millions of attributes is a table before it is seen."""
_PIECE: Final = 64 * 1024


@dataclass(slots=True)
class Node:
    """An element; `text` is what stands directly in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator[Node]:
        """The children of this name."""
        return (child for child in self.children if child.tag == tag)

    def find(self, *path: str) -> Node | None:
        """The first node down this path."""
        here: Node | None = self
        for tag in path:
            here = next(here.all(tag), None) if here is not None else None
        return here

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the document."""
        waiting = [self]
        while waiting:
            here = waiting.pop()
            yield here
            waiting.extend(reversed(here.children))


def parse(data: bytes, what: str) -> Node:
    """The root element; PackageError (about `what`) for what is no XML, or more than plain XML."""
    builder = _Builder(what)
    try:
        for start in range(0, len(data), _PIECE):
            builder.parser.Parse(data[start : start + _PIECE], False)
            if start - builder.parser.CurrentByteIndex > MAX_TOKEN:
                raise PackageError(f"{what} has a tag longer than that of any installer")
        builder.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise PackageError(f"{what} cannot be read: {error}") from None
    if builder.root is None:
        raise PackageError(f"{what} is empty")
    return builder.root


class _Builder:
    def __init__(self, what: str) -> None:
        self.what = what
        self.root: Node | None = None
        self._open: list[tuple[Node, list[str]]] = []
        self._nodes = self._text = 0
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype

    def _doctype(self, *_: object) -> None:
        raise PackageError(f"{self.what} has a document type, which no installer needs")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._nodes += 1 + len(attributes)
        if self._nodes > MAX_NODES or len(self._open) >= MAX_DEPTH:
            raise PackageError(f"{self.what} is nested or divided beyond all bounds")
        node = Node(tag, attributes)
        if self._open:
            self._open[-1][0].children.append(node)
        else:
            self.root = node
        self._open.append((node, []))

    def _end(self, _tag: str) -> None:
        node, pieces = self._open.pop()
        node.text = "".join(pieces)

    def _characters(self, data: str) -> None:
        """Joined at the end: what is appended to piece by piece is copied each time."""
        self._text += len(data)
        if self._text > MAX_TEXT:
            raise PackageError(f"{self.what} has more text than any installer")
        if self._open:
            self._open[-1][1].append(data)
