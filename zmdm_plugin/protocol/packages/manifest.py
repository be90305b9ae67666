"""The manifest that tells a device where an application is, and what each part of it hashes to.

https://developer.apple.com/documentation/devicemanagement/manifesturl
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from zmdm_plugin.protocol.packages import ipa, pkg, xar
from zmdm_plugin.protocol.packages.values import Package, PackageError

CHUNK: Final = 10 * 1024 * 1024
"""Bytes of which one hash is taken: a broken download is noticed after as many."""


@dataclass(slots=True)
class Hashes:
    """Hashes of a file that comes in pieces of any size."""

    size: int = 0
    sha256s: list[str] = field(default_factory=list)
    md5s: list[str] = field(default_factory=list)
    _whole: Any = field(default_factory=hashlib.sha256)
    _parts: list[Any] = field(default_factory=list)
    _room: int = 0

    def update(self, data: bytes) -> None:
        """Take the next piece."""
        self.size += len(data)
        self._whole.update(data)
        view = memoryview(data)
        while view:
            if not self._room:
                self._close()
                self._parts = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)]
                self._room = CHUNK
            piece, view = view[: self._room], view[self._room :]
            self._room -= len(piece)
            for part in self._parts:
                part.update(piece)

    def finish(self) -> str:
        """The SHA-256 of the whole, hex; nothing may come after."""
        self._close()
        digest: str = self._whole.hexdigest()
        return digest

    def _close(self) -> None:
        if self._parts:
            self.sha256s.append(self._parts[0].hexdigest())
            self.md5s.append(self._parts[1].hexdigest())
            self._parts = []


def read(file: BinaryIO) -> Package:
    """What a file is, by its first bytes; PackageError if no device would install it."""
    file.seek(0)
    head = file.read(4)
    if head == xar.MAGIC:
        return pkg.read(file)
    if head == ipa.MAGIC:
        return ipa.read(file)
    raise PackageError("it is neither an installer package (.pkg) nor an application (.ipa)")


def manifest(
    url: str,
    *,
    identifier: str,
    version: str,
    title: str,
    sha256s: Sequence[str],
    md5s: Sequence[str],
    size: int,
) -> Mapping[str, Any]:
    """The manifest of one package, which is at `url`; `size` in bytes."""
    asset = {
        "kind": "software-package",
        "url": url,
        "sha256-size": CHUNK,
        "sha256s": list(sha256s),
        "md5-size": CHUNK,
        "md5s": list(md5s),
    }
    metadata = {
        "kind": "software",
        "bundle-identifier": identifier,
        "bundle-version": version,
        "title": title,
        "sizeInBytes": size,
    }
    return {"items": [{"assets": [asset], "metadata": metadata}]}
