"""For load balancers and orchestrators: is the process alive, can it serve devices? Numbers.

Health lives under the prefix that a reverse proxy passes on anyway, and says no more than a word;
numbers do not, and are for those who may see them.
"""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.ops import health, metrics


def register_ops(app: Flask) -> None:
    """Register /public/mdm/healthz, /public/mdm/readyz and /metrics/mdm/."""
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
