"""The storage that the settings name; the S3 one is loaded only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from zmdm_plugin.services.storage.folder import FolderStorage
from zmdm_plugin.state import State, state

_S3 = "zmdm_plugin.services.storage.s3"
_CACHE = "storage"


class Storage(Protocol):
    """Files by the SHA-256 (hex) of their content."""

    label: str
    """Where it is, in words for operators."""

    def put(self, sha256: str, source: Path) -> None:
        """Take a file over; whether it is there already does not matter."""

    def read(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """A part of a file, in pieces; FileNotFoundError before the first one."""

    def size(self, sha256: str) -> int | None:
        """Bytes, None if it is not there."""

    def delete(self, sha256: str) -> None:
        """Gone, if it was there."""

    def link(self, sha256: str, *, seconds: int, content_type: str) -> str | None:
        """A link that whoever has it may fetch the file by; None: we have to serve it."""


def current() -> Storage:
    """The storage of the current application."""
    known = state()
    found = known.cache.get(_CACHE)
    if found is None:
        found = known.cache[_CACHE] = _make(known)
    return cast(Storage, found)


def folder() -> Path:
    """Where files are kept, or (with S3) pass through."""
    return _folder(state())


def _folder(known: State) -> Path:
    given = known.settings.storage_folder
    return Path(given) if given else Path(known.application.instance_path) / "zmdm-storage"


def _make(known: State) -> Storage:
    settings = known.settings
    if not settings.storage_s3_bucket:
        return FolderStorage(_folder(known))
    made: Storage = import_module(_S3).storage(settings)
    return made
