"""What is played, in a file: replaced as a whole, and readable by its owner alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class KeptFile:
    """One file; written only when something has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = ""

    def read(self) -> Json:
        """What was written last; nothing without a file."""
        if not self._path or not self._path.exists():
            return {}
        self._kept = self._path.read_text()
        found: Json = json.loads(self._kept)
        return found

    def write(self, data: Json) -> None:
        """Replace the file."""
        if self._path is None or (text := json.dumps(data)) == self._kept:
            return
        new = self._path.with_name(self._path.name + ".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(self._path)
        self._kept = text
