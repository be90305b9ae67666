"""A source that may become a version, as its reader understood it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What is kept of it; `content` may be shown, `source` is sealed."""

    source: bytes
    content: dict[str, Any]
    content_type: str | None = None
    variables: frozenset[str] = frozenset()
    warnings: list[str] = field(default_factory=list)
    filename: str | None = None
    package_id: int | None = None
    location_asset_id: int | None = None
