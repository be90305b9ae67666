"""/api/mdm/artifacts/failures/: every channel on which an artifact failed."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import Resource
from zmdm_plugin.blueprints.api.schemas.artifact_failures import ArtifactFailure, FailuresQuery
from zmdm_plugin.blueprints.api.schemas.artifacts import OUTCOME
from zmdm_plugin.models import Channel, ChannelArtifact
from zmdm_plugin.services import access
from zmdm_plugin.services.artifacts import failures
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "artifact_failures", path="/artifacts/failures", description="What failed, on every device."
)
_SHOWN = ("artifact_id", *OUTCOME)


@blueprint.route("/")
@blueprint.arguments(FailuresQuery, location="query")
@blueprint.operation(access.VIEW_ARTIFACTS)
@blueprint.response(200, ArtifactFailure(many=True), headers=paging.HEADERS)
def list_artifact_failures(query: dict[str, Any]) -> Any:
    """List what failed

    Every channel on which an artifact could not be installed or removed, one artifact after the
    other, with the reasons and the time of the next attempt.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_ARTIFACTS)
    page = failures.page(
        actor,
        artifact_id=query.get("artifact"),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    names = failures.failing() if page.items else {}
    return paging.answer(page.map(lambda pair: _shown(*pair, names)), query["limit"])


def _shown(row: ChannelArtifact, channel: Channel, names: dict[int, str]) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _SHOWN},
        "name": names.get(row.artifact_id, ""),
        "device_id": channel.device_id,
        "serial_number": channel.device.serial_number,
        "channel_id": channel.id,
        "user_short_name": channel.user_short_name,
    }
