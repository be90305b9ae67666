"""Where people sign in to enroll: pages of our own, safe from the host's hooks and session."""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.signin import pages, refusals
from zmdm_plugin.web import origin
from zmdm_plugin.web.guest import exempt_from_csrf

refusals.handle(pages.blueprint)
origin.watch(pages.blueprint)


def register_sign_in(app: Flask) -> None:
    """Register /public/mdm/sign_in/."""
    app.register_blueprint(pages.blueprint)
    exempt_from_csrf(app, [pages.blueprint.name])
