"""/api/mdm/dep/virtual_servers/: services of Apple Business or School Manager."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import dep as shown
from zmdm_plugin.blueprints.api.schemas.dep import (
    BetaTokensSchema,
    Disconnection,
    NewVirtualServer,
    ServerTokenUpload,
    SyncQuery,
    VirtualServerChange,
    VirtualServerQuery,
    VirtualServerSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.clients import dep_errors
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access
from zmdm_plugin.services.dep import connection, leaving, listing, orders, setup, sync
from zmdm_plugin.web import dep as talking
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "dep_virtual_servers",
    path="/dep/virtual_servers",
    description="Services of Apple Business or School Manager.",
)
_ONE = f"/<{ID}:server_id>"
_PEM = "application/x-pem-file"


@blueprint.route("/")
@blueprint.arguments(VirtualServerQuery, location="query")
@blueprint.operation(access.VIEW_DEP_SERVERS)
@blueprint.response(200, VirtualServerSchema(many=True), headers=paging.HEADERS)
def list_virtual_servers(query: dict[str, Any]) -> Any:
    """List virtual servers"""
    access.demand(api_actor(), access.VIEW_DEP_SERVERS)
    return paging.answer(listing.servers(**query).map(shown.server), query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewVirtualServer)
@blueprint.operation(access.ADD_DEP_SERVERS, 400, 413, 415)
@blueprint.response(201, VirtualServerSchema)
def create_virtual_server(asked: dict[str, Any]) -> dict[str, Any]:
    """Begin to connect a virtual server

    A key is made. Download its public key, upload that in the portal, upload the token here.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_DEP_SERVERS)
    with db.transaction():
        answer = shown.server(setup.begin(asked["name"], actor=actor, now=utcnow()))
    return answer


@blueprint.route(f"{_ONE}/")
@blueprint.operation(access.VIEW_DEP_SERVERS, 404)
@blueprint.response(200, VirtualServerSchema)
def get_virtual_server(server_id: int) -> dict[str, Any]:
    """Show a virtual server"""
    access.demand(api_actor(), access.VIEW_DEP_SERVERS)
    return shown.server(connection.find(server_id))


@blueprint.route(f"{_ONE}/", methods=["PUT"])
@blueprint.arguments(VirtualServerChange)
@blueprint.operation(access.CHANGE_DEP_SERVERS, 400, 404, 413, 415)
@blueprint.response(200, VirtualServerSchema)
def change_virtual_server(asked: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Choose the default enrollment of a virtual server

    Devices without a profile, or with one that was never ours, get it in the background.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    with db.transaction():
        chosen = asked["default_enrollment"]
        row = orders.set_default(server_id, chosen, actor=actor, now=utcnow())
        answer = shown.server(row)
    return answer


@blueprint.route(f"{_ONE}/key/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEP_SERVERS, 404)
@blueprint.response(201, VirtualServerSchema)
def stage_virtual_server_key(server_id: int) -> dict[str, Any]:
    """Make a key for the next token

    The present token works on until a token for the new key was uploaded.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    with db.transaction():
        answer = shown.server(setup.stage(server_id, actor=actor, now=utcnow()))
    return answer


@blueprint.route(f"{_ONE}/key/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_DEP_SERVERS, 404, 409)
@blueprint.response(204)
def cancel_virtual_server_key(server_id: int) -> None:
    """Give up the key that waits for its token

    A virtual server that was never connected goes with it.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    with db.transaction():
        setup.cancel(server_id, actor=actor)


@blueprint.route(f"{_ONE}/public_key/")
@blueprint.operation(access.VIEW_DEP_SERVERS, 404, 409)
@blueprint.response(200, {"type": "string"}, content_type=_PEM)
def get_virtual_server_public_key(server_id: int) -> Response:
    """Download the public key of a virtual server

    What the portal is given: a certificate, PEM.
    """
    access.demand(api_actor(), access.VIEW_DEP_SERVERS)
    body = setup.public_key(connection.find(server_id))
    headers = {"Content-Disposition": f'attachment; filename="zmdm-public-key-{server_id}.pem"'}
    return Response(body, mimetype=_PEM, headers=headers)


@blueprint.route(f"{_ONE}/token/", methods=["PUT"])
@blueprint.arguments(ServerTokenUpload)
@blueprint.operation(access.CHANGE_DEP_SERVERS, 400, 404, 409, 413, 415)
@blueprint.response(200, VirtualServerSchema)
def upload_virtual_server_token(asked: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Upload the server token that the portal gave

    Apple is asked with it before it is kept; then the devices are synchronized.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    return shown.server(talking.take_token(server_id, asked["token"], actor=actor))


@blueprint.route(f"{_ONE}/disconnect/", methods=["POST"])
@blueprint.arguments(Disconnection)
@blueprint.operation(access.CHANGE_DEP_SERVERS, 400, 404, 409, 413, 415)
@blueprint.response(200, VirtualServerSchema)
def disconnect_virtual_server(asked: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Disconnect a virtual server

    Its token and keys are forgotten; nothing changes at Apple, and enrolled devices stay enrolled.
    What is known of its devices, and what they are meant to have, is kept until it is connected
    again; with `forget_devices` a task forgets it, and the virtual server as well once no
    enrollment is for it.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    with db.transaction():
        forget = asked["forget_devices"]
        row = leaving.disconnect(
            server_id, name=asked["name"], forget=forget, actor=actor, now=utcnow()
        )
        answer = shown.server(row)
    return answer


@blueprint.route(f"{_ONE}/sync_devices/", methods=["POST"])
@blueprint.arguments(SyncQuery, location="query")
@blueprint.operation(access.VIEW_DEP_SERVERS, 404, 409)
@blueprint.response(201, TaskSchema)
def sync_virtual_server_devices(query: dict[str, Any], server_id: int) -> dict[str, str]:
    """Synchronize the devices of a virtual server

    What has changed, or with `full_sync` the whole list. One at a time: a second one is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEP_SERVERS)
    with db.transaction():
        answer = accepted(sync.start(server_id, actor, full=query["full_sync"], now=utcnow()))
    return answer


@blueprint.route(f"{_ONE}/beta_tokens/")
@blueprint.operation(access.VIEW_DEP_SERVERS, 404, 409)
@blueprint.response(200, BetaTokensSchema)
def get_virtual_server_beta_tokens(server_id: int) -> dict[str, Any]:
    """Show the beta enrollment tokens of the organization

    Apple is asked each time; where betas are turned off in the portal, `error` says so.
    """
    access.demand(api_actor(), access.VIEW_DEP_SERVERS)
    try:
        found = talking.ask(server_id, lambda client: client.beta_tokens())
    except dep_errors.BetaTurnedOff as error:
        return {"beta_tokens": [], "error": str(error)}
    return {"beta_tokens": [shown.beta(one) for one in found], "error": None}
