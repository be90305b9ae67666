"""Where an artifact is, and where it is not and why."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin import artifact_words, paging
from zmdm_plugin.admin.device_facts import name_of, user_of
from zmdm_plugin.admin.screen import Screen, acting, demand, session, text
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import ArtifactVersion, Channel, ChannelArtifact
from zmdm_plugin.services import access
from zmdm_plugin.services.artifacts import artifacts, blueprints, listing, outcomes
from zmdm_plugin.services.keyset import Page

ENDPOINT = "zmdm_artifact_devices"


class ArtifactDevices(Screen):
    """The devices on which something was done about an artifact."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self, artifact_id: int) -> Response:
        """`what` narrows to installed, waiting or failed; `blueprint` to one blueprint's devices.

        Paged by key: the last page costs what the first does.
        """
        demand(access.VIEW_DEVICES)
        row = artifacts.find(artifact_id)
        what, blueprint = text("what", most=12), text("blueprint", most=19)
        group = what if what in listing.GROUPS else None
        chosen = int(blueprint) if blueprint.isascii() and blueprint.isdecimal() else None
        found = _page(artifact_id, group, chosen)
        ids = {
            one
            for outcome, _ in found.items
            for one in (outcome.installed_version_id, outcome.tried_version_id)
        }
        return self.page(
            "zmdm/artifact_devices.html",
            title=f"{row.name}: devices",
            row=row,
            page=paging.page(found.items, cursor=found.next_cursor),
            numbers=_numbers(one for one in ids if one is not None),
            what=group or "",
            blueprint=chosen,
            blueprints=blueprints.every(),
            groups=artifact_words.GROUPS,
            badge=artifact_words.status,
            why=why,
            name_of=name_of,
            user_of=user_of,
        )


def screens(below: Screen) -> list[Screen]:
    """What this file adds below the list of artifacts."""
    url = "artifacts/<int:artifact_id>/devices"
    return [ArtifactDevices("Devices", endpoint=ENDPOINT, url=url, below=below)]


def why(outcome: ChannelArtifact) -> str:
    """Why it is as it is, in the device's words or in ours; empty where nothing is to be said."""
    if outcome.unresolved:
        return f"This device has no value for {', '.join(outcome.unresolved)}."
    return " ".join(sentence(one) for one in outcomes.told(outcome))


def _numbers(version_ids: Iterable[int]) -> dict[int, int]:
    version = ArtifactVersion
    query = sa.select(version.id, version.number).where(version.id.in_(list(version_ids)))
    return {version_id: number for version_id, number in session().execute(query)}


def _page(
    artifact_id: int, group: str | None, blueprint: int | None
) -> Page[tuple[ChannelArtifact, Channel]]:
    """A stale or foreign cursor begins anew."""
    row, actor = artifacts.find(artifact_id), acting()
    try:
        return listing.outcomes(
            actor,
            row,
            group=group,
            blueprint_id=blueprint,
            cursor=paging.cursor(),
            limit=paging.PER_PAGE,
        )
    except Refused:
        return listing.outcomes(
            actor, row, group=group, blueprint_id=blueprint, limit=paging.PER_PAGE
        )
