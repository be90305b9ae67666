"""Raw declarations: what operators write, checked, and its references to artifacts of ours.

An artifact is referred to by its uid, by the Identifier that another declaration was uploaded
with, or by its name; on the device each stands under the identifier of its artifact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Artifact, ArtifactVersion
from zmdm_plugin.protocol import declarations
from zmdm_plugin.protocol.declarations import Reference, Schema
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.problems import Problem, joined
from zmdm_plugin.services import schema_folder

_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_KEYS = {"Type", "Identifier", "ServerToken", "Payload"}
_MOST_REFERENCES = 500
_AS_DECLARATIONS = {
    "profile": "com.apple.configuration.legacy",
    "data_asset": "com.apple.asset.data",
    "cert_asset": "com.apple.asset.credential.scep",
}
"""As what the types that are not declarations by themselves are declared."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration that may become a version, if none of its problems is an error."""

    content: dict[str, Any]
    problems: list[Problem]


def json_object(source: bytes) -> dict[str, Any]:
    """The JSON object that was uploaded; Refused."""
    try:
        found = json.loads(source)
    except (ValueError, RecursionError):
        raise Refused("source", "is not JSON") from None
    if not isinstance(found, dict):
        raise Refused("source", "must be a JSON object")
    _refuse_unstorable(found)
    return found


def _refuse_unstorable(root: dict[str, Any]) -> None:
    """JSON can spell characters that no database takes, not even to look for them."""
    left: list[tuple[str, Any]] = [("", root)]
    while left:
        path, value = left.pop()
        if isinstance(value, str) and _UNSTORABLE.search(value):
            raise Refused("source", str(Problem(path, "has characters that cannot be stored")))
        if isinstance(value, dict):
            left += [(path, name) for name in value]
            left += [(joined(path, name), part) for name, part in value.items()]
        elif isinstance(value, list):
            left += [(joined(path, number), part) for number, part in enumerate(value)]


def read(artifact: Artifact, source: bytes) -> Declared:
    """Read and check a declaration for this artifact; Refused for what cannot even be checked."""
    given = json_object(source)
    for key in given.keys() - _KEYS:
        raise Refused("source", f"{key[:50]} is unknown; there are Type, Identifier and Payload")
    type_name = _type(artifact, given.get("Type"))
    payload = given.get("Payload")
    if not isinstance(payload, dict):
        raise Refused("source", "Payload must be an object")
    schema = schema_folder.current()
    found = [
        *declarations.validate(type_name, payload, schema=schema),
        *declarations.unsupported(
            type_name,
            payload,
            platforms=[Platform(name) for name in artifact.platforms],
            channel="user" if artifact.channel == "user" else "device",
            schema=schema,
        ),
    ]
    references, faults = _references(artifact, type_name, payload, schema)
    found += faults
    content = {
        "type": type_name,
        "identifier": _identifier(artifact, given.get("Identifier")),
        "payload": payload,
        "references": references,
    }
    return Declared(content, found)


def _references(
    artifact: Artifact, type_name: str, payload: dict[str, Any], schema: Schema
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """What a payload refers to, as it is stored, and what is wrong with that."""
    named = list(declarations.references(type_name, payload, schema=schema))
    if len(named) > _MOST_REFERENCES:
        why = f"refers to {len(named)} others; at most {_MOST_REFERENCES} will do"
        raise Refused("source", why)
    targets = {name: _artifact(name) for name in {reference.value for reference in named}}
    found, faults = [], []
    for reference in named:
        target = targets[reference.value]
        problem = _fault(artifact, reference, target)
        if problem is not None:
            faults.append(Problem(reference.where, problem))
        elif target is not None:
            found.append({"path": list(reference.path), "artifact": target.id})
    return found, faults


def as_declaration(artifact: Artifact) -> str | None:
    """The Type under which an artifact is declared; None if it is not (yet known)."""
    return _AS_DECLARATIONS.get(artifact.type) or artifact.declaration_type


def _type(artifact: Artifact, given: Any) -> str:
    if not isinstance(given, str) or given not in schema_folder.current():
        raise Refused("source", "Type is none that Apple knows")
    kind = declarations.kind_of(given)
    if kind != artifact.type:
        raise Refused("source", f"{given} is of the kind {kind}; the artifact is {artifact.type}")
    if artifact.declaration_type not in (None, given):
        raise Refused("source", f"Type was {artifact.declaration_type}; all versions share it")
    return given


def _identifier(artifact: Artifact, given: Any) -> str | None:
    """The operator's own: optional, the same in all versions, of one artifact only."""
    if given is None:
        return None
    if not isinstance(given, str) or not 0 < len(given) <= 256:
        raise Refused("source", "Identifier must have 1 to 256 characters")
    if artifact.declaration_identifier not in (None, given):
        known = artifact.declaration_identifier
        raise Refused("source", f"Identifier was {known}; all versions share it")
    other = session().scalar(
        sa.select(Artifact.name).where(
            Artifact.declaration_identifier == given, Artifact.id != artifact.id
        )
    )
    if other is not None:
        raise Refused("source", f"Identifier is that of the artifact “{other}”")
    return given


def _artifact(name: str) -> Artifact | None:
    """What a reference names, by the surest way first."""
    for column in (
        Artifact.uid,
        Artifact.declaration_identifier,
        Artifact.identifier,
        Artifact.name,
    ):
        found = session().scalar(sa.select(Artifact).where(column == name))
        if found is not None:
            return found
    return None


def _fault(artifact: Artifact, reference: Reference, target: Artifact | None) -> str | None:
    """Why a reference cannot be kept; None if it can."""
    if target is None:
        return "names no artifact by its uid, Identifier or name"
    for why in _faults(artifact, reference, target):
        return f"“{target.name}” {why}"
    return None


def _faults(artifact: Artifact, reference: Reference, target: Artifact) -> Iterator[str]:
    if target.id == artifact.id:
        yield "is this artifact itself"
    type_name = as_declaration(target)
    if type_name is None and target.type != reference.kind:
        yield f"is no {reference.kind}"
    elif type_name is not None and type_name not in reference.allowed_types:
        yield f"is a {type_name}, which does not belong here"
    if target.channel != artifact.channel:
        yield f"is for {target.channel} channels"
    if missing := set(artifact.platforms) - set(target.platforms):
        yield f"is not for {min(missing)}"
    kind = _content_type(target)
    if reference.content_types and kind and kind not in reference.content_types:
        yield f"holds {kind}; needed is one of {', '.join(sorted(reference.content_types))}"


def _content_type(target: Artifact) -> str | None:
    if target.type != "data_asset":
        return None
    return session().scalar(
        sa.select(ArtifactVersion.content_type)
        .where(ArtifactVersion.artifact_id == target.id)
        .order_by(ArtifactVersion.rank.desc())
        .limit(1)
    )
