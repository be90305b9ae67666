"""Files of a form lie in the storage's folder while they come, not in the system's temporary one.

That is a part of the memory on many systems, and has no room for a package.
"""

from __future__ import annotations

import contextlib
import tempfile
from typing import IO, Any, Final

from flask import request
from werkzeug.formparser import FormDataParser

from zmdm_plugin.services.storage import incoming
from zmdm_plugin.services.storage.failures import StorageFailed

_IN_MEMORY: Final = 512 * 1024
"""Bytes up to which no file is made."""


def here() -> None:
    """Have the files of this request lie there; said before anything of its form is read."""
    # The proxy passes attributes on; the class is read when the form is.
    request.form_data_parser_class = _Parser


class _Parser(FormDataParser):
    def __init__(self, stream_factory: Any = None, **options: Any) -> None:
        super().__init__(stream_factory=_file, **options)


def _file(*_: Any, **__: Any) -> IO[bytes]:
    """Without a name, so that whoever is killed leaves nothing behind."""
    return _Spool(max_size=_IN_MEMORY, mode="rb+", dir=str(incoming.folder()))


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """Says in our words that there is no room."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise self._failed(error) from None

    def seek(self, *where: int) -> int:
        try:
            return super().seek(*where)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> StorageFailed:
        """Nobody else closes what was not received."""
        with contextlib.suppress(OSError):
            self.close()
        return StorageFailed(f"the upload cannot be written: {error.strerror}")
