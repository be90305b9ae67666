"""What a command needs beyond its arguments, loaded at delivery: `needs` -> LOADERS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import ArtifactVersion
from zmdm_plugin.services import targets
from zmdm_plugin.services.artifacts import profiles
from zmdm_plugin.services.declarations import sync
from zmdm_plugin.services.enrollment import renewal


def load(needs: Iterable[str], args: Mapping[str, Any], *, channel_id: int) -> dict[str, Any]:
    """The material by name; NotFound or Refused when a part of it is gone."""
    return {name: LOADERS[name](channel_id, args) for name in needs}


def _target(channel_id: int, _args: Mapping[str, Any]) -> Any:
    return targets.target(targets.conversing(channel_id))


def _renewal_profile(_channel_id: int, args: Mapping[str, Any]) -> bytes:
    profile: bytes = renewal.render(str(args["session"]))
    return profile


def _artifact_profile(channel_id: int, args: Mapping[str, Any]) -> bytes:
    version = session().get(ArtifactVersion, args["version"])
    if version is None:
        raise NotFound("this version of the artifact is gone")
    return profiles.render(version, targets.conversing(channel_id))


def _artifact_source(_channel_id: int, args: Mapping[str, Any]) -> bytes:
    return profiles.source(args["version"])


def _provisioning_uuid(_channel_id: int, args: Mapping[str, Any]) -> str:
    version = session().get(ArtifactVersion, args["version"])
    if version is None:
        raise NotFound("this version of the artifact is gone")
    return str(version.content["uuid"])


def _sync_tokens(channel_id: int, _args: Mapping[str, Any]) -> bytes | None:
    return sync.sync_tokens(channel_id)


LOADERS: dict[str, Callable[[int, Mapping[str, Any]], Any]] = {
    "target": _target,
    "renewal_profile": _renewal_profile,
    "artifact_profile": _artifact_profile,
    "artifact_source": _artifact_source,
    "provisioning_uuid": _provisioning_uuid,
    "sync_tokens": _sync_tokens,
}
