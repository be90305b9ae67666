"""What a version of an app is to be installed with, and its configuration for one channel."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Mapping
from typing import Any, cast

from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import ArtifactVersion, Channel
from zmdm_plugin.protocol import variables
from zmdm_plugin.services import vault
from zmdm_plugin.services.artifacts import values


def options(version: ArtifactVersion) -> Mapping[str, Any]:
    """As it was uploaded, configuration included; NotFound when the source is gone."""
    source = vault.unseal(version, "source")
    if source is None:
        raise NotFound("this version of the artifact is gone")
    return cast(Mapping[str, Any], json.loads(source))


def configuration(version: ArtifactVersion, channel: Channel) -> dict[str, Any] | None:
    """The app's configuration on a channel; Refused names the variables without a value."""
    given = options(version).get("configuration")
    if not given:
        return None
    content = plistlib.loads(given.encode())
    if version.variables:
        content, unresolved = variables.substitute(content, values.of(channel))
        if unresolved:
            raise Refused("", f"no value for {', '.join(sorted(unresolved))}")
    return dict(content)


def flags(content: Mapping[str, Any]) -> int:
    """Apple's ManagementFlags: 1, goes with the enrollment; 4, stays out of backups."""
    return int(bool(content.get("remove_on_unenroll"))) + 4 * bool(content.get("prevent_backup"))
