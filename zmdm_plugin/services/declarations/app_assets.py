"""The configuration of a declared app: an asset of its own beside the app, of the same version.

Both lines have the app's token, which a variable with another value changes.
https://developer.apple.com/documentation/devicemanagement/appmanaged
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from zmdm_plugin.models import ArtifactVersion
from zmdm_plugin.protocol.ddm import Kind
from zmdm_plugin.services import app_configuration
from zmdm_plugin.services.declarations.entries import Listed

TYPE = "com.apple.asset.data"
CONFIGURED = "configured"
"""In `extra` of an app's line: there is an asset with its configuration."""
_ENDING = ".config"


def identifier(app: str) -> str:
    """Of the asset that belongs to an app."""
    return f"{app}{_ENDING}"


def app_of(identifier: str) -> str | None:
    """Of the app that an asset belongs to, if it may be one."""
    return identifier.removesuffix(_ENDING) if identifier.endswith(_ENDING) else None


def beside(lines: Iterable[Listed]) -> Iterator[Listed]:
    """The assets that go with these lines."""
    for line in lines:
        if line.extra.get(CONFIGURED):
            yield Listed(
                Kind.ASSET, identifier(line.identifier), line.token, line.version, line.extra
            )


def content(version: ArtifactVersion, line: Listed) -> bytes:
    """The property list that the asset leads to; Refused where a variable has no value."""
    return app_configuration.document(version, line.extra.get("values") or {})


def payload(version: ArtifactVersion, line: Listed, link: str) -> dict[str, Any]:
    """Of the asset's declaration."""
    data = content(version, line)
    reference = {
        "DataURL": link,
        "ContentType": app_configuration.CONTENT_TYPE,
        "Size": len(data),
        "Hash-SHA-256": hashlib.sha256(data).hexdigest(),
    }
    return {"Reference": reference, "Authentication": {"Type": "MDM"}}
