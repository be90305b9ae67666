"""/metrics/mdm/: numbers for Prometheus, for whoever has the token of ZMDM_METRICS_TOKEN or an API
token with mdm.view_metrics; closed to everybody else."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, request

from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access
from zmdm_plugin.services.metrics import page
from zmdm_plugin.state import state
from zmdm_plugin.web import origin
from zmdm_plugin.web.actor import api_actor, authenticate_token
from zmdm_plugin.web.errors import handle_with_json

blueprint = Blueprint("zmdm_metrics", __name__, url_prefix="/metrics/mdm")
origin.watch(blueprint)
handle_with_json(blueprint)


@blueprint.get("/")
def metrics() -> Response:
    """All families; 401 without a token, 403 for one that lacks the permission."""
    if not _is_scraper():
        authenticate_token()
        access.demand(api_actor(), access.VIEW_METRICS)
    headers = {"Cache-Control": "no-store"}
    return Response(page.text(now=utcnow()), 200, headers, content_type=page.CONTENT_TYPE)


def _is_scraper() -> bool:
    """Whether the token of the settings was sent; an empty setting is nobody's."""
    expected = state().settings.metrics_token
    scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
    return bool(expected) and scheme.lower() == "bearer" and _same(given.strip(), expected)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
