"""For load balancers and orchestrators: is the process alive, can it serve devices?

They live under the prefix that a reverse proxy passes on anyway, and say no more than a word.
"""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.ops import health


def register_ops(app: Flask) -> None:
    """Register /public/mdm/healthz and /public/mdm/readyz."""
    app.register_blueprint(health.blueprint)
