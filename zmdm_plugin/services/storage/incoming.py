"""Uploads on their way: written to a private file as they come, and hashed meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol.packages.manifest import Hashes
from zmdm_plugin.services.storage import backends
from zmdm_plugin.services.storage.failures import StorageFailed

_PIECE = 1024 * 1024
_FOLDER = "incoming"
_FORGOTTEN = 24 * 3600
"""Seconds after which what a killed process left is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A whole file, which is gone at the end of `receive()` unless the storage has taken it."""

    path: Path
    sha256: str
    size: int
    sha256s: tuple[str, ...]
    md5s: tuple[str, ...]


@contextmanager
def receive(source: Iterable[bytes], *, most: int) -> Iterator[Received]:
    """Write it down piece by piece; Refused if it is empty or too long."""
    place = folder()
    hashes = Hashes()
    try:
        handle, name = tempfile.mkstemp(dir=place)
    except OSError as error:
        raise StorageFailed(f"no file can be made in {place}: {error.strerror}") from None
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(source, file, hashes, most)
        if not hashes.size:
            raise Refused("file", "is empty")
        digest = hashes.finish()
        yield Received(
            path=path,
            sha256=digest,
            size=hashes.size,
            sha256s=tuple(hashes.sha256s),
            md5s=tuple(hashes.md5s),
        )
    finally:
        path.unlink(missing_ok=True)


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """An open file, piece by piece."""
    while piece := stream.read(_PIECE):
        yield piece


def tidy() -> int:
    """Delete what processes left that were killed while they received; how many files."""
    gone = 0
    before = time.time() - _FORGOTTEN
    for path in folder().iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
    return gone


def _write(source: Iterable[bytes], file: BinaryIO, hashes: Hashes, most: int) -> None:
    for piece in source:
        hashes.update(piece)
        if hashes.size > most:
            raise Refused("file", f"is too long: at most {most} bytes are taken")
        try:
            file.write(piece)
        except OSError as error:
            raise StorageFailed(f"the upload cannot be written: {error.strerror}") from None
    file.flush()
    os.fsync(file.fileno())


def folder() -> Path:
    """Where uploads lie while they come."""
    found = backends.folder() / _FOLDER
    try:
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"the folder {found} cannot be made: {error.strerror}") from None
    return found
