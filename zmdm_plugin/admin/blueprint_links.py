"""Artifacts of a blueprint: put in, for whom, and taken out again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import artifact_words, scope_forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, session, text
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Artifact, BlueprintArtifact, MDMBlueprint
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.artifacts import artifacts, blueprints, listing

_PAGE = "zmdm_blueprint.index"
_MOST = 1000


class NewLink(Screen):
    """Put an artifact into a blueprint: first which one, then for whom."""

    permission = access.CHANGE_BLUEPRINTS

    @expose("/", methods=("GET", "POST"))
    def index(self, blueprint_id: int) -> Response:
        """`artifact` in the address says which one; without it, all that are not in it yet."""
        blueprint = blueprints.find(blueprint_id)
        given = text("artifact", most=19)
        if not given:
            return self._choose(blueprint)
        artifact = artifacts.find(int(given) if given.isascii() and given.isdecimal() else 0)
        scope = _scope(artifact, None)
        if request.method == "POST" and (answer := _link(blueprint_id, artifact.id, scope)):
            return answer
        return self.page(
            "zmdm/blueprint_link.html",
            title=f"Add {artifact.name} to {blueprint.name}",
            status=422 if scope.faults else 200,
            blueprint=blueprint,
            artifact=artifact,
            scope=scope,
            link=None,
        )

    def _choose(self, blueprint: MDMBlueprint) -> Response:
        return self.page(
            "zmdm/blueprint_link_choose.html",
            title=f"Add an artifact to {blueprint.name}",
            status=422 if request.method == "POST" else 200,
            blueprint=blueprint,
            artifacts=session().scalars(_not_in(blueprint)).all(),
            types=artifact_words.TYPES,
        )


class Link(Screen):
    """One artifact of a blueprint: for whom, and its end."""

    permission = access.CHANGE_BLUEPRINTS

    @expose("/", methods=("GET", "POST"))
    def index(self, blueprint_id: int, artifact_id: int) -> Response:
        """The scope, to be changed."""
        blueprint, artifact, link = _found(blueprint_id, artifact_id)
        scope = _scope(artifact, link.scope)
        if request.method == "POST" and (answer := _change(blueprint_id, artifact_id, scope)):
            return answer
        return self.page(
            "zmdm/blueprint_link.html",
            title=f"{artifact.name} in {blueprint.name}",
            status=422 if scope.faults else 200,
            blueprint=blueprint,
            artifact=artifact,
            scope=scope,
            link=link,
        )

    @expose("/remove/", methods=("GET", "POST"))
    def remove(self, blueprint_id: int, artifact_id: int) -> Response:
        """Says how many devices lose it, and takes it away when that was read."""
        blueprint, artifact, _ = _found(blueprint_id, artifact_id)
        if request.method == "POST":
            with db.transaction():
                _, _, again = _found(blueprint_id, artifact_id)
                audit.record(acting(), "blueprint.unlink", again, before=audit.snapshot(again))
                blueprints.unlink(again)
            said = "It is taken out; devices that have it lose it."
            return back(said, _PAGE, blueprint_id=blueprint_id)
        return self.page(
            "zmdm/blueprint_unlink.html",
            title=f"Take {artifact.name} out of {blueprint.name}?",
            blueprint=blueprint,
            artifact=artifact,
            number=listing.number_having(artifact_id, blueprint_id),
            needed_by=_still_needed(blueprint, artifact),
        )


def screens(below: Screen) -> list[Screen]:
    """What this file adds below the list of blueprints."""
    all_of = "blueprints/<int:blueprint_id>/artifacts"
    return [
        NewLink("Add", endpoint="zmdm_blueprint_add", url=f"{all_of}/new", below=below),
        Link(
            "Artifact",
            endpoint="zmdm_blueprint_link",
            url=f"{all_of}/<int:artifact_id>",
            below=below,
        ),
    ]


def _found(blueprint_id: int, artifact_id: int) -> tuple[MDMBlueprint, Artifact, BlueprintArtifact]:
    blueprint, artifact = blueprints.find(blueprint_id), artifacts.find(artifact_id)
    return blueprint, artifact, blueprints.find_link(blueprint, artifact)


def _scope(artifact: Artifact, kept: dict[str, Any] | None) -> scope_forms.ScopeForm:
    if request.method == "POST":
        return scope_forms.typed(request.form, artifact.platforms)
    return scope_forms.shown(kept, artifact.platforms)


def _link(blueprint_id: int, artifact_id: int, scope: scope_forms.ScopeForm) -> Response | None:
    """None when the form has to be shown again."""
    demand(access.CHANGE_BLUEPRINTS)
    try:
        with db.transaction():
            link = blueprints.link(
                blueprints.find(blueprint_id),
                artifacts.find(artifact_id),
                scope=scope_forms.asked(scope),
            )
            session().flush()
            audit.record(acting(), "blueprint.link", link, after=audit.snapshot(link))
    except Refused as error:
        _blame(scope, error)
        return None
    return back("It is part of the blueprint.", _PAGE, blueprint_id=blueprint_id)


def _change(blueprint_id: int, artifact_id: int, scope: scope_forms.ScopeForm) -> Response | None:
    demand(access.CHANGE_BLUEPRINTS)
    try:
        with db.transaction():
            _, _, link = _found(blueprint_id, artifact_id)
            before = audit.snapshot(link)
            blueprints.change_link(link, scope_forms.asked(scope))
            after = audit.snapshot(link)
            audit.record(acting(), "blueprint.change_link", link, before=before, after=after)
    except Refused as error:
        _blame(scope, error)
        return None
    said = "Its scope is kept; devices that are no longer in it lose it."
    return back(said, _PAGE, blueprint_id=blueprint_id)


def _blame(scope: scope_forms.ScopeForm, error: Refused) -> None:
    if not scope.blame(error.field, error.why):
        scope.faults["scope"] = sentence(error.why)


def _not_in(blueprint: MDMBlueprint) -> sa.Select[Any]:
    linked = sa.select(BlueprintArtifact.artifact_id).where(
        BlueprintArtifact.blueprint_id == blueprint.id
    )
    return (
        sa.select(Artifact).where(Artifact.id.not_in(linked)).order_by(Artifact.name).limit(_MOST)
    )


def _still_needed(blueprint: MDMBlueprint, artifact: Artifact) -> list[str]:
    """Others of the blueprint that need it: then it stays all the same."""
    linked = {row.artifact_id for row in session().scalars(_links(blueprint))}
    needed_by = listing.neighbours(artifact).needed_by
    return sorted({other.name for other, _ in needed_by if other.id in linked})


def _links(blueprint: MDMBlueprint) -> sa.Select[Any]:
    return sa.select(BlueprintArtifact).where(BlueprintArtifact.blueprint_id == blueprint.id)
