"""The configuration of an app for one channel: as it was uploaded, with its variables replaced."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Mapping
from typing import Any

from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import ArtifactVersion
from zmdm_plugin.protocol import variables
from zmdm_plugin.services import vault

CONTENT_TYPE = "application/x-plist"


def of(version: ArtifactVersion, values: Mapping[str, str]) -> dict[str, Any] | None:
    """None where the app has none; Refused names the variables that are not among `values`."""
    source = vault.unseal(version, "source")
    if source is None:
        raise NotFound("this version of the artifact is gone")
    given = json.loads(source).get("configuration")
    if not given:
        return None
    content, unresolved = variables.substitute(plistlib.loads(given.encode()), values)
    if unresolved:
        raise Refused("", f"no value for {', '.join(sorted(unresolved))}")
    return dict(content)


def document(version: ArtifactVersion, values: Mapping[str, str]) -> bytes:
    """The same as a property list, in the same bytes for the same values."""
    return plistlib.dumps(of(version, values) or {})
