"""Versions of an artifact: uploaded, looked at, compared, made current, and for whom."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import artifact_forms, downloads, forms, scope_forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, text
from zmdm_plugin.admin.words import sentence, stamp
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion
from zmdm_plugin.services import access, audit, tags
from zmdm_plugin.services.artifacts import artifacts, comparing, scope_words, versions
from zmdm_plugin.web.download import attachment

_ARTIFACT, _VERSION = "zmdm_artifact.index", "zmdm_artifact_version.index"
_MOST_COMPARED = 200
_FACTS = {
    "display_name": "Name",
    "name": "Name",
    "description": "Description",
    "organization": "Organization",
    "payload_identifier": "Uploaded as",
    "payload_types": "Payloads",
    "scope": "Payload scope",
    "signer": "Signed by",
    "app_id_name": "App ID",
    "team_name": "Team",
    "expires_at": "Expires",
    "kind": "Kind",
    "files": "Files",
    "type": "Type",
    "identifier": "Uploaded as",
    "accessible": "Key accessible",
    "product_id": "Product",
    "product_version": "Version of the product",
    "adam_id": "Number in the App Store",
    "associated_domains": "Associated domains",
    "vpn_uuid": "VPN",
    "content_filter_uuid": "Content filter",
    "dns_proxy_uuid": "DNS proxy",
    "relay_uuid": "Relay",
}
_SETTINGS = {
    "install_as_managed": "managed on Macs",
    "remove_on_unenroll": "goes when the device leaves",
    "take_over": "takes over what users installed",
    "prevent_backup": "stays out of backups",
    "ios_app": "the app for iPad on Macs",
    "configured": "has a configuration",
}


class NewVersion(Screen):
    """A new version, which is the current one at once."""

    permission = access.CHANGE_ARTIFACTS

    @expose("/", methods=("GET", "POST"))
    def index(self, artifact_id: int) -> Response:
        """The form for the artifact's type, with the scope of the current version."""
        row = artifacts.find(artifact_id)
        current = versions.find_current(row)
        form = forms.Form(artifact_forms.source_fields(row.type, current))
        scope = _scope(row, current.scope if current else None)
        problems: list[Any] = []
        if request.method == "POST":
            form.fields = forms.typed(form.fields, request.form)
            if answer := _upload(artifact_id, form, scope, problems):
                return answer
            row = artifacts.find(artifact_id)
        return self.page(
            "zmdm/artifact_upload.html",
            title=f"A new version of {row.name}",
            status=422 if form.faults or form.fault or scope.faults else 200,
            row=row,
            form=form,
            scope=scope,
            problems=problems,
        )


