"""What a host configures: `Settings`, read once and checked whole."""

from __future__ import annotations

from zmdm_plugin.config.document import document
from zmdm_plugin.config.settings import Settings, key_name

__all__ = ["Settings", "document", "key_name"]
