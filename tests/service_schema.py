"""Apple's JSON Schemas of its web services, as judges of what is said on the wire.

faults("dep", "AccountDetail", document)             # tests are marked needs("services_schema")
faults("anb", "EventResponse", document, closed=True)    # a key that the schema does not name, too
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs

from tests import requirements

_BASE = "https://schemas.invalid/"


def faults(service: str, name: str, document: Any, *, closed: bool = False) -> list[str]:
    """What Apple's schema of this name has against a document."""
    found = _validator(service, name, closed=closed).iter_errors(document)
    return [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in found]


@cache
def _validator(service: str, name: str, *, closed: bool) -> Any:
    root = requirements.services_schema()
    if root is None:
        raise FileNotFoundError("mark the test with needs('services_schema')")
    folder = root / service / "schemas"
    schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    registry = jsonschema_rs.Registry([(_BASE + one, schema) for one, schema in schemas.items()])
    whole: dict[str, Any] = {"$ref": f"{_BASE}{name}.json"}
    if closed:
        whole["unevaluatedProperties"] = False
    return jsonschema_rs.Draft202012Validator(whole, registry=registry, validate_formats=closed)