class VersionPage(Screen):
    """One version."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self, artifact_id: int, version_id: int) -> Response:
        """What may be shown of it, and what can be done with it."""
        row, version = _found(artifact_id, version_id)
        current = versions.find_current(row)
        names = {tag.id: tag.name for tag in tags.every()}
        others = versions.page(row, limit=_MOST_COMPARED).items
        return self.page(
            "zmdm/artifact_version.html",
            title=f"{row.name}, version {version.number}",
            row=row,
            version=version,
            current=current is not None and current.id == version.id,
            used=versions.usage(version),
            said=scope_words.words(version.scope, names),
            facts=facts(version),
            payload=comparing.masked(version.content.get("payload")),
            subject=_subject(version),
            others=[one for one in others if one.id != version.id],
            comparable=row.type in comparing.COMPARABLE,
        )

    @expose("/current/", methods=("POST",))
    def current(self, artifact_id: int, version_id: int) -> Response:
        """Put it above all others."""
        demand(access.CHANGE_ARTIFACTS)
        with db.transaction():
            _, version = _found(artifact_id, version_id)
            before = audit.snapshot(version)
            versions.make_current(version)
            after = audit.snapshot(version)
            audit.record(acting(), "artifact.make_current", version, before=before, after=after)
            said = f"Version {version.number} is the current one."
        return back(said, _ARTIFACT, artifact_id=artifact_id)

    @expose("/source/", methods=("POST",))
    def source(self, artifact_id: int, version_id: int) -> Response:
        """The file as it was uploaded; that it was taken is in the audit."""
        demand(access.VIEW_SOURCES)
        with db.transaction():
            _, version = _found(artifact_id, version_id)
            body = versions.source(version)
            audit.record(acting(), "artifact.download_source", version)
            name = version.filename or f"version-{version.number}"
        return downloads.guarded(attachment(body, name, "application/octet-stream"))

    @expose("/delete/", methods=("POST",))
    def delete(self, artifact_id: int, version_id: int) -> Response:
        """Gone, if no device has it, tried it, or is offered it."""
        demand(access.DELETE_ARTIFACTS)
        with db.transaction():
            _, version = _found(artifact_id, version_id)
            before = audit.snapshot(version)
            audit.record(acting(), "artifact.delete_version", version, before=before)
            versions.delete(version)
        return back("The version is deleted.", _ARTIFACT, artifact_id=artifact_id)

    @expose("/difference/")
    def difference(self, artifact_id: int, version_id: int) -> Response:
        """What differs from another version (`from`), line by line, what may be secret hidden."""
        demand(access.VIEW_SOURCES)
        row, version = _found(artifact_id, version_id)
        given = text("from", most=19)
        other = versions.find(row, int(given) if given.isascii() and given.isdecimal() else 0)
        if row.type not in comparing.COMPARABLE:
            raise NotFound("Versions of this type cannot be compared.")
        with db.transaction():
            audit.record(acting(), "artifact.compare_sources", version)
            before, after = comparing.text(row, other), comparing.text(row, version)
        return self.page(
            "zmdm/artifact_difference.html",
            title=f"{row.name}: from version {other.number} to {version.number}",
            row=row,
            version=version,
            other=other,
            lines=comparing.difference(before, after),
        )


class VersionScope(Screen):
    """For whom a version is; the others get the next one that is for them."""

    permission = access.CHANGE_ARTIFACTS

    @expose("/", methods=("GET", "POST"))
    def index(self, artifact_id: int, version_id: int) -> Response:
        """The form, and the change."""
        row, version = _found(artifact_id, version_id)
        scope = _scope(row, version.scope)
        if request.method == "POST" and (answer := _change_scope(artifact_id, version_id, scope)):
            return answer
        row, version = _found(artifact_id, version_id)
        return self.page(
            "zmdm/artifact_scope.html",
            title=f"Scope of {row.name}, version {version.number}",
            status=422 if scope.faults else 200,
            row=row,
            version=version,
            scope=scope,
        )


def screens(below: Screen) -> list[Screen]:
    """What this file adds below the list of artifacts."""
    every = "artifacts/<int:artifact_id>/versions"
    one = f"{every}/<int:version_id>"
    return [
        NewVersion("Upload", endpoint="zmdm_new_version", url=f"{every}/new", below=below),
        VersionPage("Version", endpoint="zmdm_artifact_version", url=one, below=below),
        VersionScope("Scope", endpoint="zmdm_version_scope", url=f"{one}/scope", below=below),
    ]


def facts(version: ArtifactVersion) -> list[tuple[str, str]]:
    """What may be shown of a version, as lines."""
    found = []
    for name, shown in _FACTS.items():
        value = version.content.get(name)
        if value not in (None, "", []):
            said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found.append((shown, said))
    if told := [words for name, words in _SETTINGS.items() if version.content.get(name)]:
        found.append(("Settings", ", ".join(told)))
    if version.content.get("removable") is False:
        found.append(("Users", "may not remove it"))
    if version.variables:
        found.append(("Variables", ", ".join(version.variables)))
    return [*found, ("Uploaded", stamp(version.created_at))]


def _subject(version: ArtifactVersion) -> list[str]:
    """Of a certificate asset: its subject and alternative names."""
    parts = version.content.get("subject") or ()
    names = version.content.get("subject_alt_name") or {}
    return [
        *(f"{part['type']}={part['value']}" for part in parts),
        *(f"{name}: {value}" for name, value in names.items()),
    ]


def _found(artifact_id: int, version_id: int) -> tuple[Artifact, ArtifactVersion]:
    row = artifacts.find(artifact_id)
    return row, versions.find(row, version_id)


def _scope(row: Artifact, kept: dict[str, Any] | None) -> scope_forms.ScopeForm:
    if request.method == "POST":
        return scope_forms.typed(request.form, row.platforms)
    return scope_forms.shown(kept, row.platforms)


def _upload(
    artifact_id: int, form: forms.Form, scope: scope_forms.ScopeForm, problems: list[Any]
) -> Response | None:
    """None when the form has to be shown again."""
    kind = ""
    try:
        with db.transaction():
            row = artifacts.find(artifact_id)
            kind = row.type
            source = artifact_forms.source(kind, declaration_type=row.declaration_type)
            version = versions.create(
                row,
                source.data,
                actor=acting(),
                filename=source.filename,
                scope=scope_forms.asked(scope),
            )
            audit.record(acting(), "artifact.upload", version, after=audit.snapshot(version))
            number, warnings = version.number, version.content.get("warnings")
    except Refused as error:
        if not scope.blame(error.field, error.why):
            problems += artifact_forms.blame(form, error, kind=kind)
        return None
    warned = ", with warnings" if warnings else ""
    said = f"Version {number} is the current one{warned}; devices in its scope get it."
    return back(said, _ARTIFACT, artifact_id=artifact_id)


def _change_scope(
    artifact_id: int, version_id: int, scope: scope_forms.ScopeForm
) -> Response | None:
    try:
        with db.transaction():
            _, version = _found(artifact_id, version_id)
            before = audit.snapshot(version)
            versions.change_scope(version, scope_forms.asked(scope))
            after = audit.snapshot(version)
            audit.record(acting(), "artifact.change_scope", version, before=before, after=after)
    except Refused as error:
        if not scope.blame(error.field, error.why):
            scope.faults["scope"] = sentence(error.why)
        return None
    return back("The scope is kept.", _VERSION, artifact_id=artifact_id, version_id=version_id)
