"""One declaration as a device fetches it, made from the line that its list had for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel
from zmdm_plugin.protocol import declarations, variables
from zmdm_plugin.protocol.apps import CONFIGURATION
from zmdm_plugin.protocol.ddm import Kind
from zmdm_plugin.services.declarations import app_assets, app_payloads, links
from zmdm_plugin.services.declarations.entries import Listed
from zmdm_plugin.services.declarations.manifest import type_of

Payload = dict[str, Any]


class Rendered(NamedTuple):
    type: str
    payload: Payload


class _Source(NamedTuple):
    """What a payload is made from."""

    artifact: Artifact
    version: ArtifactVersion
    channel: Channel
    line: Listed

    @property
    def link(self) -> str:
        return links.url(self.channel.uid, self.version.uid, self.version.sha256)


def render(line: Listed, channel: Channel) -> Rendered:
    """Type and payload; NotFound when the version is gone."""
    if "payload" in line.extra:
        return Rendered(line.extra["type"], line.extra["payload"])
    row = (
        session()
        .execute(
            sa.select(Artifact, ArtifactVersion)
            .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
            .where(ArtifactVersion.uid == line.version)
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("this version of the artifact is gone")
    artifact, version = row
    source = _Source(artifact, version, channel, line)
    if line.kind is Kind.ASSET and line.extra.get(app_assets.CONFIGURED):
        return Rendered(app_assets.TYPE, app_assets.payload(version, line, source.link))
    make = _MAKERS.get(artifact.type, _raw)
    return Rendered(type_of(artifact.type, artifact.declaration_type), make(source))


def _profile(source: _Source) -> Payload:
    return {"ProfileURL": source.link}


def _data_asset(source: _Source) -> Payload:
    version = source.version
    reference = {
        "DataURL": source.link,
        "ContentType": version.content_type,
        "Size": version.size,
        "Hash-SHA-256": version.sha256,
    }
    return {"Reference": reference, "Authentication": {"Type": "MDM"}}


def _cert_asset(source: _Source) -> Payload:
    payload: Payload = {
        "Reference": {"DataURL": source.link, "ContentType": "application/json"},
        "Authentication": {"Type": "MDM"},
    }
    if accessible := source.version.content.get("accessible"):
        payload["Accessible"] = accessible
    return payload


def _app(source: _Source, make: Callable[[ArtifactVersion, Channel], Payload]) -> Payload:
    payload = make(source.version, source.channel)
    if source.line.extra.get(app_assets.CONFIGURED):
        payload[CONFIGURATION] = app_assets.identifier(source.line.identifier)
    return payload


def _raw(source: _Source) -> Payload:
    """The operator's own wording, with our identifiers and the values of this channel in it."""
    content = source.version.content
    payload: Payload = content["payload"]
    references = content.get("references") or []
    names = _identifiers(one["artifact"] for one in references)
    for one in references:
        if (identifier := names.get(one["artifact"])) is not None:
            payload = declarations.replace(payload, tuple(one["path"]), identifier)
    values: Mapping[str, str] = source.line.extra.get("values") or {}
    return dict(variables.substitute(payload, values).value) if values else payload


def _identifiers(artifact_ids: Iterable[int]) -> dict[int, str]:
    ids = set(artifact_ids)
    if not ids:
        return {}
    found = sa.select(Artifact.id, Artifact.identifier).where(Artifact.id.in_(ids))
    return {id_: name for id_, name in session().execute(found)}


_MAKERS: dict[str, Callable[[_Source], Payload]] = {
    "profile": _profile,
    "data_asset": _data_asset,
    "cert_asset": _cert_asset,
    "store_app": lambda source: _app(source, app_payloads.store_app),
    "enterprise_app": lambda source: _app(source, app_payloads.enterprise_app),
}
