"""A version of a profile as one channel gets it: identifiers of ours, variables, signature.

Without variables it is the same for all, so it is rendered and signed once per process.
"""

from __future__ import annotations

from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel
from zmdm_plugin.protocol import plist, profile_lint, variables
from zmdm_plugin.services import vault
from zmdm_plugin.services.artifacts import values
from zmdm_plugin.services.artifacts.lru import kept
from zmdm_plugin.services.enrollment import profiles

_KEPT = 256
_LARGEST = 1024 * 1024
"""A larger one is rendered each time, rather than kept in memory."""


def render(version: ArtifactVersion, channel: Channel) -> bytes:
    """The profile, ready to install; Refused names the variables that have no value here."""
    known = kept("profiles", _KEPT)
    if (found := known.get(version.id)) is not None:
        return bytes(found)
    content = _content(version)
    if version.variables:
        content, unresolved = variables.substitute(content, values.of(channel))
        if unresolved:
            raise Refused("", f"no value for {', '.join(sorted(unresolved))}")
    rendered = profiles.signed(plist.dumps(content))
    if not version.variables and len(rendered) <= _LARGEST:
        known.put(version.id, rendered)
    return rendered


def source(version_id: int) -> bytes:
    """What was uploaded as this version."""
    version = session().get(ArtifactVersion, version_id)
    found = vault.unseal(version, "source") if version is not None else None
    if found is None:
        raise NotFound("this version of the artifact is gone")
    return found


def payload_uuid(version: ArtifactVersion) -> str:
    """The PayloadUUID of a version, as Apple writes them."""
    return version.uid.upper()


def _content(version: ArtifactVersion) -> Any:
    artifact = session().get(Artifact, version.artifact_id)
    uploaded = vault.unseal(version, "source")
    if artifact is None or uploaded is None:
        raise NotFound("this version of the artifact is gone")
    content = profile_lint.inspect(uploaded).content
    return profile_lint.installable(
        content, identifier=artifact.identifier, uuid=payload_uuid(version)
    )
