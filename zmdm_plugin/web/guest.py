"""Good manners in somebody else's application: the host's CSRFProtect must not answer for us."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask, current_app, request


def exempt_from_csrf(app: Flask, blueprint_names: Iterable[str]) -> None:
    """Exempt blueprints that carry no cookie (devices, API) from the host's CSRFProtect.

    Done when a request arrives, before any hook of the host runs, so that it does not matter
    whether the host's extension or ours was set up first.
    """
    for name in blueprint_names:
        app.url_value_preprocessors.setdefault(name, []).append(_exempt)


def _exempt(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    protection: Any = current_app.extensions.get("csrf")
    blueprint = current_app.blueprints.get(request.blueprint or "")
    if blueprint is not None and hasattr(protection, "exempt"):
        protection.exempt(blueprint)
