"""JSON 404 and 405 under our prefixes: a blueprint's handlers never see errors of routing."""

from __future__ import annotations

from flask import Blueprint, Response

from zmdm_plugin.blueprints.api.resource import PREFIX, REST
from zmdm_plugin.blueprints.api.routing import METHODS, allowed_methods
from zmdm_plugin.web.errors import answer, handle_with_json

PREFIXES = (PREFIX, "/api/task_result")

blueprint = Blueprint("zmdm_api_lost", __name__)
handle_with_json(blueprint)


def lost(rest: str = "") -> Response:
    """Say whether the path or the method is wrong."""
    allowed = allowed_methods()
    if not allowed:
        return answer(404, "there is nothing here; see the documentation at /api/mdm/docs/")
    return answer(405, "this method does not exist here", headers={"Allow": ", ".join(allowed)})


for _prefix in PREFIXES:
    blueprint.add_url_rule(f"{_prefix}/", "lost", lost, methods=METHODS, strict_slashes=False)
    blueprint.add_url_rule(f"{_prefix}/<{REST}:rest>", "lost", lost, methods=METHODS)
