"""Where people sign in to enroll: pages of our own, safe from the host's hooks and session."""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.signin import pages, refusals, setup_assistant
from zmdm_plugin.web import origin
from zmdm_plugin.web.guest import exempt_from_csrf

BLUEPRINTS = (pages.blueprint, setup_assistant.blueprint)

for _blueprint in BLUEPRINTS:
    refusals.handle(_blueprint)
    origin.watch(_blueprint)


def register_sign_in(app: Flask) -> None:
    """Register /public/mdm/sign_in/ and the web view of Setup Assistant."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    exempt_from_csrf(app, [blueprint.name for blueprint in BLUEPRINTS])
