"""What Apple's own servers call: notifications of Apps & Books."""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.apple import locations
from zmdm_plugin.web import origin
from zmdm_plugin.web.guest import exempt_from_csrf

origin.watch(locations.blueprint)


def register_apple(app: Flask) -> None:
    """Register the routes, safe from the host's CSRFProtect."""
    app.register_blueprint(locations.blueprint)
    exempt_from_csrf(app, [locations.blueprint.name])
