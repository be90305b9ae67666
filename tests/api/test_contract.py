"""The live server under schemathesis: whatever the description allows or forbids, no operation
fails, and every answer is one that is described."""

from __future__ import annotations

import plistlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup

from tests import accounts
from tests.api.world import Program, add_device, add_user_channel, program, reading
from zmdm_plugin import db
from zmdm_plugin.models import ApiToken, PushCertificate, ScepIssuer
from zmdm_plugin.services import ca

EXAMPLES = 3
"""Per operation and mode: half a minute for all of them."""
load_all_checks()
CHECKS = [
    checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class World:
    """A server, a token for everything, and rows that operations find."""

    url: str
    headers: dict[str, str]
    token: int
    known: dict[str, Any]


@pytest.fixture
def world(app: Flask, live_server: Callable[[Flask], str]) -> World:
    api, device = program(app), add_device(app)
    add_user_channel(app, device, "jane")
    with app.app_context(), db.transaction() as session:
        certificate = PushCertificate(name="push", topic="com.apple.mgmt.External.test")
        session.add(certificate)
        ca.create("Test CA")
        session.flush()
        ids = {"push_certificate": certificate.id, "scep_issuer": session.scalar(issuer_ids())}
    enrollment = api.post("enrollments/", {"kind": "manual", "name": "Lab", **ids}).json["id"]
    command = api.post(f"devices/{device}/commands/SecurityInfo/").json["uuid"]
    with reading(app) as session:
        token = session.scalar(sa.select(ApiToken.id))
    known = {"device_id": device, "command_uuid": command, "enrollment_id": enrollment}
    known |= {"certificate_id": ids["push_certificate"], "issuer_id": ids["scep_issuer"]}
    known |= {"account_enrollment_id": accounts.lay(app)} | _artifact(api)
    return World(live_server(app), api.headers, token, known)


def _artifact(api: Program) -> dict[str, int]:
    """A data asset with a version, in a blueprint."""
    blueprint = api.post("blueprints/", {"name": "Office"}).json["id"]
    artifact = api.post("artifacts/", {"type": "data_asset", "name": "Settings"}).json["id"]
    source = b64encode(plistlib.dumps({"Key": "value"})).decode()
    version = api.post(f"artifacts/{artifact}/versions/", {"source": source}).json["id"]
    api.post(f"blueprints/{blueprint}/artifacts/", {"artifact": artifact})
    return {"blueprint_id": blueprint, "artifact_id": artifact, "version_id": version}


def issuer_ids() -> sa.Select[tuple[int]]:
    return sa.select(ScepIssuer.id)


def attack(world: World, operation: Any, mode: GenerationMode) -> set[int]:
    """Send an operation what its description allows, or what it does not; returns the answers."""
    seen: set[int] = set()

    @QUICK
    @given(case=operation.as_strategy(generation_mode=mode), meet=st.booleans())
    def send(case: Any, meet: bool) -> None:
        if meet:
            found = {
                name: world.known[name] for name in case.path_parameters if name in world.known
            }
            case.path_parameters.update(found)
        assume(str(case.path_parameters.get("token_id")) != str(world.token))
        response = case.call(headers=world.headers, timeout=20)
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)

    with suppress(Unsatisfiable):  # whatever is sent to it is allowed
        send()
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_answers_as_described(world: World, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(world.url + "/api/mdm/openapi.json")
    faults, fine = [], 0
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            fine += bool(attack(world, operation, mode) & {200, 201, 204})
        except FailureGroup as fault:
            faults.append(f"{operation.label}: {fault}")
    assert not faults, "\n\n".join(faults)
    assert fine >= (30 if mode is GenerationMode.POSITIVE else 0)
