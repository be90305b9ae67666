"""Artifacts: found, made, changed, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import (
    app_forms,
    artifact_forms,
    artifact_outcomes,
    artifact_versions,
    artifact_words,
    declaration_types,
    forms,
    paging,
)
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Artifact, ArtifactVersion
from zmdm_plugin.models.artifacts import DECLARATIONS, TYPES
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import access, audit, tags
from zmdm_plugin.services.artifacts import (
    artifacts,
    blueprints,
    graph,
    listing,
    scope_words,
    standing,
    versions,
)
from zmdm_plugin.services.artifacts.listing import ArtifactFilter

GROUP = "Configuration"
LIST, PAGE = "zmdm_artifacts", "zmdm_artifact"
_WHOLE = "whole"


class ArtifactList(Screen):
    """All artifacts."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self) -> Response:
        """By name; narrowed to a type, a blueprint, a text, or to those that fail somewhere."""
        search, kind = text("q"), text("type", most=24)
        blueprint = text("blueprint", most=19)
        failing = text("failing", most=1) == "1" and may(access.VIEW_DEVICES)
        wanted = ArtifactFilter(
            search=search or None,
            type=kind if kind in TYPES else None,
            blueprint=int(blueprint) if blueprint.isascii() and blueprint.isdecimal() else None,
            failing=failing,
        )
        found = listing.page(acting(), wanted, cursor=paging.cursor(), limit=paging.PER_PAGE)
        ids = [row.id for row in found.items]
        return self.page(
            "zmdm/artifacts.html",
            title="Artifacts",
            page=paging.page(found.items, cursor=found.next_cursor),
            wanted=wanted,
            types=artifact_words.TYPES,
            blueprints=blueprints.every(),
            currents=listing.currents(ids),
            linked=listing.blueprint_counts(ids),
            failing=listing.failing(acting(), ids) if may(access.VIEW_DEVICES) else set(),
        )


class ArtifactPage(Screen):
    """One artifact: what it is, who gets it, its versions."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self, artifact_id: int) -> Response:
        """The newest version first; a fixed number of statements."""
        row = artifacts.find(artifact_id)
        found = versions.page(row, cursor=paging.cursor(), limit=paging.PER_PAGE)
        names = {tag.id: tag.name for tag in tags.every()}
        return self.page(
            "zmdm/artifact.html",
            title=row.name,
            row=row,
            page=paging.page(found.items, cursor=found.next_cursor),
            current=versions.find_current(row),
            used=artifacts.usages(row).words,
            neighbours=listing.neighbours(row),
            links=listing.links_of(row),
            counts=_counts(row) if may(access.VIEW_DEVICES) else None,
            groups=artifact_words.GROUPS,
            types=artifact_words.TYPES,
            channels=artifact_words.CHANNELS,
            reinstall=artifact_words.REINSTALL,
            reinstalled=row.type in artifact_forms.REINSTALLED,
            said=lambda scope: _said(row, scope, names),
            facts=artifact_versions.facts,
        )

    @expose("/delete/", methods=("POST",))
    def delete(self, artifact_id: int) -> Response:
        """Gone with all its versions, if nothing uses it."""
        demand(access.DELETE_ARTIFACTS)
        with db.transaction():
            row = artifacts.find(artifact_id)
            audit.record(acting(), "artifact.delete", row, before=audit.snapshot(row))
            artifacts.delete(row)
        return back("The artifact is deleted.", f"{LIST}.index")


class NewArtifact(Screen):
    """A new artifact with its first version: first the type, then the form for it."""

    permission = access.ADD_ARTIFACTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """`type` in the address says which, and `declaration` of which of Apple's types."""
        kind, declaration = text("type", most=24), text("declaration", most=128)
        if kind not in TYPES:
            return self._choose()
        if kind in DECLARATIONS and not declaration and request.method == "GET":
            return self._choose_declaration(kind)
        known = None if declaration in ("", _WHOLE) else declaration
        form = forms.Form(
            [
                *artifact_forms.settings(kind, None),
                *artifact_forms.source_fields(kind, begin=_begin(kind, known)),
            ]
        )
        offered = declaration_types.platforms(known) if known else _offered(kind)
        picked = {"platforms": offered, "requires": []}
        problems: list[Any] = []
        if request.method == "POST":
            form.fields = forms.typed(form.fields, request.form)
            picked = _picked(picked)
            if answer := _create(kind, known, form, picked, problems):
                return answer
        return self.page(
            "zmdm/artifact_form.html",
            title=f"Add: {known or artifact_words.TYPES[kind]}",
            status=422 if form.faults or form.fault else 200,
            row=None,
            form=form,
            picked=picked,
            problems=problems,
            platforms=list(map(str, Platform)),
            others=artifact_forms.others(kind, None),
            cancel=flask.url_for(f"{LIST}.index"),
        )

    def _choose(self) -> Response:
        return self.page(
            "zmdm/artifact_choose.html",
            title="Add an artifact",
            status=422 if request.method == "POST" else 200,
            types=artifact_words.TYPES,
            about=artifact_words.ABOUT,
        )

    def _choose_declaration(self, kind: str) -> Response:
        return self.page(
            "zmdm/declaration_choose.html",
            title=f"Add: {artifact_words.TYPES[kind]}",
            kind=kind,
            offers=declaration_types.of_kind(kind),
            whole=_WHOLE,
        )


