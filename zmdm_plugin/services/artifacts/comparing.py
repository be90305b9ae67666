"""Versions as text that may be looked at: what may be secret is hidden, two of them compared.

Names tell what is secret, and names can be anything: whoever looks needs the permission to
download the source all the same. Hiding is for those who look over a shoulder, and for pictures.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from zmdm_plugin.commands.base import REDACTED
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.models import Artifact, ArtifactVersion
from zmdm_plugin.models.artifacts import DECLARATIONS
from zmdm_plugin.protocol import plist, profile_lint
from zmdm_plugin.services.artifacts import versions

COMPARABLE = frozenset({"profile", "cert_asset", *DECLARATIONS})
"""Types whose sources are text, or can be written as text."""
_SECRET = re.compile(
    r"pass(word|phrase|code)(?!.*(allow|force|require|policy|age|history))|secret|challenge|token|"
    r"private_?key|(api|license|activation|registration|product|encryption|shared)_?(key|code)|"
    r"(^|_)pin$|credential$|(^|_)key$",
    re.IGNORECASE,
)
_CONTEXT = 3
_MOST_LINES = 5000


def text(artifact: Artifact, version: ArtifactVersion) -> list[str]:
    """The source as lines of JSON, keys in order, with what may be secret hidden."""
    source = versions.source(version)
    try:
        value = profile_lint.inspect(source).content if artifact.type == "profile" else None
        value = json.loads(source) if value is None else value
    except (ProtocolError, ValueError):
        return ["This version cannot be read as text."]
    shown = json.dumps(masked(value), indent=2, sort_keys=True, ensure_ascii=False, default=str)
    return shown.replace(f'"{REDACTED}"', "(hidden)").splitlines()


def difference(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """Lines that differ with some around them: (added | removed | same | place, text)."""
    kinds = {"+": "added", "-": "removed", " ": "same", "@": "place"}
    lines = difflib.unified_diff(before[:_MOST_LINES], after[:_MOST_LINES], lineterm="", n=_CONTEXT)
    found = [line for line in lines if not line.startswith(("---", "+++"))]
    return [(kinds[line[:1] or " "], line[1:] if line[0] != "@" else "…") for line in found]


def masked(value: Any, *, key: str = "") -> Any:
    """The same value with what may be secret hidden, and data told by size and hash."""
    if isinstance(value, Mapping):
        return {str(name): masked(part, key=str(name)) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part, key=key) for part in value]
    if isinstance(value, str | bytes) and value and _SECRET.search(key):
        return REDACTED
    if isinstance(value, bytes):
        return f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()[:16]}…"
    return plist.to_json(value)
