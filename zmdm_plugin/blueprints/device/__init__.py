from __future__ import annotations

from flask import Flask


def register_device(app: Flask) -> None:
    """Register this package's blueprints."""