class ChangeArtifact(Screen):
    """What may change of an artifact; its type, its channel and its versions never do."""

    permission = access.CHANGE_ARTIFACTS

    @expose("/", methods=("GET", "POST"))
    def index(self, artifact_id: int) -> Response:
        """The form, and the change."""
        row = artifacts.find(artifact_id)
        form = forms.Form(artifact_forms.settings(row.type, row))
        picked = {
            "platforms": list(row.platforms),
            "requires": [str(one) for one in graph.needed(row.id, graph.REQUIRES)],
        }
        if request.method == "POST":
            form.fields = forms.typed(form.fields, request.form)
            picked = _picked(picked)
            if answer := _change(artifact_id, form, picked):
                return answer
            row = artifacts.find(artifact_id)
        return self.page(
            "zmdm/artifact_form.html",
            title=f"Update {row.name}",
            status=422 if form.faults or form.fault else 200,
            row=row,
            form=form,
            picked=picked,
            problems=[],
            platforms=list(map(str, Platform)),
            others=artifact_forms.others(row.type, row),
            cancel=flask.url_for(f"{PAGE}.index", artifact_id=artifact_id),
        )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = ArtifactList("Artifacts", endpoint=LIST, url="artifacts", group=GROUP)
    one = "artifacts/<int:artifact_id>"
    return [
        listed,
        NewArtifact("Add", endpoint="zmdm_new_artifact", url="artifacts/new", below=listed),
        ArtifactPage("Artifact", endpoint=PAGE, url=one, below=listed),
        ChangeArtifact("Update", endpoint="zmdm_change_artifact", url=f"{one}/edit", below=listed),
        *artifact_outcomes.screens(listed),
        *artifact_versions.screens(listed),
    ]


def _counts(row: Artifact) -> dict[str, int]:
    """Exact, for there is one artifact here."""
    found = standing.counts(acting(), row)
    return {
        group: sum(found.get(status, 0) for status in statuses)
        for group, statuses in listing.GROUPS.items()
    }


def _said(row: Artifact, scope: Mapping[str, Any], names: Mapping[int, str]) -> str:
    if scope_words.everything(scope, row.platforms):
        return "every device"
    return scope_words.words(scope, names)


def _offered(kind: str) -> list[str]:
    """Platforms that are ticked at first: of an app, those it is for have to be chosen."""
    return [] if kind in app_forms.KINDS else list(map(str, Platform))


def _begin(kind: str, known: str | None) -> str:
    return declaration_types.skeleton(known) if kind in DECLARATIONS and known else ""


def _picked(names: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {name: request.form.getlist(name) for name in names}


def _ids(given: list[str]) -> list[int]:
    if not all(one.isascii() and one.isdecimal() and len(one) < 19 for one in given):
        raise Refused("requires", "choose among those that are offered")
    return [int(one) for one in given]


def _settings(form: forms.Form, picked: Mapping[str, list[str]]) -> dict[str, Any]:
    known = {item.name for item in artifact_forms.settings("profile", None)}
    asked = artifact_forms.settings_asked([one for one in form.fields if one.name in known])
    return {**asked, "platforms": picked["platforms"]}


def _create(
    kind: str,
    declaration_type: str | None,
    form: forms.Form,
    picked: Mapping[str, list[str]],
    problems: list[Any],
) -> Response | None:
    """None when the form has to be shown again; both or neither is made."""
    try:
        with db.transaction():
            asked = _settings(form, picked)
            source = artifact_forms.source(kind, declaration_type=declaration_type)
            name = asked.pop("name")
            row = artifacts.create(kind, name, requires=_ids(picked["requires"]), **asked)
            audit.record(acting(), "artifact.create", row, after=audit.snapshot(row))
            version = versions.create(row, source.data, actor=acting(), filename=source.filename)
            audit.record(acting(), "artifact.upload", version, after=audit.snapshot(version))
            number, warned = row.id, _warned(version)
    except Refused as error:
        problems += artifact_forms.blame(form, error, kind=kind)
        return None
    said = f"The artifact is kept{warned}. Put it into a blueprint for devices to get it."
    return back(said, f"{PAGE}.index", artifact_id=number)


def _change(artifact_id: int, form: forms.Form, picked: Mapping[str, list[str]]) -> Response | None:
    try:
        with db.transaction():
            row = artifacts.find(artifact_id)
            before = audit.snapshot(row)
            asked = _settings(form, picked)
            artifacts.update(row, asked, requires=_ids(picked["requires"]))
            audit.record(acting(), "artifact.change", row, before=before, after=audit.snapshot(row))
    except Refused as error:
        artifact_forms.blame(form, error, kind="")
        return None
    return back("The artifact is kept.", f"{PAGE}.index", artifact_id=artifact_id)


def _warned(version: ArtifactVersion) -> str:
    return ", with warnings" if version.content.get("warnings") else ""
