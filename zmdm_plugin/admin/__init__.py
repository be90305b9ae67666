"""flask-admin screens, in an Admin of our own; the host's gets a menu link."""

from __future__ import annotations

from typing import Any

from flask import Flask


def register_admin(app: Flask, admin: Any) -> None:
    """Register our Admin, and a link in the host's."""
