"""/api/mdm/webhooks/: who is told of events, and what was not told yet."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.fields import NamedPageQuery
from zmdm_plugin.blueprints.api.schemas.webhooks import (
    DeliveryQuery,
    DeliverySchema,
    NewWebhook,
    NumberSchema,
    ReplayOrder,
    WebhookChange,
    WebhookSchema,
    WebhookWithSecret,
)
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Webhook
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.webhooks import hooks, outbox
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("webhooks", path="/webhooks", description="Who is told of events.")
_NO_STORE = {"Cache-Control": "no-store"}


@blueprint.route("/")
@blueprint.arguments(NamedPageQuery, location="query")
@blueprint.operation(access.VIEW_WEBHOOKS)
@blueprint.response(200, WebhookSchema(many=True), headers=paging.HEADERS)
def list_webhooks(query: dict[str, Any]) -> Any:
    """List webhooks"""
    access.demand(api_actor(), access.VIEW_WEBHOOKS)
    return paging.answer(credential_lists.page(Webhook, {}, **query), query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewWebhook)
@blueprint.operation(access.ADD_WEBHOOKS, 400, 413, 415)
@blueprint.response(201, WebhookWithSecret)
def create_webhook(asked: dict[str, Any]) -> Any:
    """Make a webhook

    It is told what happens from a few seconds later on. The secret that signs it is in this answer
    and can never be read again.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_WEBHOOKS)
    with db.transaction():
        row, secret = hooks.create(
            asked["name"], asked["url"], kinds=asked["kinds"], tags=asked["tags"]
        )
        audit.record(actor, "webhook.create", row, after=audit.snapshot(row))
        made = _with(row, secret)
    return made, 201, _NO_STORE


@blueprint.route(f"/<{ID}:webhook_id>/")
@blueprint.operation(access.VIEW_WEBHOOKS, 404)
@blueprint.response(200, WebhookSchema)
def get_webhook(webhook_id: int) -> Webhook:
    """Show a webhook"""
    access.demand(api_actor(), access.VIEW_WEBHOOKS)
    return hooks.find(webhook_id)


@blueprint.route(f"/<{ID}:webhook_id>/", methods=["PATCH"])
@blueprint.arguments(WebhookChange)
@blueprint.operation(access.CHANGE_WEBHOOKS, 400, 404, 413, 415)
@blueprint.response(200, WebhookSchema)
def change_webhook(asked: dict[str, Any], webhook_id: int) -> Webhook:
    """Change a webhook

    Its name, address, what it wants, or whether it is on. One that is off is told nothing of what
    happens meanwhile; `replay/` tells it afterwards.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_WEBHOOKS)
    with db.transaction():
        row = hooks.find(webhook_id)
        before = audit.snapshot(row)
        hooks.change(row, asked)
        audit.record(actor, "webhook.change", row, before=before, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:webhook_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_WEBHOOKS, 404)
@blueprint.response(204)
def delete_webhook(webhook_id: int) -> None:
    """Delete a webhook

    With what it was still to be told.
    """
    actor = api_actor()
    access.demand(actor, access.DELETE_WEBHOOKS)
    with db.transaction():
        row = hooks.find(webhook_id)
        audit.record(actor, "webhook.delete", row, before=audit.snapshot(row))
        hooks.delete(row)


@blueprint.route(f"/<{ID}:webhook_id>/secret/", methods=["POST"])
@blueprint.operation(access.CHANGE_WEBHOOKS, 404)
@blueprint.response(200, WebhookWithSecret)
def renew_webhook_secret(webhook_id: int) -> Any:
    """Give a webhook another secret

    What is sent from now on is signed with it. It is in this answer and can never be read again.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_WEBHOOKS)
    with db.transaction():
        row = hooks.find(webhook_id)
        secret = hooks.new_secret_of(row)
        audit.record(actor, "webhook.renew_secret", row)
        made = _with(row, secret)
    return made, 200, _NO_STORE


@blueprint.route(f"/<{ID}:webhook_id>/deliveries/")
@blueprint.arguments(DeliveryQuery, location="query")
@blueprint.operation(access.VIEW_WEBHOOKS, 404)
@blueprint.response(200, DeliverySchema(many=True), headers=paging.HEADERS)
def list_webhook_deliveries(query: dict[str, Any], webhook_id: int) -> Any:
    """List what a webhook was not told yet

    What still waits, or with `dead` what was given up after three days, the newest first.
    """
    access.demand(api_actor(), access.VIEW_WEBHOOKS)
    row = hooks.find(webhook_id)
    return paging.answer(outbox.page(row.id, **query), query["limit"])


@blueprint.route(f"/<{ID}:webhook_id>/replay/", methods=["POST"])
@blueprint.arguments(ReplayOrder)
@blueprint.operation(access.CHANGE_WEBHOOKS, 400, 404, 413, 415)
@blueprint.response(200, NumberSchema)
def replay_webhook(asked: dict[str, Any], webhook_id: int) -> dict[str, int]:
    """Tell a webhook again

    What was given up; or, with `since` and `until`, all that happened in that while and that it
    wants, 5000 events at most.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_WEBHOOKS)
    if asked and "since" not in asked:
        raise Refused("since", "say both, or neither")
    with db.transaction():
        row = hooks.find(webhook_id)
        if asked:
            until = asked.get("until", utcnow())
            number = outbox.replay(row, since=asked["since"], until=until)
        else:
            number = outbox.retry_dead(row)
        audit.record(actor, "webhook.replay", row, after={"number": number})
    return {"number": number}


def _with(row: Webhook, secret: str) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in WebhookSchema().fields}, "secret": secret}
