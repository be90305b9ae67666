"""/api/mdm/account_enrollments/<id>/apple/: where Apple sends people whose domain does not."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.account_enrollments import find
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.fields import described
from zmdm_plugin.services import access
from zmdm_plugin.web import dep as talking
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "account_enrollments_at_apple",
    path="/account_enrollments",
    description="Where Apple sends people whose domain does not answer service discovery.",
)


class VirtualServerChoice(ma.Schema):
    """Whose organization is told."""

    virtual_server = ma.fields.Integer(
        required=True, strict=True, validate=ma.validate.Range(min=1, max=2**63 - 1)
    )


class ToldApple(ma.Schema):
    """What Apple was told."""

    virtual_server = ma.fields.Integer(required=True)
    discovery_url = ma.fields.String(
        required=True, metadata=described("Apple shows it to whoever asks.")
    )


@blueprint.route(f"/<{ID}:account_enrollment_id>/apple/", methods=["POST"])
@blueprint.arguments(VirtualServerChoice)
@blueprint.operation(access.CHANGE_DEP_SERVERS, 400, 404, 409, 413, 415)
@blueprint.response(200, ToldApple)
def tell_apple_account_enrollment(
    asked: dict[str, Any], account_enrollment_id: int
) -> dict[str, Any]:
    """Have Apple send people to an account-driven enrollment

    Devices since iOS 18.2, macOS 15.2 and visionOS 2.2 ask Apple where the domain of a Managed
    Apple Account does not answer. The organization has one such address: it takes the place of
    another.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_SERVERS)
    row_id = find(account_enrollment_id, access.VIEW_ENROLLMENTS).id
    server_id = asked["virtual_server"]
    url = talking.tell_discovery_url(row_id, server_id, actor=actor)
    return {"virtual_server": server_id, "discovery_url": url}
