"""What goes wrong with a storage."""

from __future__ import annotations

from zmdm_plugin.errors import Unavailable


class StorageFailed(Unavailable):
    """The storage does not answer, or has no room; the message is for operators."""
