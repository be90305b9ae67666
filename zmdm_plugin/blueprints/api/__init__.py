from __future__ import annotations

from flask import Flask


def register_api(app: Flask) -> None:
    """Register this package's blueprints."""
