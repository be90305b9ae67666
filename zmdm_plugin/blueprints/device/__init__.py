"""The device protocol: SCEP, enrollments, check-in and connect."""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.device import (
    account,
    downloads,
    enroll,
    mdm,
    packages,
    replies,
    scep,
)
from zmdm_plugin.blueprints.device.shortcut import IdleShortcut
from zmdm_plugin.web import origin
from zmdm_plugin.web.guest import exempt_from_csrf

BLUEPRINTS = (
    mdm.blueprint,
    scep.blueprint,
    enroll.blueprint,
    downloads.blueprint,
    account.blueprint,
    account.well_known,
    packages.blueprint,
)

for _blueprint in BLUEPRINTS:
    replies.guard(_blueprint)
    origin.watch(_blueprint)


def register_device(app: Flask) -> None:
    """Register the device routes, safe from the host's hooks."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.wsgi_app = IdleShortcut(app, app.wsgi_app)  # type: ignore[method-assign]
    exempt_from_csrf(app, [blueprint.name for blueprint in BLUEPRINTS])
