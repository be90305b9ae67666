"""/api/mdm/tokens/: tokens for programs, made, seen and revoked."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.blueprints.api.schemas.tokens import (
    NewTokenSchema,
    PermissionSchema,
    TokenOrder,
    TokenSchema,
)
from zmdm_plugin.models import ApiToken
from zmdm_plugin.services import access, tokens
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("tokens", path="/tokens", description="Tokens for programs.")
permissions = Resource(
    "permissions", path="/permissions", description="What tokens and people may be allowed."
)


@blueprint.route("/")
@blueprint.arguments(PageQuery, location="query")
@blueprint.operation(access.VIEW_TOKENS)
@blueprint.response(200, TokenSchema(many=True), headers=paging.HEADERS)
def list_tokens(query: dict[str, Any]) -> Any:
    """List tokens

    The newest first. Who has mdm.add_apitoken only sees those of the asking token's owner.
    """
    return paging.answer(tokens.page(api_actor(), **query), query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(TokenOrder)
@blueprint.operation(access.ADD_TOKENS, 400, 413, 415)
@blueprint.response(201, NewTokenSchema)
def create_token(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a token

    It belongs to the owner of the token that makes it and may have no more than that token has.
    Its text is in this answer and can never be read again.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_TOKENS)
    with db.transaction():
        row, text = tokens.create(
            asked["name"],
            actor.person,
            permissions=asked["permissions"],
            actor=actor,
            expires_at=asked["expires_at"],
        )
        made = {name: getattr(row, name) for name in TokenSchema().fields}
    return {**made, "token": text}


@blueprint.route(f"/<{ID}:token_id>/")
@blueprint.operation(access.VIEW_TOKENS, 404)
@blueprint.response(200, TokenSchema)
def get_token(token_id: int) -> ApiToken:
    """Show a token

    One's own with mdm.add_apitoken, too.
    """
    return tokens.find(token_id, actor=api_actor(), permission=access.VIEW_TOKENS)


@blueprint.route(f"/<{ID}:token_id>/revoke/", methods=["POST"])
@blueprint.operation(access.CHANGE_TOKENS, 404, 409)
@blueprint.response(200, TokenSchema)
def revoke_token(token_id: int) -> ApiToken:
    """Revoke a token

    It ends at once; one's own with mdm.add_apitoken, too. A second time is a 409.
    """
    actor = api_actor()
    tokens.find(token_id, actor=actor, permission=access.CHANGE_TOKENS)
    with db.transaction():
        row = tokens.revoke(token_id, actor=actor)
    return row


@permissions.route("/")
@permissions.operation(access.ADD_TOKENS)
@permissions.response(200, PermissionSchema(many=True))
def list_permissions() -> list[dict[str, Any]]:
    """List permissions

    All that there are, and which of them the asking token has; with mdm.view_apitoken, too.
    """
    actor = api_actor()
    if not access.allowed(actor, access.VIEW_TOKENS):
        access.demand(actor, access.ADD_TOKENS)
    return [
        {"name": name, "meaning": meaning, "held": access.allowed(actor, name)}
        for name, meaning in sorted(access.permissions().items())
    ]
