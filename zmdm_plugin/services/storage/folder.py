"""Files in a folder of this server; web processes and workers on other machines must share it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zmdm_plugin.services.storage.failures import StorageFailed

_PIECE = 256 * 1024


class FolderStorage:
    """`ab/cd/abcd….` below a folder that only this user may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.label = f"the folder {folder}"

    def put(self, sha256: str, source: Path) -> None:
        """A rename on the same file system: the file is there whole, or not at all."""
        target = self._path(sha256)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(source, target)
            _sync(target.parent)
        except OSError as error:
            raise StorageFailed(f"{self.label} takes no file: {error.strerror}") from None

    def read(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """The file is opened at once, and closed when the last piece was taken."""
        return _pieces(self._path(sha256).open("rb"), start, length)

    def size(self, sha256: str) -> int | None:
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)

    def link(self, sha256: str, *, seconds: int, content_type: str) -> str | None:
        """None: there is no other way to it than ours."""
        return None

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:4] / sha256


def _pieces(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = length
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece


def _sync(folder: Path) -> None:
    """Make the new name outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
