"""JSON 404 and 405 under our prefix: a blueprint's handlers never see errors of routing."""

from __future__ import annotations

from flask import Blueprint, Response

from zmdm_plugin.blueprints.api.resource import PREFIX
from zmdm_plugin.blueprints.api.routing import METHODS, allowed_methods
from zmdm_plugin.web.errors import answer, handle_with_json

blueprint = Blueprint("zmdm_api_lost", __name__, url_prefix=PREFIX)
handle_with_json(blueprint)


@blueprint.route("/", defaults={"rest": ""}, methods=METHODS)
@blueprint.route("/<path:rest>", methods=METHODS)
def lost(rest: str) -> Response:
    """Say whether the path or the method is wrong."""
    allowed = allowed_methods()
    if not allowed:
        return answer(404, "there is nothing here; see the documentation at /api/mdm/docs/")
    return answer(405, "this method does not exist here", headers={"Allow": ", ".join(allowed)})
